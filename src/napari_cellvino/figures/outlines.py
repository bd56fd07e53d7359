"""Outlines and boxes of objects painted into a picture, distinguishable with any colour vision.

Hues are from the palette of Okabe and Ito (see `palette`), which people with any common colour vision can tell apart.
Where a model has several classes, each has its hue; else neighbouring outlines have different hues as far as there are
enough. Outlines of doubtful objects differ in form as well: they are dashed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Doubt, Objects
from napari_cellvino.figures.composite import Picture
from napari_cellvino.figures.palette import AT_EDGE, DOUBTFUL, GAP, HUES, Colour, casings, ink, inks

Integers = NDArray[np.integer[Any]]

REACH = 8  # px: objects nearer than that get different hues
COARSE = 4  # px between the pixels that are looked at for it
DASH = 3  # px, for outlines of 1 px
_TURNS = [[(first + k) % len(HUES) for k in range(len(HUES))] for first in range(len(HUES))]  # all hues are used
LARGEST_LISTED = 2**20  # id up to which the rows of all are listed


def paint_outlines(
    picture: Picture, labels: Integers, objects: Objects, *, thickness: int, classes: int = 1, zoom: int = 1
) -> None:
    """Paint the outline of each object into a ``picture`` of either kind, ``thickness`` px wide, inside the object.

    A pixel of ``labels`` is a square of ``zoom`` px of the picture; boxes of ``objects`` may be in other pixels. An
    outline is open where the object is cut by the edge. Labels that are not among the objects are not painted.
    ``classes`` is the number of classes of the model.
    """
    edge, indexed = _edges(labels, zoom), picture.ndim == 2
    canvas = np.ascontiguousarray(picture)
    flat, width = canvas.reshape(-1, *picture.shape[2:]), edge.shape[1]
    at = np.flatnonzero(_widen(edge, thickness - 1))
    y = at // width
    x = at - y * width
    values = labels.reshape(-1)[y // zoom * labels.shape[1] + x // zoom]
    casing = at[values == 0]
    if thickness > 1:
        casing = casing[edge.reshape(-1)[casing]]
    flat[casing] = casings(indexed=indexed)[flat.take(casing, axis=0)]
    row, known = _rows(values, objects.id)
    known &= values != 0
    at, row = at[known], row[known]
    colours = object_colours(labels, objects, zoom) if classes == 1 else class_colours(objects)
    flat[at] = inks(colours, indexed=indexed).take(row, axis=0)
    dash = DASH + 2 * (thickness - 1)
    y, x = np.divmod(at[_dashed(objects)[row]], width)
    gap = (y // dash + x // dash) % 2 == 1
    flat[(y * width + x)[gap]] = ink(GAP, indexed=indexed)
    if canvas is not picture:
        picture[:] = canvas


def is_doubtful(objects: Objects) -> NDArray[np.bool_]:
    """Return which objects (N,) have a doubt other than that they touch the edge."""
    return np.asarray(objects.doubts & ~int(Doubt.TOUCHES_EDGE)).astype(bool)


def is_at_edge(objects: Objects) -> NDArray[np.bool_]:
    """Return which objects (N,) are marked as touching the edge."""
    return np.asarray(objects.doubts & int(Doubt.TOUCHES_EDGE)).astype(bool)


def object_colours(labels: Integers, objects: Objects, zoom: int = 1) -> Picture:
    """Return a colour per object (N, 3): a hue other than its neighbours', or that of its doubt."""
    return _with_doubts(HUES[_hues(_neighbours(labels, objects.id, zoom), len(objects))], objects)


def class_hues(classes: int) -> list[Colour]:
    """Return the colour of each class: blue, orange, green, pink, vermilion, and again."""
    return [(int(r), int(g), int(b)) for r, g, b in HUES[np.arange(classes) % len(HUES)]]


def class_colours(objects: Objects) -> Picture:
    """Return the colour of its class per object (N, 3)."""
    return HUES[objects.class_index % len(HUES)]


def _with_doubts(colours: Picture, objects: Objects) -> Picture:
    colours[is_at_edge(objects)] = AT_EDGE
    colours[is_doubtful(objects)] = DOUBTFUL
    return colours


