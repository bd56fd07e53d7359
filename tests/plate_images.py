"""A small plate of real nuclei for the tests of runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

SIDE = 96


def write_plate(folder: Path, wells: list[np.ndarray], names: tuple[str, ...] = ("A01", "A02", "B01")) -> Path:
    """Write two fields of two channels per well, named as ImageXpress does; the nuclei are in the second channel."""
    folder.mkdir()
    for n, well in enumerate(names):
        for field in (1, 2):
            part = wells[(n + field) % len(wells)][:SIDE, 40 * field : 40 * field + SIDE]
            tifffile.imwrite(folder / f"p_{well}_s{field}_w1.tif", part // 2 + 7)
            tifffile.imwrite(folder / f"p_{well}_s{field}_w2.tif", part)
    return folder
