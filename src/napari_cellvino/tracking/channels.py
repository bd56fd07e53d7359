"""Cells in narrow channels (a mother machine): they stand in a row, grow, divide, and are pushed out at the open end.

Between two frames a cell may move by several of its lengths, as far as all the cells behind it have grown, so that
overlap and distance mislead. What holds is the order in the row: cells do not pass each other. So the rows of two
frames are aligned like sequences, by dynamic programming over size: a cell goes on at about its size times the growth
of all, or is two cells of that size together. Cells at the open end are gone at little cost. Growth, and which end is
open, are those with which the rows of all channels fit best together.

References
----------
Needleman and Wunsch 1970 (alignment); Lugagne et al. 2020, "DeLTA" (why mother machines need more than distance).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.tracking.frame_cells import FrameCells
from napari_cellvino.tracking.linking import LEFT, Hypothesis

IN_CHANNELS = 0.8  # of the cells must stand in rows of at least `ROW` for a film to be one of channels
ROW = 3
APART = 1.2  # diameters between channels at least
STRAIGHT = 0.5  # diameters that cells of a row lie beside its middle at most, by standard deviation
GROWTH = np.linspace(0.9, 2.2, 27)  # that is tried
SIZE_SPREAD, DAUGHTER_SPREAD = 0.12, 0.2  # of the logarithm of sizes, round what is expected
DIVIDES, LOST, NEW, SWEPT, ARRIVED = 1.0, 6.0, 6.0, 0.7, 3.0  # costs, as negative logarithms of how likely each is

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Channels:
    """Rows of cells: the axis along which they stand, where each row is across it, and its cells in order."""

    axis: int
    places: Floats
    rows: tuple[NDArray[np.int64], ...]
    apart: float


def find_channels(cells: FrameCells) -> Channels | None:
    """Return the channels that the cells of a frame stand in, None where they stand otherwise."""
    if cells.dimensions != 2 or len(cells) < 2 * ROW:
        return None
    found = [channels for axis in (0, 1) if (channels := _rows_along(cells, axis)) is not None]
    return max(found, key=lambda channels: channels.apart, default=None)


def _rows_along(cells: FrameCells, axis: int) -> Channels | None:
    across = cells.centroids[:, 1 - axis]
    order = np.argsort(across)
    cuts = np.flatnonzero(np.diff(across[order]) > APART * cells.diameter) + 1
    groups = np.split(order, cuts)
    rows = [group for group in groups if len(group) >= ROW]
    straight = all(across[row].std() < STRAIGHT * cells.diameter for row in rows)
    if len(rows) < 2 or not straight or sum(map(len, rows)) < IN_CHANNELS * len(cells):
        return None
    places = np.array([float(np.median(across[group])) for group in groups])
    inside = tuple(group[np.argsort(cells.centroids[group, axis])] for group in groups)
    return Channels(axis, places, inside, float(np.diff(places).min()))


def link_channels(before: FrameCells, after: FrameCells, drift: Floats) -> list[Hypothesis] | None:
    """Return what becomes of cells in channels in the next frame; None where the cells stand otherwise."""
    one, two = find_channels(before), find_channels(after)
    if one is None or two is None or one.axis != two.axis:
        return None
    pairs = [
        (row, two.rows[int(near.argmin())])
        for row, place in zip(one.rows, one.places, strict=True)
        if (near := np.abs(two.places - place - drift[1 - one.axis])).min() < one.apart / 2
    ]
    choices = []
    for turned in (False, True):
        rows = [(a[::-1], b[::-1]) if turned else (a, b) for a, b in pairs]
        costs = sum((_align(before.sizes[a], after.sizes[b], GROWTH).end for a, b in rows), np.zeros(len(GROWTH)))
        choices.append((float(costs.min()), float(GROWTH[costs.argmin()]), rows))
    _, growth, rows = min(choices, key=lambda choice: choice[0])
    return [link for a, b in rows for link in _links(before, after, a, b, growth)]


@dataclass(frozen=True, slots=True)
class _Alignment:
    """Costs (n+1, m+1, G) of the best alignments of the first cells of two rows, and of the whole rows (G,)."""

    costs: Floats
    end: Floats


def _align(before: NDArray[np.int64], after: NDArray[np.int64], growth: Floats) -> _Alignment:
    """Return what it costs to align two rows of sizes, from the closed end, for each growth."""
    n, m = len(before), len(after)
    costs = np.full((n + 1, m + 1, len(growth)), np.inf)
    costs[0, 0] = 0
    for i in range(n + 1):
        for j in range(m + 1):
            for back_i, back_j, cost in _steps(before, after, i, j, growth):
                costs[i, j] = np.minimum(costs[i, j], costs[i - back_i, j - back_j] + cost)
    whole = [costs[i, j] + left for i, j, left in _ends(before, after, growth)]
    return _Alignment(costs, np.min(whole, axis=0))


def _ends(before: NDArray[np.int64], after: NDArray[np.int64], growth: Floats) -> list[tuple[int, int, Floats]]:
    """Return how many cells of both rows may be aligned in the end, and the cost (G,) of what is left of the rows.

    Where that leaves the last of the later row, it may be the inner daughter of a cell whose outer one is gone.
    """
    n, m = len(before), len(after)
    ends = [
        (i, j, np.full(len(growth), SWEPT * (n - i) + ARRIVED * (m - j))) for i in range(n + 1) for j in range(m + 1)
    ]
    if n and m:
        for i in range(n):
            half = np.log(2 * after[m - 1] / (before[i] * growth)) ** 2 / (2 * DAUGHTER_SPREAD**2)
            ends.append((i, m - 1, np.asarray(half + DIVIDES + SWEPT * (n - i))))
    return ends


def _steps(
    before: NDArray[np.int64], after: NDArray[np.int64], i: int, j: int, growth: Floats
) -> list[tuple[int, int, Floats]]:
    """Return the ways to come to the first ``i`` and ``j`` cells: how many of each it takes, and the cost (G,)."""
    steps: list[tuple[int, int, Floats]] = []
    if i:
        steps.append((1, 0, np.full(len(growth), LOST)))
    if j:
        steps.append((0, 1, np.full(len(growth), NEW)))
    if i and j:
        steps.append((1, 1, _unlike(after[j - 1] / (before[i - 1] * growth))))
    if i and j > 1:
        alike = float(np.log(after[j - 1] / after[j - 2])) ** 2 / (2 * DAUGHTER_SPREAD**2)
        both = _unlike((after[j - 1] + after[j - 2]) / (before[i - 1] * growth))
        steps.append((1, 2, both + alike + DIVIDES))
    return steps


def _unlike(ratio: Floats) -> Floats:
    return np.asarray(np.log(ratio) ** 2 / (2 * SIZE_SPREAD**2))


def _links(
    before: FrameCells, after: FrameCells, a: NDArray[np.int64], b: NDArray[np.int64], growth: float
) -> list[Hypothesis]:
    """Return the links of the best alignment of two rows of cells."""
    at = np.array([growth])
    costs = _align(before.sizes[a], after.sizes[b], at).costs[:, :, 0]
    ends = _ends(before.sizes[a], after.sizes[b], at)
    best = int(np.argmin([costs[i, j] + float(left[0]) for i, j, left in ends]))
    i, j, left = ends[best]
    found = []
    if best >= (len(a) + 1) * (len(b) + 1):
        found.append(Hypothesis(int(a[i]), (int(b[j]), LEFT), float(left[0])))
    while i or j:
        steps = _steps(before.sizes[a], after.sizes[b], i, j, at)
        back_i, back_j, cost = min(steps, key=lambda s: costs[i - s[0], j - s[1]] + float(s[2][0]))
        if back_i and back_j:
            found.append(Hypothesis(int(a[i - 1]), tuple(int(k) for k in b[j - back_j : j]), float(cost[0])))
        i, j = i - back_i, j - back_j
    return found
