"""Centres from the votes of pixels, and the centre each vote belongs to.

All is the same wherever the votes lie in an image, so that a band of an image is decoded as the whole: of two seeds as
near as each other a vote gets the first in raster order, and places of centres are told from their seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from types import SimpleNamespace
from typing import TypeVar

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.core.linked import linked_groups
from napari_cellvino.core.threads import together, used_threads

REACH = 3  # px: half-size of the square for smoothing and for local maxima
SIGMA = 1.5  # px
MARGIN = 1e-6  # px by which pairs are sought further apart than they may be: rounding leaves none out
CELLS_AT_ONCE = 4_096  # places that were voted for whose surroundings stay in the processor's cache
LOOKED_AT = 1_000  # rows with seeds, on the average: beyond that, a tree is quicker
_SHIFTS = tuple(product(range(-REACH, REACH + 1), repeat=2))

Votes = NDArray[np.int32] | NDArray[np.int64]  # flat indices into an image with `REACH` px around it

Counted = tuple[
    NDArray[np.intp], NDArray[np.int32], NDArray[np.bool_], Callable[[NDArray[np.int32]], NDArray[np.int32]]
]

Number = TypeVar("Number", np.int32, np.float32)


@dataclass(frozen=True, slots=True)
class Seeds:
    """Peaks of votes: place of each (S, 2), how many voted for it, and how far the mean of their votes lies from it."""

    yx: NDArray[np.intp]
    mass: NDArray[np.float64]  # (S,)
    offset: NDArray[np.float64]  # (S, 2)

    def joined(self, split: float) -> tuple[NDArray[np.int32], int]:
        """Return the centre (from 0) of each seed (S,), and how many centres there are.

        Two seeds are one cell if their distance is below ``1 - split`` times the sum of their radii; a radius is that
        of a disc with as many pixels as the seed has votes.
        """
        count, factor = len(self.yx), 1.0 - split
        if count == 0:
            return np.zeros(0, np.int32), 0
        radius = np.sqrt(self.mass / np.pi)
        reach = 2 * factor * radius.max() + MARGIN
        a, b = scipy.spatial.cKDTree(self.yx + self.offset).query_pairs(reach, output_type="ndarray").T
        apart = (self.yx[a] - self.yx[b]) + (self.offset[a] - self.offset[b])
        close = np.hypot(*apart.T) < factor * (radius[a] + radius[b])
        of_seed = linked_groups(count, a[close], b[close])
        return of_seed, int(of_seed.max()) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Where some pixels (P,) vote: flat indices (N,) in order, how many vote for each, and which each pixel does."""

    cells: NDArray[np.intp]
    counts: NDArray[np.int32]
    cell: NDArray[np.int32]  # (P,)

    @classmethod
    def of_votes(cls, votes: Votes) -> Tally:
        """Return the tally of flat indices (P,); it is quick where they are close together."""
        if len(votes) == 0:
            return cls(np.zeros(0, np.intp), np.zeros(0, np.int32), np.zeros(0, np.int32))
        first = votes.min()
        at = (votes - first).astype(np.intp)  # once: each use as an index would do so
        voted = np.zeros(int(at.max()) + 1, bool)
        voted[at] = True
        cells = np.flatnonzero(voted)
        place = np.empty(len(voted), np.int32)  # only what was voted for is written, and read
        place[cells] = np.arange(len(cells))
        cell = place.take(at)
        return cls(cells + int(first), np.bincount(cell).astype(np.int32), cell)


def find_seeds(votes: Sequence[Votes], shape: tuple[int, int]) -> tuple[Seeds, NDArray[np.int32]]:
    """Return the seeds of all votes in an image of ``shape``, and the seed (from 0) of each pixel in turn.

    The votes are those of parts of the image, one after the other.
    """
    width = padded(shape)[1]
    loops = compiled()
    counted = _counted if loops is None or votes[0].dtype != np.int32 else partial(_counted_by, loops)
    cells, counts, is_peak, seed_of = counted(votes, padded(shape))
    if len(cells) == 0:
        return Seeds(np.zeros((0, 2), np.intp), np.zeros(0), np.zeros((0, 2))), np.zeros(0, np.int32)
    seed_yx, cell_yx = (np.stack(np.divmod(flat, width), 1) for flat in (cells[is_peak], cells))
    owner = nearest(seed_yx, cell_yx)
    mass = np.bincount(owner, counts).astype(np.float64, copy=False)
    from_seed = (cell_yx - seed_yx[owner]).T
    offset = np.stack([np.bincount(owner, counts * axis) / mass for axis in from_seed], 1)
    return Seeds(seed_yx, mass, offset), seed_of(owner.astype(np.int32))


