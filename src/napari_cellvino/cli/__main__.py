"""``python -m napari_cellvino.cli``: the command line where no script is on the path."""

import sys

from napari_cellvino.cli import main

if __name__ == "__main__":
    sys.exit(main())
