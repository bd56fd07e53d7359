"""A cell cut out of its field with two outlines, or boxes, over it: what one side says, and what the other."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from napari_cellvino.figures.composite import Picture
from napari_cellvino.formats.field import Box

Integers = NDArray[np.integer[Any]]
Window = tuple[slice, slice]

BEFORE = (230, 159, 0)  # orange and blue of Okabe and Ito: told apart by every eye
AFTER = (86, 180, 233)
SIDE = 168  # px of the square picture
QUALITY = 70  # of the JPEG of a small copy
MARGIN = 8  # px of the image round the cells


def draw_crop(picture: Picture, before: Integers, after: Integers) -> Picture:
    """Return a cut of a picture (H, W, 3), enlarged, with the outlines of two label images (H, W) of it.

    The outlines of ``before`` are orange and run outside, those of ``after`` are blue and run inside: both stay visible
    where they agree. Lines between cells that touch are drawn, too.
    """
    zoom = max(SIDE // max(picture.shape[:2]), 1)
    enlarged = np.array(picture.repeat(zoom, 0).repeat(zoom, 1))
    for labels, colour, inside in ((before, BEFORE, False), (after, AFTER, True)):
        enlarged[_edge(labels.repeat(zoom, 0).repeat(zoom, 1), inside=inside)] = colour
    return enlarged


def _edge(labels: Integers, *, inside: bool) -> NDArray[np.bool_]:
    padded = np.pad(labels, 1, mode="edge")
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    if inside:
        return np.asarray((labels != 0) & np.logical_or.reduce([side != labels for side in sides]))
    return np.asarray(np.logical_or.reduce([side > labels for side in sides]))


def box_mask(boxes: Sequence[Box], window: Window) -> Integers:
    """Return a label image of a window of the field, filled with boxes (y0, x0, y1, x1) of the field from 1 on."""
    rows, columns = window
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.int32)
    for number, box in enumerate(boxes, 1):
        y0, x0, y1, x1 = (round(edge) for edge in box)
        top, left = max(y0 - rows.start, 0), max(x0 - columns.start, 0)
        mask[top : max(y1 - rows.start, 0), left : max(x1 - columns.start, 0)] = number
    return mask


def window_round(box: Box, shape: tuple[int, ...]) -> Window:
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


def thumbnail_url(path: Path, side: int) -> str:
    """Return a copy of a picture, ``side`` px at most, as `as_data_url` does; empty where it cannot be read."""
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
    except (OSError, UnidentifiedImageError):
        return ""
    small.thumbnail((side, side), reducing_gap=2.0)
    data = io.BytesIO()
    small.save(data, format="JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