def paint_boxes(picture: Picture, objects: Objects, *, zoom: float, thickness: int, classes: int = 1) -> None:
    """Paint the box of each object into a ``picture`` of either kind, ``thickness`` px wide, inside the box.

    A picture pixel is 1 / ``zoom`` px of the image that the boxes lie in; else as `paint_outlines`.
    """
    colours, indexed = class_colours(objects), picture.ndim == 2
    colours = colours if classes > 1 else _with_doubts(colours, objects)
    y, x = (np.arange(n) // (DASH + 2 * (thickness - 1)) for n in picture.shape[:2])
    gap = (y[:, None] + x) % 2 == 1
    boxes = np.rint(objects.box * zoom).astype(int)
    for box in (boxes + np.array([-1, -1, 1, 1])).tolist():
        for side in _frame(box, 1):
            picture[side] = casings(indexed=indexed)[picture[side]]
    of_box = inks(colours, indexed=indexed)
    for box, colour, dashed in zip(boxes.tolist(), of_box, _dashed(objects), strict=True):
        for side in _frame(box, thickness):
            picture[side] = colour
            if dashed:
                picture[side][gap[side]] = ink(GAP, indexed=indexed)


def _frame(box: list[int], thickness: int) -> list[tuple[slice, slice]]:
    """Return the four sides of a box (y0, x0, y1, x1), inside it."""
    y0, x0, y1, x1 = (max(edge, 0) for edge in box)
    high, wide = min(y0 + thickness, y1), min(x0 + thickness, x1)
    rows, columns = slice(y0, y1), slice(x0, x1)
    low, right = slice(max(y1 - thickness, y0), y1), slice(max(x1 - thickness, x0), x1)
    return [(slice(y0, high), columns), (low, columns), (rows, slice(x0, wide)), (rows, right)]


def _dashed(objects: Objects) -> NDArray[np.bool_]:
    return is_doubtful(objects) | is_at_edge(objects)


def _edges(labels: Integers, zoom: int) -> NDArray[np.bool_]:
    """Return the pixels (Y, X) of a picture with another label above, below, left or right of them.

    Only the borders between pixels of ``labels`` are looked at: they are few.
    """
    height, width = labels.shape[0] * zoom, labels.shape[1] * zoom
    edge = np.zeros(height * width, bool)
    along = np.arange(zoom)
    y, x = _where(labels[1:] != labels[:-1])
    below = ((y + 1) * (zoom * width) + x * zoom)[:, None] + along
    edge[below] = edge[below - width] = True
    y, x = _where(labels[:, 1:] != labels[:, :-1])
    right = (y * (zoom * width) + (x + 1) * zoom)[:, None] + along * width
    edge[right] = edge[right - 1] = True
    return edge.reshape(height, width)


def _where(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return y and x of the pixels of ``mask``, 5x as fast as ``np.nonzero`` where they are few."""
    y, x = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return y, x


def _widen(mask: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Return ``mask`` grown by one pixel to each of four sides, ``steps`` times."""
    for _ in range(steps):
        grown = mask.copy()
        for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            grown[here] |= mask[there]
            grown[there] |= mask[here]
        mask = grown
    return mask


def _rows(values: Integers, ids: Integers) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the position in ``ids`` (N,) of each value, and whether it is there at all."""
    if len(ids) == 0:
        return np.zeros(len(values), np.intp), np.zeros(len(values), bool)
    largest = int(ids.max())
    if largest <= LARGEST_LISTED:  # a list of all ids: in a tenth of the time of searching each
        of_id = np.full(largest + 2, -1, np.intp)
        of_id[ids] = np.arange(len(ids))
        rows = of_id[np.minimum(values.astype(np.intp), largest + 1)]
        return rows, rows >= 0
    by_id = np.argsort(ids, kind="stable")
    rows = by_id[np.minimum(np.searchsorted(ids[by_id], values), len(ids) - 1)]
    return rows, ids[rows] == values


def _neighbours(labels: Integers, ids: Integers, zoom: int) -> NDArray[np.intp]:
    """Return the pairs of rows (K, 2) of objects within `REACH` px; every fourth pixel is enough to see them."""
    rows, columns = (np.arange(0, zoom * length, COARSE) // zoom for length in labels.shape)
    coarse = labels[rows[:, None], columns]
    found = [
        _pairs(coarse, dy * step, dx * step)
        for step in (1, REACH // COARSE)
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1))
    ]
    (a, a_known), (b, b_known) = (_rows(np.concatenate(side), ids) for side in zip(*found, strict=True))
    known = a_known & b_known
    keys = np.unique(a[known] * len(ids) + b[known])
    return np.stack(np.divmod(keys, max(len(ids), 1)), axis=1)


def _pairs(labels: Integers, dy: int, dx: int) -> tuple[Integers, Integers]:
    """Return the labels of two different objects wherever one lies at (dy, dx) from the other."""
    height, width = labels.shape
    near = labels[: max(height - dy, 0), max(-dx, 0) : max(width - max(dx, 0), 0)]
    far = labels[dy:, max(dx, 0) : max(width + min(dx, 0), 0)]
    both = (near != far) & (near != 0) & (far != 0)
    return near[both], far[both]


def _hues(pairs: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Return a hue per object (N,) that differs from its neighbours', as far as there are enough hues."""
    adjacent: list[list[int]] = [[] for _ in range(n)]
    for a, b in pairs.tolist():
        adjacent[a].append(b)
        adjacent[b].append(a)
    hues = [-1] * n
    for row in range(n):
        taken = [hues[other] for other in adjacent[row]]
        hues[row] = min(_TURNS[row % len(HUES)], key=taken.count) if taken else row % len(HUES)
    return np.array(hues, np.intp)
