"""Write simulated dark-field fields as a labelled set: ``python scripts/write_darkfield.py FOLDER [--split test]``.

They are the very fields that the models ``cell-grid`` and ``cell-contour`` were made from (``train``, ``val``) and are
shown with (``test``), so that ``cellvino evaluate FOLDER --model cell-grid --split test`` repeats the table of a card.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import tifffile

from napari_cellvino.training.data.darkfield import simulated_fields
from napari_cellvino.training.shipped.sets import SEEDS


def main() -> None:
    """Write images, labels and the table of splits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--split", action="append", choices=list(SEEDS), help="repeatable (default: test)")
    options = parser.parse_args()
    rows = []
    for kind in ("images", "labels"):
        (options.folder / kind).mkdir(parents=True, exist_ok=True)
    for split in options.split or ["test"]:
        first, count = SEEDS[split]
        for field in simulated_fields(count, first_seed=first):
            tifffile.imwrite(options.folder / "images" / f"{field.id}.tif", field.image, photometric="rgb")
            labels = field.true_labels().astype(np.uint16)
            tifffile.imwrite(options.folder / "labels" / f"{field.id}.tif", labels, compression="zlib")
            rows.append({"id": field.id, "split": split})
    with (options.folder / "splits.csv").open("w", newline="", encoding="utf-8") as handle:
        table = csv.DictWriter(handle, ["id", "split"])
        table.writeheader()
        table.writerows(rows)
    print(f"{options.folder}: {len(rows)} fields")


if __name__ == "__main__":
    main()
