"""Which samples of a plane its range is taken from: neither areas without data, nor what outshines all else.

Borders of registered images, seams of mosaics and lost strips hold one value far from all others. Fibres, clumps and
burnt spots outshine the cells: left in, they set the bright end, and cells become too dim to be found. They are told
from cells by number: many more things must lie in the rest, well above its noise, and the rest must be far dimmer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

LEAST_SHARE = 0.005  # of the samples that one value must fill to be an area without data
MOST_SHARE = 0.5  # else it is the background of an image that was worked on
GAP = 6.0  # how far that value lies from the nearest others, in units of their spread
MATTERS = 0.1  # and in units of the range of the others: nearer ones change nothing
MOST_OUTSHINING = 0.08  # of the samples that bright things may cover
OUTSHONE = 4.0  # how much narrower the range becomes without them
BRIGHT = 0.4  # of the range: where they begin
GLOW = 4  # samples around them that are left out as well
ROUNDS = 3  # the brightest things first, then those that they outshone
CLEAR = 10.0  # standard deviations of the background that the highest of the rest reach
ABOVE_NOISE = 6.0  # standard deviations of the background that a thing reaches
REACH = 0.3  # of the height of the highest
SPECK = 4  # samples; smaller things do not count
SMALLEST_PX2 = 40.0  # of the usual thing: a cell of 7 px
MORE_NUMEROUS = 3  # times as many things must lie in the rest
FEWEST = 10  # things in the rest

Mask = NDArray[np.bool_]
Grid = NDArray[np.floating]


def has_data(grid: Grid) -> Mask:
    """Return which samples (Y, X) hold data: finite, and no area of one value far from all others."""
    known = np.isfinite(grid)
    values = grid[known]
    if values.size == 0:
        return known
    for lonely, (edge, within) in ((values.min(), (1, 5)), (values.max(), (99, 95))):
        same = grid == lonely
        rest = values[values != lonely]
        if not LEAST_SHARE <= np.count_nonzero(same) / grid.size <= MOST_SHARE:
            continue
        nearest, next_ones, bottom, top = np.percentile(rest, (edge, within, 1, 99))
        gap = abs(nearest - lonely)
        if gap > GAP * abs(next_ones - nearest) and gap > MATTERS * (top - bottom):
            known &= ~same
    left = grid[known]
    return known if left.size and left.min() < left.max() else np.isfinite(grid)


def without_outshining(grid: Grid, known: Mask, low: float, high: float, *, step: int = 1) -> Mask:
    """Return ``known`` (Y, X) without the few things that outshine the others; unchanged where there are none.

    ``low`` and ``high`` are the percentiles of the range, ``step`` is the distance of samples in px.
    """
    kept = known
    for _ in range(ROUNDS):
        bottom, top = np.percentile(grid[kept], (low, high))
        bright = kept & (grid > bottom + BRIGHT * (top - bottom))
        if not bright.any():
            return kept
        rest = kept & (ndi.distance_transform_cdt(~bright, "taxicab") > GLOW)
        if np.count_nonzero(known & ~rest) > 2 * MOST_OUTSHINING * np.count_nonzero(known):
            return kept
        least, most = np.percentile(grid[rest], (low, high))
        if top - bottom < OUTSHONE * (most - least) or not _holds_cells(grid, rest, float(most), bright, step):
            return kept
        kept = rest
    return kept


def _holds_cells(grid: Grid, rest: Mask, most: float, bright: Mask, step: int) -> bool:
    """Return whether the rest holds many more things than the bright ones, as large as cells and not crumbs."""
    less, middle, more = np.percentile(grid[rest], (40, 50, 60))
    noise = (more - less) / 0.507  # a normal distribution has 0.507 deviations between these
    if not (grid[rest] % 1).any():
        noise = max(noise, 1.0)  # whole numbers hide finer noise
    if most - middle < CLEAR * noise:
        return False
    reach = max(ABOVE_NOISE * noise, REACH * (most - middle))
    things = _areas(rest & (np.abs(grid - middle) > reach))
    enough = len(things) >= max(FEWEST, MORE_NUMEROUS * len(_areas(bright)))
    return enough and float(np.median(things)) * step**2 >= SMALLEST_PX2


def _areas(mask: Mask) -> NDArray[np.intp]:
    """Return the areas (N,) in samples of connected parts, specks left out."""
    parts, _ = ndi.label(mask)
    areas = np.bincount(parts.reshape(-1))[1:]
    return areas[areas >= SPECK]
