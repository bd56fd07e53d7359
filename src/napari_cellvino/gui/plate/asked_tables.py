"""Whether what a plate answered is still of what its folder of results says.

A plate is run again, corrected, or its contents are typed anew, and curves of before would be taken for those of now.
"""

from __future__ import annotations

import csv
from contextlib import suppress
from pathlib import Path

from napari_cellvino.plates.layout import COLUMNS
from napari_cellvino.results.schema import LAYOUT_NAME, WELLS_NAME
from napari_cellvino.storage.csv_table import read_dicts

OUTDATED = "Results or contents of wells have changed since: ask again."

AskedTables = tuple[str, bytes]


def asked_tables(root: Path) -> AskedTables:
    """Return what the answers of a folder of results follow from: numbers of its wells, and what these hold.

    The contents are left out of the numbers: they are written there later than into the layout.
    """
    rows, layout = list[dict[str, str]](), b""
    with suppress(OSError, ValueError, csv.Error):
        rows = [
            {name: text for name, text in row.items() if name not in COLUMNS} for row in read_dicts(root / WELLS_NAME)
        ]
    with suppress(OSError):
        layout = (root / LAYOUT_NAME).read_bytes()
    return repr(rows), layout
