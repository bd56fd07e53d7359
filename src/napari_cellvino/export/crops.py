"""A cell cut out of its field with two outlines over it: what one side says, and what the other."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.export.exposure import Picture
from napari_cellvino.export.fields import Box

BEFORE = (230, 159, 0)  # orange and blue of Okabe and Ito: told apart by every eye
AFTER = (86, 180, 233)
SIDE = 168  # px of the square picture
MARGIN = 8  # px of the image round the cells


def draw_crop(
    picture: Picture, before: NDArray[np.bool_], after: NDArray[np.bool_], window: tuple[slice, slice]
) -> Picture:
    """Return a window of ``picture`` (Y, X, 3), enlarged, with the outlines of two masks (Y, X) of the whole field.

    The outline of ``before`` is orange and runs outside, that of ``after`` is blue and runs inside: both stay visible
    where they agree.
    """
    zoom = max(SIDE // max(part.stop - part.start for part in window), 1)
    enlarged = np.array(picture[window].repeat(zoom, 0).repeat(zoom, 1))
    for mask, colour, inner in ((before[window], BEFORE, False), (after[window], AFTER, True)):
        edge = _edge(mask.repeat(zoom, 0).repeat(zoom, 1), inner=inner)
        enlarged[edge] = colour
    return enlarged


def _edge(mask: NDArray[np.bool_], *, inner: bool) -> NDArray[np.bool_]:
    side = mask if inner else ~mask
    other = np.pad(~side, 1)
    beside = other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:]
    return np.asarray(side & beside)


def window_round(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return a square window round a box (y0, x0, y1, x1), as far as the image (Y, X) goes."""
    y0, x0, y1, x1 = (int(edge) for edge in box)
    half = max(y1 - y0, x1 - x0) // 2 + MARGIN
    y, x = (y0 + y1) // 2, (x0 + x1) // 2
    return slice(max(y - half, 0), min(y + half, shape[0])), slice(max(x - half, 0), min(x + half, shape[1]))


def as_data_url(picture: Picture) -> str:
    """Return a picture as the text of an ``<img src>``, so that a page needs no other file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
