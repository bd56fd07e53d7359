"""Cells in narrow channels (a mother machine): they stand in a row, grow, divide, and are pushed out at the open end.

Between two frames a cell may move by several of its lengths, as far as all the cells behind it have grown, so that
overlap and distance mislead. What holds is the order in the row: cells do not pass each other. So the rows of two
frames are aligned like sequences, by dynamic programming over size and place: a cell goes on at about its size times
the growth of all, or is two cells of that size together, and lies where that growth puts it, counted from the closed
end; by that the others keep their tracks where one was not found. Cells at the open end are gone at little cost.
Growth, and which end is open, are those with which the rows of all channels fit best together. Of cells that are only
marked, by spots of one size, how far neighbours lie apart stands for how large they are.

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
LONGEST = 40  # cells of a row; where cells stand in longer ones, as on a lattice, they can go anywhere
APART = 1.2  # diameters between channels at least
STRAIGHT = 0.5  # diameters that cells of a row lie beside its middle at most, by standard deviation
GROWTH = np.linspace(0.9, 2.2, 27)  # that is tried
SIZE_SPREAD, DAUGHTER_SPREAD = 0.12, 0.2  # of the logarithm of sizes, round what is expected
PLACE_SPREAD, STRAY = 0.13, 8.0  # lengths of a cell that each one adds to where the next is, and the most it costs
DIVIDES, LOST, NEW, SWEPT, ARRIVED = 1.0, 3.0, 3.5, 1.2, 3.0  # costs, as negative logarithms of how likely each is

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
    if len(rows) < 2 or max(map(len, rows)) > LONGEST or not straight or sum(map(len, rows)) < IN_CHANNELS * len(cells):
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
    if not any(len(row) > 1 for row, _ in pairs):  # the field moved so far that hardly a channel is the same
        return None
    choices = []
    for turned in (False, True):
        rows = _row_pairs(before, after, one.axis, [(a[::-1], b[::-1]) if turned else (a, b) for a, b in pairs])
        costs = sum((_align(row, GROWTH).end for row in rows), np.zeros(len(GROWTH)))
        choices.append((float(costs.min()), float(GROWTH[costs.argmin()]), rows))
    _, growth, rows = min(choices, key=lambda choice: choice[0])
    return [link for row in rows for link in _links(row, growth)]


@dataclass(frozen=True, slots=True)
class _RowPair:
    """A row of cells in two frames, from the closed end: indices, sizes, and how far from that end each lies, in px."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    sizes_a: Floats
    sizes_b: Floats
    far_a: Floats
    far_b: Floats
    length: float  # of a cell, in px


