"""How bright an object is against its surroundings: a ring around it, neighbours left out.

Translocation assays (FKHR, NF-kB) measure how much of a protein is in the nucleus; the ring represents the cytoplasm.
The ring is every pixel of no object whose centre is at most ``width`` px from a pixel's centre of the object; where two
objects are close, both count the pixels between them.

Dilating each object separately was ruled out: a field has hundreds. Instead the rows of all objects are widened at
once: a run of pixels reaches ``width`` px up and down, and the less far to the sides the further up or down it reaches.
The union of those stretches is the grown object, exactly, and sums over stretches follow from running sums along the
rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.measure.runs import Runs, find_runs

WIDTH = 5  # px
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class RowStretches:
    """Stretches (S,) of rows, those of one object on one row apart from each other: object, row, and x0 to x1 - 1."""

    row: Index
    y: Index
    x0: Index
    x1: Index


def ring_means(
    labels: NDArray[np.integer], ids: NDArray[np.integer], pixels: NDArray[np.generic], *, width: int = WIDTH
) -> NDArray[np.float64]:
    """Return the mean (C, N) of each channel in the ring around each object; NaN where the ring has no pixel.

    Parameters
    ----------
    labels
        (Y, X) label image; pixels of any label are in no ring.
    ids
        (N,) the objects.
    pixels
        (C, Y, X) of any real dtype; those that are not finite are left out.
    width
        Of the ring, in px.

    Raises
    ------
    ImageValueError
        If an object has no pixel in the label image.
    """
    grown = grow(find_runs(labels, ids), width, labels.shape)
    free = labels == 0
    means = np.full((len(pixels), len(ids)), np.nan)
    for channel, mean in zip(pixels, means, strict=True):
        counted = free & np.isfinite(channel)
        total = _sums(grown, np.where(counted, channel, 0), len(ids))
        count = _sums(grown, counted, len(ids))
        np.divide(total, count, out=mean, where=count > 0)
    return means


def grow(runs: Runs, width: int, shape: tuple[int, ...]) -> RowStretches:
    """Return the pixels of an image of ``shape`` (Y, X) within ``width`` px of each object, the object's included."""
    dy = np.arange(-width, width + 1)
    reach = np.floor(np.sqrt(width**2 - dy**2)).astype(np.intp)
    row, y = np.repeat(runs.row, len(dy)), (runs.y[:, None] + dy).ravel()
    x0 = np.maximum(runs.x0[:, None] - reach, 0).ravel()
    x1 = np.minimum(runs.x1[:, None] + reach, shape[1]).ravel()
    inside = (y >= 0) & (y < shape[0])
    return _union(RowStretches(row[inside], y[inside], x0[inside], x1[inside]), shape)


def _union(stretches: RowStretches, shape: tuple[int, ...]) -> RowStretches:
    """Return the same pixels of each object, each once."""
    line = stretches.row * shape[0] + stretches.y  # one number per object and row
    span = shape[1] + 1
    order = np.argsort(line * span + stretches.x0)  # by one key: half of the time that two take
    line, x0, x1 = line[order], stretches.x0[order], stretches.x1[order]
    end = np.maximum.accumulate(line * span + x1) - line * span  # furthest end so far on the same line
    new = np.ones(len(line), bool)
    new[1:] = (line[1:] != line[:-1]) | (x0[1:] > end[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(line))[: len(first)] - 1
    return RowStretches(line[first] // shape[0], line[first] % shape[0], x0[first], end[last])


def _sums(stretches: RowStretches, values: NDArray[np.generic], count: int) -> NDArray[np.float64]:
    """Return the sum (N,) of an image (Y, X) over the stretches of each object."""
    running = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=running[:, 1:])
    per_stretch = running[stretches.y, stretches.x1] - running[stretches.y, stretches.x0]
    return np.bincount(stretches.row, per_stretch, minlength=count).astype(np.float64, copy=False)
