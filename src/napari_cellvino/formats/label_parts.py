"""The connected parts of a label image, and how many of those of one value lie apart: a cell is one piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label as connected_parts

from napari_cellvino.formats.field import Labels

FEW_CLASSES = 8
PIECES = 3  # large ones that lie apart, of every value, where values are classes
LARGE_PIECE = 0.1  # of the largest
FULL = (2**8 - 1, 2**16 - 1)  # what programs write for yes


@dataclass(frozen=True, slots=True)
class LabelParts:
    """Connected parts of one value each: their number, ``value`` and ``area`` px per part, and those that lie apart."""

    labels: Labels
    value: NDArray[np.int64]
    area: NDArray[np.int64]
    apart: NDArray[np.int64]  # large parts per value, in the order of ``values``
    values: NDArray[np.int64]


def find_parts(labels: Labels) -> LabelParts:
    """Return the connected parts (diagonals connect) of each value of a label image."""
    parts = np.asarray(connected_parts(labels), np.int32)
    area = np.bincount(parts.ravel())[1:]
    value = np.zeros(len(area) + 1, np.int64)
    value[parts.ravel()] = labels.ravel()
    values, row = np.unique(value[1:], return_inverse=True)
    largest = np.zeros(len(values), np.int64)
    np.maximum.at(largest, row, area)
    large = area >= LARGE_PIECE * largest[row]
    several = np.bincount(row[large], minlength=len(values)) > 1
    boxes = ndimage.find_objects(parts) if several.any() else []
    apart = np.ones(len(values), np.int64)
    for place in np.flatnonzero(several):
        apart[place] = _count_apart([boxes[part] for part in np.flatnonzero((row == place) & large)])
    return LabelParts(parts, value[1:], area, apart, values)


def _count_apart(boxes: list[tuple[slice, ...]]) -> int:
    """Return how many boxes neither overlap nor touch one that was counted before."""
    low = np.array([[side.start for side in box] for box in boxes])
    high = np.array([[side.stop for side in box] for box in boxes])
    kept: list[int] = []
    for row in range(len(boxes)):
        near = (low[row] <= high[kept]).all(1) & (high[row] >= low[kept]).all(1) if kept else np.zeros(0, bool)
        if not near.any():
            kept.append(row)
        if len(kept) >= PIECES:
            break
    return len(kept)


def parts_that_touch(pieces: LabelParts) -> NDArray[np.bool_]:
    """Return, for each connected part, whether it lies against a part of another value."""
    found = []
    for axis in range(pieces.labels.ndim):
        along = np.moveaxis(pieces.labels, axis, 0)
        met = (along[1:] != along[:-1]) & (along[1:] > 0) & (along[:-1] > 0)
        found += [along[1:][met], along[:-1][met]]
    against = np.zeros(len(pieces.value), bool)
    against[np.unique(np.concatenate(found)) - 1] = True
    return against


def is_class_mask(pieces: LabelParts) -> bool:
    """Return whether values stand for many cells each: one for all in a binary mask, or one per class."""
    if len(pieces.values) == 1:
        return len(pieces.area) > 1 or int(pieces.values[0]) in FULL
    return stand_for_many(pieces) or _are_two_classes(pieces)


def _are_two_classes(pieces: LabelParts) -> bool:
    """Return whether two values are on at least four large pieces: 2 and 2, or 3 and 1, which are hardly two cells."""
    return len(pieces.values) == 2 and int(pieces.apart.sum()) >= 4


def stand_for_many(pieces: LabelParts) -> bool:
    """Return whether values are few, and each is on several large pieces that lie apart, as that of many cells is."""
    return 0 < len(pieces.values) <= FEW_CLASSES and bool((pieces.apart >= PIECES).all())
