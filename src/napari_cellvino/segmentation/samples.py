"""Medians of a plane on a grid, and which of them hold data: what its range, its light and its noise are told by.

Borders of registered images, seams of mosaics and lost strips hold one value far from all others: they hold no data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.normalise import SAMPLES, medians_of_nine
from napari_cellvino.segmentation.order_statistics import Counted, Listed, Values, as_floats, values_of

LEAST_SHARE = 0.005  # of the samples that one value must fill to be an area without data
MOST_SHARE = 0.5  # else it is the background of an image that was worked on
GAP = 6.0  # how far that value lies from the nearest others, in units of their spread
MATTERS = 0.1  # and in units of the range of the others: nearer ones change nothing

Mask = NDArray[np.bool_]
Grid = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples ``grid`` (Y, X), where they are ``known``, and their known ``values``.

    Where these are counted, ``levels`` are the samples as whole numbers.
    """

    grid: Grid
    known: Mask
    values: Values
    levels: NDArray[np.generic] | None = None

    @classmethod
    def of(cls, grid: Grid, known: Mask) -> Samples:
        """Return samples of any values."""
        return cls(grid, known, Listed(values_where(grid, known)))

    @property
    def counts(self) -> NDArray[np.intp] | None:
        """How many known samples have each level; None where they are not counted."""
        return self.values.counts if isinstance(self.values, Counted) else None


def sampled(plane: NDArray[np.generic], samples: int = SAMPLES) -> Samples:
    """Return about so many samples of a plane (Y, X): medians of 3 x 3 pixels on a grid."""
    medians = medians_of_nine(plane, samples)
    grid, values = as_floats(medians), values_of(medians)
    levels = medians if isinstance(values, Counted) else None
    finite = np.isfinite(grid) if levels is None else np.ones(grid.shape, bool)
    known, left = finite, values
    for lonely, (edge, within) in zip(values.ends if values.size else (), ((1, 5), (99, 95)), strict=False):
        if not LEAST_SHARE <= values.number_of(lonely) / grid.size <= MOST_SHARE:
            continue
        nearest, next_ones, bottom, top = values.without(lonely).percentiles((edge, within, 1, 99))
        gap = abs(nearest - lonely)
        if gap > GAP * abs(next_ones - nearest) and gap > MATTERS * (top - bottom):
            known, left = known & (grid != lonely), left.without(lonely)
    if left.size and left.ends[0] < left.ends[1]:
        return Samples(grid, known, left, levels)
    return Samples(grid, finite, values, levels)


def values_where(grid: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return the values (N,) of ``grid`` (Y, X) where ``mask``; without a copy where that is everywhere."""
    return grid.reshape(-1) if mask.all() else grid[mask]
