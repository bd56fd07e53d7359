"""The pixels along the sides of objects in a label image, found in bands of rows that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.label_runs import Integers

BAND_ROWS = 128  # looked at at once


def outline_pixels(labels: Integers, px: int) -> NDArray[np.int64]:
    """Return the flat indices of the pixels of objects in ``labels`` (Y, X) with others in reach of ``px`` steps.

    They are the same where some objects are taken away: what a pixel of an object differs from, it still does.
    """
    width = labels.shape[1]
    found = [
        np.flatnonzero(edge & (labels[rows] != 0)) + np.int64(rows.start * width)
        for rows, edge in edge_bands(labels, px)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def edge_bands(labels: Integers, px: int) -> Iterator[tuple[slice, NDArray[np.bool_]]]:
    """Yield bands of rows, and which of their pixels have others in reach of ``px`` steps; of the background too."""
    for top in range(0, len(labels), BAND_ROWS):
        first, last = max(top - px, 0), min(top + BAND_ROWS + px, len(labels))
        near, edge = labels[first:last], np.zeros((last - first, labels.shape[1]), bool)
        for axis in range(2):
            before, after = _sides(axis)
            differs = near[before] != near[after]
            edge[before] |= differs
            edge[after] |= differs
        for _ in range(px - 1):
            edge = _widened(edge)
        yield slice(top, min(top + BAND_ROWS, len(labels))), edge[top - first : top - first + BAND_ROWS]


def _widened(edge: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wide = edge.copy()
    for axis in range(2):
        before, after = _sides(axis)
        wide[before] |= edge[after]
        wide[after] |= edge[before]
    return wide


def _sides(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return all but the last, and all but the first, of the pixels along an axis."""
    whole = [slice(None), slice(None)]
    before, after = whole.copy(), whole.copy()
    before[axis], after[axis] = slice(None, -1), slice(1, None)
    return tuple(before), tuple(after)
