"""StarDist in an environment of its own: ``python stardist_worker.py MODEL_FOLDER IMAGE.npy``.

Loads the model and the image and prints ``ready``. Then, for each line on standard input, runs ``predict_instances``
once and prints the seconds it took and how many objects it found. Normalising is not timed. Nothing of this project is
imported: it is not there.
"""

import sys
import time
from pathlib import Path

import numpy as np
from csbdeep.utils import normalize
from stardist.models import StarDist2D


def main() -> None:
    folder = Path(sys.argv[1])
    answers, sys.stdout = sys.stdout, sys.stderr  # StarDist talks while it loads
    model = StarDist2D(None, name=folder.name, basedir=str(folder.parent))
    image = normalize(np.load(sys.argv[2]), 1, 99.8)
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        labels, _ = model.predict_instances(image)
        print(time.perf_counter() - start, int(labels.max()), file=answers, flush=True)


if __name__ == "__main__":
    main()
