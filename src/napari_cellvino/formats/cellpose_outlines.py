"""``_cp_outlines.txt`` of Cellpose: a line per cell of ``x,y,x,y,…``, the pixels along its edge.

These are pixels, not the lines between them: a cell is what they enclose and they themselves.

References
----------
https://cellpose.readthedocs.io/en/latest/outputs.html
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.draw import line

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.formats.areas import imported_cell, points_of
from napari_cellvino.formats.decoding import decoding
from napari_cellvino.formats.field import Cells
from napari_cellvino.formats.label_canvas import LabelCanvas, check_flat

KIND = "outlines of Cellpose"
LINE = re.compile(rb"\s*\d+\s*(,\s*\d+\s*)+$")
LOOKED_AT = 2**16  # bytes


def is_outlines(path: Path) -> bool:
    """Return whether a text file is called like outlines of Cellpose, or holds whole numbers with commas."""
    if path.stem.lower().endswith("_cp_outlines"):
        return True
    with decoding(path, "text"), path.open("rb") as handle:
        lines = [line for line in handle.read(LOOKED_AT).splitlines() if line.strip()]
    return bool(lines) and LINE.match(lines[0]) is not None


def read_outlines(path: Path, shape: tuple[int, ...]) -> Cells:
    """Return the cells in a file of outlines, of an image (Y, X).

    Raises
    ------
    ImageReadError
        If it holds anything but whole numbers in pairs.
    ImageValueError
        If the image is no plane, or an outline leaves it.
    """
    check_flat(path, f"a file of {KIND}", shape)
    canvas = LabelCanvas(shape)
    with decoding(path, KIND):
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip(" ,\t")]
        for number, line in enumerate(lines, 1):
            points = points_of([int(text) for text in line.strip(" ,\t").split(",")]).astype(np.intp)
            _check_inside(path, number, points, shape)
            canvas.rings(imported_cell(number, "cell"), [points + 0.5])
            edge = _all_pixels(points)
            canvas.pixels(imported_cell(number, "cell"), edge[:, 1], edge[:, 0])
    return canvas.cells()


def _all_pixels(points: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return every pixel (K, 2) along an outline, also where it leaves some out on straight ways."""
    steps = zip(points.tolist(), np.roll(points, -1, axis=0).tolist(), strict=True)
    lines = [np.stack(line(*start, *end), axis=1) for start, end in steps]
    return np.asarray(np.concatenate(lines), np.intp)


def _check_inside(path: Path, number: int, points: NDArray[np.intp], shape: tuple[int, ...]) -> None:
    size = np.array(shape[::-1])
    if (points < 0).any() or (points > size).any():
        x, y = points[((points < 0) | (points > size)).any(1)][0].tolist()
        raise ImageValueError(
            f"{path}, line {number}: x {x}, y {y} lies beyond the image of {shape[1]} x {shape[0]} px; "
            "are these the outlines of another image?"
        )
    np.minimum(points, size - 1, out=points)
