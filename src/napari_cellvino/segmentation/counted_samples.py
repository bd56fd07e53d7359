"""Which samples of a plane its range is taken from: not what outshines all else.

Fibres, clumps and burnt spots outshine the cells: left in, they set the bright end, and cells become too dim to be
found. They are told from cells by number: many more things must lie in the rest, well above its noise, and the rest
must be far dimmer.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.segmentation.band_evidence import ENOUGH, FilteredBands, evidence
from napari_cellvino.segmentation.order_statistics import percentiles, with_room
from napari_cellvino.segmentation.samples import Samples

MOST_OUTSHINING = 0.08  # of the samples that bright things may cover
OUTSHONE = 4.0  # how much narrower the range becomes without them
BRIGHT = 0.4  # of the range: where they begin
GLOW = 4  # samples around them that are left out as well
ROUNDS = 3  # the brightest things first, then those that they outshone
CLEAR = 10.0  # standard deviations of the background that the highest of the rest reach
ABOVE_NOISE = 6.0  # standard deviations of the background that a thing reaches
REACH = 0.3  # of the height of the highest
SPECK = 4  # samples; smaller things do not count
SMALLEST_PX2 = 28.0  # of the usual thing: a cell of 6 px
MORE_NUMEROUS = 3  # times as many things must lie in the rest
FEWEST = 10  # things in the rest
FAR_BRIGHTER = 12.0  # times as bright as the highest of the rest: no cells among cells are, and
FAR_CLEAR = 7.0  # standard deviations are enough
FEW = 3  # things are enough
TEXTURE = 0.4  # of the range of the rest: where its middle lies higher, it is no dark background
FULL = 0.1  # of the rest: where so much is bright, cells fill it

Mask = NDArray[np.bool_]
Grid = NDArray[np.floating]


def without_outshining(samples: Samples, low: float, high: float, *, step: int = 1) -> Mask:
    """Return where samples (Y, X) are known, without the few that outshine the others; all where there are none.

    ``low`` and ``high`` are the percentiles of the range, ``step`` is the distance of samples in px.
    """
    grid, known = samples.grid, samples.known
    kept, (bottom, top) = known, samples.values.percentiles((low, high))
    for _ in range(ROUNDS):
        bright = kept & (grid > bottom + BRIGHT * (top - bottom))
        if not bright.any() or _are_too_many(known & ~(kept & ~bright), known):
            return _without_glow(kept, known)
        rest = kept & ~_widened(bright, GLOW)
        if _are_too_many(known & ~rest, known):
            return _without_glow(kept, known)
        least, most = percentiles(grid[rest], (low, high))
        if top - bottom < OUTSHONE * (most - least) or not _holds_cells(grid, rest, float(most), bright, step):
            return _without_glow(kept, known)
        kept, bottom, top = rest, least, most
    return _without_glow(kept, known)


def _are_too_many(left_out: Mask, known: Mask) -> bool:
    return bool(np.count_nonzero(left_out) > 2 * MOST_OUTSHINING * np.count_nonzero(known))


def _without_glow(kept: Mask, known: Mask) -> Mask:
    """Return what is kept without a wider rim of what was left out, which still glows, unless that takes too much."""
    if kept is known:
        return known
    clear = kept & ~_widened(known & ~kept, 2 * GLOW)
    most = 3 * MOST_OUTSHINING * np.count_nonzero(known)
    return clear if np.count_nonzero(known & ~clear) <= most else kept


def _widened(mask: Mask, by: int) -> Mask:
    """Return the samples at most ``by`` steps along the axes from a mask; quicker than a distance transform.

    An empty column ends each row, so that all rows are shifted as one: in half of the time of one by one.
    """
    height, width = mask.shape
    row = width + 1
    flat = np.zeros(height * row, bool)
    flat.reshape(height, row)[:, :width] = mask
    for _ in range(by):
        wider = flat.copy()
        for shift in (1, row):
            wider[shift:] |= flat[:-shift]
            wider[:-shift] |= flat[shift:]
        wider[width::row] = False
        flat = wider
    return np.ascontiguousarray(flat.reshape(height, row)[:, :width])


def _holds_cells(grid: Grid, rest: Mask, most: float, bright: Mask, step: int) -> bool:
    """Return whether the rest holds cells: things as large as cells, no crumbs, or the texture of transmitted light."""
    least, middle, high = percentiles(grid[rest], (1, 50, 99))
    if middle - least > TEXTURE * (high - least):
        return _is_texture(grid, rest, float(middle))
    noise = (middle - least) / 2.33  # a normal distribution has so many deviations between these
    if not (grid[rest] % 1).any():
        noise = max(noise, 1.0)  # whole numbers hide finer noise
    far_brighter = percentiles(grid[bright], (50,))[0] - middle > FAR_BRIGHTER * (most - middle)
    if most - middle < (FAR_CLEAR if far_brighter else CLEAR) * noise:
        return False
    high_ones = rest & (np.abs(grid - middle) > max(ABOVE_NOISE * noise, REACH * (most - middle)))
    if far_brighter and np.count_nonzero(high_ones) > FULL * np.count_nonzero(rest):
        return True
    things = _areas(high_ones, ~rest)
    enough = FEW if far_brighter else max(FEWEST, MORE_NUMEROUS * len(_areas(bright)))
    return len(things) >= enough and float(np.median(things)) * step**2 >= SMALLEST_PX2


def _is_texture(grid: Grid, rest: Mask, middle: float) -> bool:
    """Return whether the rest is more than noise, as cells in transmitted light are."""
    field = np.where(rest, grid - middle, 0)
    spread = float(with_room(field[rest]).std())
    return evidence(FilteredBands((field / max(spread, 1e-300)).astype(np.float32), rest)) >= ENOUGH


def _areas(mask: Mask, beside: Mask | None = None) -> NDArray[np.intp]:
    """Return the areas (N,) in samples of connected parts, without specks and those that touch what lies beside."""
    parts, _ = scipy.ndimage.label(mask)
    areas = np.bincount(parts.reshape(-1))
    if beside is not None:
        areas[parts[scipy.ndimage.binary_dilation(beside) & mask]] = 0
    areas = areas[1:]
    return areas[areas >= SPECK]