def _row_pairs(
    before: FrameCells, after: FrameCells, axis: int, pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> list[_RowPair]:
    """Return rows with distances from their closed ends, which stay where they are but for the drift of all.

    Where the first cell of a row was not found in one of the frames, the other one tells where the row begins.
    """
    marks = before.are_marks and after.are_marks
    lengths = 1.0 if marks else _px_per_area(before, axis, [a for a, _ in pairs])
    usual = _usual_step(before, axis, [a for a, _ in pairs])
    ends = []
    for a, b in pairs:
        sign = 1.0 if len(a) < 2 or before.centroids[a[0], axis] < before.centroids[a[-1], axis] else -1.0
        along = [sign * cells.centroids[row, axis] for cells, row in ((before, a), (after, b))]
        areas = [cells.sizes[row].astype(np.float64) for cells, row in ((before, a), (after, b))]
        sizes = [_lengths(at, usual) for at in along] if marks else areas
        begins = [float(at[0] - lengths * size[0] / 2) for at, size in zip(along, sizes, strict=True)]
        ends.append((along, begins, sizes))
    moved = float(np.median([begins[1] - begins[0] for _, begins, _ in ends])) if ends else 0.0
    found = []
    for (a, b), (along, begins, sizes) in zip(pairs, ends, strict=True):
        origin = min(begins[0], begins[1] - moved)
        length = max(lengths * float(np.median(sizes[0])), 1.0)
        far = along[0] - origin, along[1] - origin - moved
        found.append(_RowPair(a, b, sizes[0], sizes[1], far[0], far[1], length))
    return found


def _lengths(along: Floats, usual: float) -> Floats:
    """Return how long cells of a row are that are only marked, in px: half of the way to both neighbours together."""
    apart = np.abs(np.diff(along)) if len(along) > 1 else np.array([usual])
    return np.convolve(np.r_[apart[0], apart, apart[-1]], (0.5, 0.5), "valid")[: len(along)]


def _usual_step(cells: FrameCells, axis: int, rows: list[NDArray[np.int64]]) -> float:
    """Return how far neighbours in rows lie apart, in px."""
    return float(np.median(np.concatenate([np.abs(np.diff(cells.centroids[row, axis])) for row in rows])))


def _px_per_area(cells: FrameCells, axis: int, rows: list[NDArray[np.int64]]) -> float:
    """Return how long cells are for their size, from how far neighbours in rows lie apart."""
    apart = [np.abs(np.diff(cells.centroids[row, axis])) for row in rows]
    sizes = [(cells.sizes[row][1:] + cells.sizes[row][:-1]) / 2 for row in rows]
    return float(np.median(np.concatenate(apart) / np.concatenate(sizes)))


@dataclass(frozen=True, slots=True)
class _Alignment:
    """Costs (n+1, m+1, G) of the best alignments of the first cells of two rows, and of the whole rows (G,)."""

    costs: Floats
    single: Floats
    double: Floats
    end: Floats


def _align(row: _RowPair, growth: Floats) -> _Alignment:
    """Return what it costs to align two rows, from the closed end, for each growth."""
    n, m = len(row.a), len(row.b)
    single, double = _single(row, growth), _double(row, growth)
    costs = np.full((n + 1, m + 1, len(growth)), np.inf)
    costs[0] = NEW * np.arange(m + 1)[:, None]
    for i in range(1, n + 1):
        here, above = costs[i], costs[i - 1]
        np.add(above, LOST, out=here)
        np.minimum(here[1:], above[:-1] + single[i - 1], out=here[1:])
        np.minimum(here[2:], above[:-2] + double[i - 1], out=here[2:])
        for j in range(1, m + 1):
            np.minimum(here[j], here[j - 1] + NEW, out=here[j])
    left = SWEPT * np.arange(n, -1, -1)[:, None] + ARRIVED * np.arange(m, -1, -1)
    whole = [(costs + left[..., None]).min(axis=(0, 1))]
    whole += [costs[i, j] + cost for i, j, cost in _halved(row, growth)]
    return _Alignment(costs, single, double, np.min(whole, axis=0))


def _single(row: _RowPair, growth: Floats) -> Floats:
    """Return what it costs that each cell goes on as each later one (n, m, G)."""
    grown = row.sizes_b[None, :, None] / (row.sizes_a[:, None, None] * growth)
    return _unlike(grown) + _misplaced(row, row.far_b, growth)


def _double(row: _RowPair, growth: Floats) -> Floats:
    """Return what it costs that each cell becomes each later one and the one after it (n, m - 1, G)."""
    one, two = row.sizes_b[:-1], row.sizes_b[1:]
    alike = np.log(one / two) ** 2 / (2 * DAUGHTER_SPREAD**2)
    grown = (one + two)[None, :, None] / (row.sizes_a[:, None, None] * growth)
    middle = (row.far_b[:-1] * one + row.far_b[1:] * two) / (one + two)
    return _unlike(grown) + _misplaced(row, middle, growth) + (alike + DIVIDES)[None, :, None]


def _misplaced(row: _RowPair, far: Floats, growth: Floats) -> Floats:
    """Return what it costs that cells lie elsewhere (n, m, G) than growth of all those behind them puts them.

    As each grows a little more or less than the others, that is known the less the more there are; and as cells may
    leave an empty place behind, it never costs more than `STRAY`.
    """
    expected = row.far_a[:, None, None] * growth
    spread = PLACE_SPREAD**2 * row.length * (np.abs(expected) + row.length)
    return np.minimum((far[None, :, None] - expected) ** 2 / (2 * spread), STRAY)


def _ends(row: _RowPair, growth: Floats) -> list[tuple[int, int, Floats]]:
    """Return how many cells of both rows may be aligned in the end, and the cost (G,) of what is left of the rows.

    Where that leaves the last of the later row, it may be the inner daughter of a cell whose outer one is gone.
    """
    n, m = len(row.a), len(row.b)
    ends = [
        (i, j, np.full(len(growth), SWEPT * (n - i) + ARRIVED * (m - j))) for i in range(n + 1) for j in range(m + 1)
    ]
    return ends + _halved(row, growth)


def _halved(row: _RowPair, growth: Floats) -> list[tuple[int, int, Floats]]:
    """Return the ends in which the last of the later row is a daughter whose sister is gone, and their costs (G,)."""
    n, m = len(row.a), len(row.b)
    ends = []
    for i in range(n if m else 0):
        half = np.log(2 * row.sizes_b[m - 1] / (row.sizes_a[i] * growth)) ** 2 / (2 * DAUGHTER_SPREAD**2)
        ends.append((i, m - 1, np.asarray(half + DIVIDES + SWEPT * (n - i))))
    return ends


def _steps(single: Floats, double: Floats, i: int, j: int) -> list[tuple[int, int, Floats]]:
    """Return the ways to come to the first ``i`` and ``j`` cells: how many of each it takes, and the cost (G,)."""
    steps: list[tuple[int, int, Floats]] = []
    if i:
        steps.append((1, 0, np.full(single.shape[2], LOST)))
    if j:
        steps.append((0, 1, np.full(single.shape[2], NEW)))
    if i and j:
        steps.append((1, 1, single[i - 1, j - 1]))
    if i and j > 1:
        steps.append((1, 2, double[i - 1, j - 2]))
    return steps


def _unlike(ratio: Floats) -> Floats:
    return np.asarray(np.log(ratio) ** 2 / (2 * SIZE_SPREAD**2))


def _links(row: _RowPair, growth: float) -> list[Hypothesis]:
    """Return the links of the best alignment of two rows of cells."""
    at = np.array([growth])
    aligned = _align(row, at)
    costs = aligned.costs[:, :, 0]
    ends = _ends(row, at)
    best = int(np.argmin([costs[i, j] + float(left[0]) for i, j, left in ends]))
    i, j, left = ends[best]
    found = []
    if best >= (len(row.a) + 1) * (len(row.b) + 1):
        found.append(Hypothesis(int(row.a[i]), (int(row.b[j]), LEFT), float(left[0])))
    while i or j:
        steps = _steps(aligned.single, aligned.double, i, j)
        back_i, back_j, cost = min(steps, key=lambda s: costs[i - s[0], j - s[1]] + float(s[2][0]))
        if back_i and back_j:
            found.append(Hypothesis(int(row.a[i - 1]), tuple(int(k) for k in row.b[j - back_j : j]), float(cost[0])))
        i, j = i - back_i, j - back_j
    return found
