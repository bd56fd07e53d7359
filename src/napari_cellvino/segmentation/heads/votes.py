"""Centres from the votes of pixels, and the centre each vote belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

REACH = 3  # px: half-size of the square for smoothing and for local maxima
SIGMA = 1.5  # px
_SHIFTS = tuple(product(range(-REACH, REACH + 1), repeat=2))


@dataclass(frozen=True, slots=True)
class Centres:
    """Centres (N, 2) as y, x, and the centre (from 0) of every vote."""

    yx: NDArray[np.float32]  # (N, 2)
    of_vote: NDArray[np.int32]


def find_centres(votes_y: NDArray[np.intp], votes_x: NDArray[np.intp], shape: tuple[int, int], split: float) -> Centres:
    """Return the centres of votes, which are integer pixels inside ``shape``.

    Two peaks are one cell if their distance is below ``1 - split`` times the sum of their radii; a radius is that of a
    disc with as many pixels as the peak has votes.
    """
    height, width = shape[0] + 2 * REACH, shape[1] + 2 * REACH
    where = (votes_y + REACH) * width + (votes_x + REACH)
    voted = np.zeros(height * width, bool)
    voted[where] = True
    cells = np.flatnonzero(voted)
    if len(cells) == 0:
        return Centres(np.zeros((0, 2), np.float32), np.zeros(0, np.int32))
    place = np.empty(height * width, np.int32)  # only what was voted for is written, and read
    place[cells] = np.arange(len(cells))
    cell = place[where]
    counts = np.bincount(cell)
    smooth = _smoothed(counts, cells, width, height * width)
    seeds = cells[_is_peak(smooth, cells, width)]
    cell_yx = np.stack(np.divmod(cells, width), 1)
    owner = cKDTree(np.stack(np.divmod(seeds, width), 1)).query(cell_yx)[1]
    owner = _join_close(owner, cell_yx, counts, 1.0 - split)
    means = _weighted_means(owner, cell_yx - REACH, counts)
    return Centres(means.astype(np.float32), owner.astype(np.int32)[cell])


def _smoothed(counts: NDArray[np.intp], cells: NDArray[np.intp], width: int, size: int) -> NDArray[np.float32]:
    """Return a flat image of ``size`` px with Gaussian-smoothed ``counts`` at ``cells`` (N,) and 0 elsewhere."""
    image = np.zeros(size, np.int32)
    image[cells] = counts
    total = np.zeros(len(cells), np.float32)
    for dy, dx in _SHIFTS:
        total += np.float32(np.exp(-(dy * dy + dx * dx) / (2 * SIGMA**2))) * image[cells + (dy * width + dx)]
    smooth = np.zeros(size, np.float32)
    smooth[cells] = total
    return smooth


def _is_peak(smooth: NDArray[np.float32], cells: NDArray[np.intp], width: int) -> NDArray[np.bool_]:
    """Return which vote pixels are local maxima; among equals the first in raster order."""
    own = smooth[cells]
    peak = np.ones(len(cells), bool)
    for dy, dx in _SHIFTS:
        shift = dy * width + dx
        other = smooth[cells + shift]
        if shift < 0:
            peak &= other < own
        elif shift > 0:
            peak &= other <= own
    return peak


def _join_close(
    owner: NDArray[np.intp], cell_yx: NDArray[np.intp], counts: NDArray[np.intp], factor: float
) -> NDArray[np.intp]:
    """Return owners after joining seeds that lie too close together for the size of their cells."""
    mass = np.bincount(owner, counts)
    radius = np.sqrt(mass / np.pi)
    middle = _weighted_means(owner, cell_yx, counts)
    tree = cKDTree(middle)
    pairs = tree.query_pairs(2 * factor * radius.max(), output_type="ndarray")
    if len(pairs) == 0:
        return owner
    a, b = pairs.T
    close = np.hypot(*(middle[a] - middle[b]).T) < factor * (radius[a] + radius[b])
    links = coo_array((np.ones(close.sum()), (a[close], b[close])), shape=(len(mass), len(mass)))
    joined = connected_components(links, directed=False)[1]
    return np.asarray(joined[owner])


def _weighted_means(
    owner: NDArray[np.intp], cell_yx: NDArray[np.intp], counts: NDArray[np.intp]
) -> NDArray[np.float64]:
    mass = np.bincount(owner, counts)
    return np.stack([np.bincount(owner, counts * axis) / mass for axis in cell_yx.T], 1)
