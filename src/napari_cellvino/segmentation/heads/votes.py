"""Centres from the votes of pixels, and the centre each vote belongs to.

All is the same wherever the votes lie in an image, so that a band of an image is decoded as the whole: of two seeds as
near as each other a vote gets the first in raster order, and places of centres are told from their seed.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

REACH = 3  # px: half-size of the square for smoothing and for local maxima
SIGMA = 1.5  # px
MARGIN = 1e-6  # px by which pairs are sought further apart than they may be: rounding leaves none out
_SHIFTS = tuple(product(range(-REACH, REACH + 1), repeat=2))


def find_centres(
    votes_y: NDArray[np.intp], votes_x: NDArray[np.intp], shape: tuple[int, int], split: float
) -> tuple[NDArray[np.int32], int]:
    """Return the centre (from 0) of each vote, and how many there are; votes are integer pixels inside ``shape``.

    Two peaks are one cell if their distance is below ``1 - split`` times the sum of their radii; a radius is that of a
    disc with as many pixels as the peak has votes.
    """
    height, width = shape[0] + 2 * REACH, shape[1] + 2 * REACH
    where = (votes_y + REACH) * width + (votes_x + REACH)
    voted = np.zeros(height * width, bool)
    voted[where] = True
    cells = np.flatnonzero(voted)
    if len(cells) == 0:
        return np.zeros(0, np.int32), 0
    place = np.empty(height * width, np.int32)  # only what was voted for is written, and read
    place[cells] = np.arange(len(cells))
    cell = place[where]
    counts = np.bincount(cell)
    smooth = _smoothed(counts, cells, width, height * width)
    seeds = cells[_is_peak(smooth, cells, width)]
    seed_yx, cell_yx = (np.stack(np.divmod(flat, width), 1) for flat in (seeds, cells))
    owner = nearest(seed_yx, cell_yx)
    owner = _join_close(owner, seed_yx, cell_yx, counts, 1.0 - split)
    return owner.astype(np.int32)[cell], int(owner.max()) + 1


def nearest(seeds: NDArray[np.intp], points: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return which of ``seeds`` (N, 2), integers, is the nearest to each of ``points`` (P, 2); the first among equals.

    A tree gives any of them, another one if there are more seeds far away.
    """
    tree, asked = cKDTree(seeds), 2
    if len(seeds) == 1:
        return np.zeros(len(points), np.intp)
    distance, found = tree.query(points, k=asked)
    first: NDArray[np.intp] = found[:, 0].copy()
    rows = np.flatnonzero(distance[:, 1] == distance[:, 0])
    while len(rows):
        asked *= 2
        distance, found = tree.query(points[rows], k=asked)  # beyond the last seed: infinitely far
        equal = distance == distance[:, :1]
        first[rows] = np.where(equal, found, len(seeds)).min(1)
        rows = rows[equal[:, -1]]
    return first


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
    owner: NDArray[np.intp],
    seed_yx: NDArray[np.intp],
    cell_yx: NDArray[np.intp],
    counts: NDArray[np.intp],
    factor: float,
) -> NDArray[np.intp]:
    """Return owners after joining seeds that lie too close together for the size of their cells."""
    mass = np.bincount(owner, counts)
    radius = np.sqrt(mass / np.pi)
    from_seed = (cell_yx - seed_yx[owner]).T
    offset = np.stack([np.bincount(owner, counts * axis) / mass for axis in from_seed], 1)
    pairs = cKDTree(seed_yx + offset).query_pairs(2 * factor * radius.max() + MARGIN, output_type="ndarray")
    if len(pairs) == 0:
        return owner
    a, b = pairs.T
    apart = (seed_yx[a] - seed_yx[b]) + (offset[a] - offset[b])
    close = np.hypot(*apart.T) < factor * (radius[a] + radius[b])
    links = coo_array((np.ones(close.sum()), (a[close], b[close])), shape=(len(mass), len(mass)))
    joined = connected_components(links, directed=False)[1]
    return np.asarray(joined[owner])