def _counted(votes: Sequence[Votes], shape: tuple[int, int]) -> Counted:
    """Return where votes in a padded image lie, how many, and which of these places are peaks.

    And what gives each pixel what these places have.
    """
    width, tallies = shape[1], together(Tally.of_votes, votes)
    cells = np.sort(np.concatenate([tally.cells for tally in tallies]), kind="stable")  # of sorted parts
    cells = cells[np.diff(cells, prepend=-1) > 0]
    places = [np.searchsorted(cells, tally.cells) for tally in tallies]
    counts = np.zeros(len(cells), np.int32)
    for place, tally in zip(places, tallies, strict=True):
        counts[place] += tally.counts

    def of_pixels(values: NDArray[np.int32]) -> NDArray[np.int32]:
        pairs = zip(places, tallies, strict=True)
        return np.concatenate(together(lambda pair: values[pair[0]][pair[1].cell], pairs))

    if len(cells) == 0:
        return cells, counts, np.zeros(0, bool), of_pixels
    parts = [slice(first, first + CELLS_AT_ONCE) for first in range(0, len(cells), CELLS_AT_ONCE)]
    smooth = np.concatenate(together(lambda part: _smoothed(*_around(counts, cells, part, width), width), parts))
    is_peak = np.concatenate(together(lambda part: _is_peak(*_around(smooth, cells, part, width), width), parts))
    return cells, counts, is_peak, of_pixels


def _counted_by(loops: SimpleNamespace, votes: Sequence[Votes], shape: tuple[int, int]) -> Counted:
    """Return the same, by compiled loops."""
    every = np.concatenate(votes)
    place, of_pixel = np.zeros(math.prod(shape), np.int32), np.empty(len(every), np.int32)
    cells, counts = np.empty(len(every) + 1, np.intp), np.zeros(len(every) + 1, np.int32)
    found = loops.tally_votes(every, place, cells, counts, of_pixel)
    cells, counts = cells[: found + 1], counts[: found + 1]
    smooth, peak = np.zeros(found + 1, np.float32), np.empty(found + 1, bool)
    loops.peaks_of_tally(cells, counts, place, _weights(), shape[1], smooth, peak)
    order = 1 + np.argsort(cells[1:])

    def of_pixels(values: NDArray[np.int32]) -> NDArray[np.int32]:
        of_cell = np.empty(found + 1, np.int32)
        of_cell[order] = values
        return of_cell[of_pixel]

    return cells[order], counts[order], peak[order], of_pixels


def padded(shape: tuple[int, int]) -> tuple[int, int]:
    """Return the size of an image with `REACH` px around it."""
    return shape[0] + 2 * REACH, shape[1] + 2 * REACH


def nearest(seeds: NDArray[np.intp], points: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return which of ``seeds`` (N, 2), integers, is the nearest to each of ``points`` (P, 2); the first among equals.

    A tree gives any of them, another one if there are more seeds far away.
    """
    if len(seeds) == 1:
        return np.zeros(len(points), np.intp)
    if (loops := compiled()) is not None:
        near = np.empty(len(points), np.intp)
        most = LOOKED_AT * len(points)
        if loops.nearest_of_seeds(np.ascontiguousarray(seeds), np.ascontiguousarray(points), most, near) <= most:
            return near
    tree, asked = scipy.spatial.cKDTree(seeds), 2
    threads = used_threads() if len(points) > CELLS_AT_ONCE else 1  # for fewer, to start them takes what they save
    distance, found = tree.query(points, k=asked, workers=threads)
    first: NDArray[np.intp] = found[:, 0].copy()
    rows = np.flatnonzero(distance[:, 1] == distance[:, 0])
    while len(rows):
        asked *= 2
        distance, found = tree.query(points[rows], k=asked)  # beyond the last seed: infinitely far
        equal = distance == distance[:, :1]
        first[rows] = np.where(equal, found, len(seeds)).min(1)
        rows = rows[equal[:, -1]]
    return first


def _around(
    values: NDArray[Number], cells: NDArray[np.intp], part: slice, width: int
) -> tuple[NDArray[Number], NDArray[np.intp]]:
    """Return a flat image with the values (N,) of cells around some of them, 0 elsewhere, and where it has those."""
    own, reach = cells[part], REACH * (width + 1)
    first = own[0] - reach
    near = slice(*np.searchsorted(cells, (first, own[-1] + reach + 1)))
    image = np.zeros(own[-1] + reach + 1 - first, values.dtype)
    image[cells[near] - first] = values[near]
    return image, own - first


def _smoothed(image: NDArray[np.int32], own: NDArray[np.intp], width: int) -> NDArray[np.float32]:
    """Return what a Gaussian makes of a flat image at some pixels."""
    total = np.zeros(len(own), np.float32)
    for dy, dx in _SHIFTS:
        total += _weights()[dy + REACH, dx + REACH] * image[own + (dy * width + dx)]
    return total


@cache
def _weights() -> NDArray[np.float32]:
    """Return the weights of the Gaussian in the square around a place."""
    away = np.arange(-REACH, REACH + 1) ** 2
    return np.exp(-(away[:, None] + away) / (2 * SIGMA**2)).astype(np.float32)


def _is_peak(image: NDArray[np.float32], at: NDArray[np.intp], width: int) -> NDArray[np.bool_]:
    """Return which pixels of a flat image are local maxima; among equals the first in raster order."""
    own = image[at]
    peak = np.ones(len(at), bool)
    for dy, dx in _SHIFTS:
        shift = dy * width + dx
        other = image[at + shift]
        if shift < 0:
            peak &= other < own
        elif shift > 0:
            peak &= other <= own
    return peak
