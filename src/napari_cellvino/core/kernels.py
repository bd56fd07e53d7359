"""Passes over pixels and runs as loops, for Numba to compile: see `compiled`, which alone calls them.

Each gives the bytes that the NumPy code beside its caller gives. They are plain functions, so that nothing here needs
Numba, and none calls another, so that each is cached for itself. All write into arrays of their callers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any  # Numba compiles for the types that the signatures name
Loop = Callable[..., Any]

LOOPS: dict[str, tuple[Loop, tuple[str, ...]]] = {}
"""All loops by their names, each with the types that it is compiled for."""


def typed(*signatures: str) -> Callable[[Loop], Loop]:
    """Return what notes a function among the loops."""

    def note(function: Loop) -> Loop:
        LOOPS[function.__name__] = (function, signatures)
        return function

    return note


@typed(
    "intp(int16[:, ::1], int16, uint16[:, ::1], uint16[:, ::1], int32[::1], intp, intp, intp, intp[::1], int32[::1])"
)
def votes_of_rows(
    foreground: Array, level: int, down: Array, right: Array, rounded: Array, top: int, height: int, reach: int,
    where: Array, votes: Array,
) -> int:  # fmt: skip
    """Write the flat indices of pixels above a level, in the order of bits, and where they vote; return how many.

    The rows are those of an image of ``height`` from row ``top`` on; pixels vote in that image with a rim of ``reach``.
    """
    rows, width = foreground.shape
    found = 0
    for row in range(rows):
        for column in range(width):
            if foreground[row, column] > level:
                y = min(max(int(np.int32(top + row + rounded[down[row, column]])), 0), height - 1)
                x = min(max(int(np.int32(column + rounded[right[row, column]])), 0), width - 1)
                where[found] = (top + row) * width + column
                votes[found] = (y + reach) * (width + 2 * reach) + x + reach
                found += 1
    return found


@typed("intp(int32[::1], int32[::1], intp[::1], int32[::1], int32[::1])")
def tally_votes(votes: Array, place: Array, cells: Array, counts: Array, cell: Array) -> int:
    """Write where votes go, numbered from 1 as they come, and how many vote for each place; return how many there are.

    ``place``, 0 all over, becomes the number at each of them; ``cell`` that of each vote.
    """
    found = 0
    for vote in range(len(votes)):
        at = votes[vote]
        if place[at] == 0:
            found += 1
            place[at], cells[found], counts[found] = found, at, 0
        counts[place[at]] += 1
        cell[vote] = place[at]
    return found


@typed("void(intp[::1], int32[::1], int32[::1], float32[:, ::1], intp, float32[::1], boolean[::1])")
def peaks_of_tally(
    cells: Array, counts: Array, place: Array, weights: Array, width: int, smooth: Array, peak: Array
) -> None:
    """Write what ``weights`` make of the counts of numbered places, and which of these are local maxima.

    All but ``place`` have one element more, for nothing, in front.
    """
    side = len(weights)
    reach = side // 2
    for cell in range(1, len(cells)):
        at, total = cells[cell], np.float32(0)
        for row in range(side):
            begin = at + (row - reach) * width - reach
            for column in range(side):
                near = place[begin + column]
                if near > 0:  # most are not: to add nothing takes as long
                    total = np.float32(np.float64(total) + np.float64(weights[row, column]) * np.float64(counts[near]))
        smooth[cell] = total
    for cell in range(1, len(cells)):
        at, own, highest = cells[cell], smooth[cell], True
        for row in range(side):
            for column in range(side):
                shift = (row - reach) * width + column - reach
                other = smooth[place[at + shift]]
                if (shift < 0 and other >= own) or (shift > 0 and other > own):
                    highest = False
                    break
            if not highest:
                break
        peak[cell] = highest


@typed("intp(intp[:, ::1], intp[:, ::1], intp, intp[::1])")
def nearest_of_seeds(seeds: Array, points: Array, most: int, nearest: Array) -> int:
    """Write which of seeds (N, 2) in raster order is the nearest to each point (P, 2), the first among equals.

    Return how many were looked at; more than ``most``, where seeds lie awkwardly, and it was given up.
    """
    count, looked = len(seeds), 0
    row = np.empty(count + 1, np.int64)  # the first seed of each row that has any
    rows = 0
    for seed in range(count):
        if seed == 0 or seeds[seed, 0] != seeds[seed - 1, 0]:
            row[rows] = seed
            rows += 1
    row[rows] = count
    low = 0  # the first row of seeds that is not above the point: points that follow each other are close
    for point in range(len(points)):
        y, x = points[point]
        while low < rows and seeds[row[low], 0] < y:
            low += 1
        while low > 0 and seeds[row[low - 1], 0] >= y:
            low -= 1
        least, best = np.int64(2) ** 62, count
        for step in (1, -1):  # rows from here down, then those above
            at = low if step == 1 else low - 1
            while 0 <= at < rows and (seeds[row[at], 0] - y) ** 2 <= least:
                down, first, last = (seeds[row[at], 0] - y) ** 2, row[at], row[at + 1]
                left, right = first, last
                while left < right:
                    middle = (left + right) // 2
                    if seeds[middle, 1] < x:
                        left = middle + 1
                    else:
                        right = middle
                for seed in (left - 1, left):  # the nearest of a row is one of the two beside
                    if first <= seed < last:
                        away = down + (seeds[seed, 1] - x) ** 2
                        if away < least or (away == least and seed < best):
                            least, best = away, seed
                looked += 1
                at += step
        nearest[point] = best
        if looked > most:
            break
    return looked


@typed("intp(intp[::1], int32[::1], intp, intp, intp[::1], int32[::1])")
def runs_of_pixels(where: Array, seed: Array, height: int, width: int, begin: Array, values: Array) -> int:
    """Write the runs of pixels of one seed, and of the background (-1) between them, in raster order."""
    found, pixel, count = 0, 0, len(where)
    for y in range(height):
        at, end = y * width, (y + 1) * width
        while pixel < count and where[pixel] < end:
            if where[pixel] > at:
                begin[found], values[found] = at, -1
                found += 1
            begin[found], values[found] = where[pixel], seed[pixel]
            at, pixel = where[pixel] + 1, pixel + 1
            while pixel < count and where[pixel] == at and at < end and seed[pixel] == values[found]:
                at, pixel = at + 1, pixel + 1
            found += 1
        if at < end:
            begin[found], values[found] = at, -1
            found += 1
    return found


@typed("intp(intp[::1], intp[::1], intp, int32[::1], int32[::1])")
def touching_runs(begin: Array, length: Array, width: int, one: Array, other: Array) -> int:
    """Write the pairs of runs that touch along a row or across two; return how many."""
    above, found, next_row = 0, 0, 0  # a run begins at each row's first pixel: to divide takes as long as all else
    for run in range(len(begin)):
        if begin[run] == next_row:
            next_row += width
        else:
            one[found], other[found] = run - 1, run
            found += 1
        start = begin[run] - width
        if start < 0:
            continue
        while begin[above] + length[above] <= start:
            above += 1
        one[found], other[found] = above, run
        found += 1
        while begin[above] + length[above] < start + length[run]:
            above += 1
            one[found], other[found] = above, run
            found += 1
    return found


@typed("void(int32[::1], int32[::1], int32[::1], intp[::1], int32[::1])")
def keep_largest_pieces(values: Array, one: Array, other: Array, length: Array, component: Array) -> None:
    """Make background (0) of all but the largest component of every value; among equals the first is kept.

    Write the first run of the component of each run, of those that are left.
    """
    count = len(values)
    size = np.zeros(count, np.int64)
    largest = np.full(values.max() + 1, -1, np.int32)
    for run in range(count):
        component[run] = run
    for turn in range(2):
        for pair in range(len(one)):
            a, b = one[pair], other[pair]
            if values[a] == values[b] and (turn == 0 or values[a] == 0):
                while component[a] != a:
                    component[a] = component[component[a]]
                    a = component[a]
                while component[b] != b:
                    component[b] = component[component[b]]
                    b = component[b]
                component[max(a, b)] = min(a, b)
        for run in range(count):
            component[run] = component[component[run]]
            if turn == 0:
                size[component[run]] += length[run]
        if turn == 0:
            for run in range(count):
                value = values[run]
                if component[run] == run and (largest[value] < 0 or size[run] > size[largest[value]]):
                    largest[value] = run
            gone = False
            for run in range(count):
                if values[run] != 0 and component[run] != largest[values[run]]:
                    values[run], gone = 0, True
            if not gone:
                break


@typed("void(int32[::1], int32[::1], int32[::1], intp[::1], intp[::1], int32[::1], intp, intp, intp)")
def close_holes(
    values: Array, one: Array, other: Array, begin: Array, length: Array, component: Array, height: int, width: int,
    most: int,
) -> None:  # fmt: skip
    """Give components of background of up to ``most`` px that touch one value alone, and no edge, that value."""
    count = len(values)
    size = np.zeros(count, np.int64)
    around = np.zeros(count, np.int32)  # the value, or -1 where it stays what it is
    row_end = 0
    for run in range(count):
        size[component[run]] += length[run]
        end = begin[run] + length[run]
        at_left = begin[run] == row_end
        if at_left:
            row_end += width
        if at_left or end == row_end or begin[run] < width or end > (height - 1) * width:
            around[component[run]] = -1
    for pair in range(len(one)):
        for hole, beside in ((one[pair], other[pair]), (other[pair], one[pair])):
            if values[hole] == 0 and values[beside] != 0:
                own = component[hole]
                if around[own] == 0:
                    around[own] = values[beside]
                elif around[own] != values[beside]:
                    around[own] = -1
    for run in range(count):
        own = component[run]
        if values[run] == 0 and around[own] > 0 and size[own] <= most:
            values[run] = around[own]


@typed("void(uint16[::1], float32[::1], intp[::1], intp[::1], int32[::1], intp, intp, float64[:, ::1], int32[:, ::1])")
def sums_of_runs(
    foreground: Array, singles: Array, begin: Array, length: Array, ids: Array, width: int, top: int, sums: Array,
    box: Array,
) -> None:  # fmt: skip
    """Add pixels, foreground, y and x of runs to the sums (4, N) of their objects, and widen their boxes (N, 4).

    The first row is row ``top`` of the image; runs are in raster order.
    """
    y, row = top, 0
    for run in range(len(begin)):
        own, long = ids[run], length[run]
        while begin[run] >= row + width:
            y, row = y + 1, row + width
        x = begin[run] - row
        total = 0.0
        for pixel in range(begin[run], begin[run] + long):
            total += singles[foreground[pixel]]
        sums[0, own] += long
        sums[1, own] += total
        sums[2, own] += long * y
        sums[3, own] += long * x + long * (long - 1) // 2
        box[own, 0], box[own, 1] = min(box[own, 0], y), min(box[own, 1], x)
        box[own, 2], box[own, 3] = max(box[own, 2], y + 1), max(box[own, 3], x + long)


@typed("void(int32[::1], intp[::1], intp[::1], int32[::1], intp)")
def write_runs(labels: Array, begin: Array, length: Array, values: Array, first: int) -> None:
    """Write runs into the flat labels of some rows, the first of which is pixel ``first``, and 0 between them."""
    at = 0
    for run in range(len(begin)):
        start, end = begin[run] - first, begin[run] - first + length[run]
        labels[at:start] = 0
        labels[start:end] = values[run]
        at = end
    labels[at:] = 0
