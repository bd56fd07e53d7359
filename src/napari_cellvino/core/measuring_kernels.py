"""Passes over pixels and runs as loops, for Numba to compile, of what is measured in an image: see `kernels`."""

from __future__ import annotations

import numpy as np

from napari_cellvino.core.kernels import Array, typed


@typed("void(intp[::1], intp[::1], intp[::1], intp, intp[::1], intp[::1], intp[::1], intp[::1], intp[::1], intp[::1])")
def sort_runs(
    begin: Array, length: Array, row: Array, width: int, starts: Array, own: Array, y: Array, x0: Array, x1: Array,
    order: Array,
) -> None:  # fmt: skip
    """Write runs in raster order by the object (-1: none) of each, and where those of each object start (N,).

    ``own`` is the object of each, ``order`` its place among all runs. ``starts`` begin with 0.
    """
    for run in range(len(row)):
        if 0 <= row[run] < len(starts) - 1:
            starts[row[run] + 1] += 1
    for number in range(1, len(starts)):
        starts[number] += starts[number - 1]
    free = starts.copy()
    line, first = 0, 0
    for run in range(len(row)):
        while begin[run] >= first + width:
            line, first = line + 1, first + width
        if row[run] >= 0:
            at = free[row[run]]
            free[row[run]] += 1
            own[at], y[at], order[at] = row[run], line, run
            x0[at], x1[at] = begin[run] - first, begin[run] - first + length[run]


@typed("void(intp[::1], intp[::1], intp[::1], intp[::1], intp[::1], intp[::1], float64[::1])")
def hull_areas(starts: Array, y: Array, x0: Array, x1: Array, ys: Array, xs: Array, areas: Array) -> None:
    """Write the areas (N,) of the convex hulls of objects, whose runs in order begin at ``starts`` (N,).

    ``ys`` and ``xs`` are room for the corners of one side of the tallest object.
    """
    for number in range(len(starts)):
        last = starts[number + 1] if number + 1 < len(starts) else len(y)
        twice = 0
        for side in range(2):  # the right one is a left one of the mirrored image
            run, corners = starts[number], 0
            while run < last:
                row, x = y[run], x0[run]
                while run < last and y[run] == row:
                    if side == 1:
                        x = -x1[run]
                    run += 1
                for edge in (row, row + 1):
                    if corners > 0 and ys[corners - 1] == edge:
                        if xs[corners - 1] <= x:
                            continue
                        corners -= 1
                    while corners > 1:  # drop what is on or inside the chord of its neighbours
                        across = (xs[corners - 1] - xs[corners - 2]) * (edge - ys[corners - 1])
                        if across < (x - xs[corners - 1]) * (ys[corners - 1] - ys[corners - 2]):
                            break
                        corners -= 1
                    ys[corners], xs[corners] = edge, x
                    corners += 1
            for corner in range(1, corners):
                twice -= (ys[corner] - ys[corner - 1]) * (xs[corner] + xs[corner - 1])
        areas[number] = twice / 2


@typed(
    "void(intp[::1], intp[::1], intp[::1], intp[::1], intp, uint8[::1], int64[::1], uint8[::1])",
    "void(intp[::1], intp[::1], intp[::1], intp[::1], intp, uint16[::1], int64[::1], uint16[::1])",
)
def intensities(
    row: Array, y: Array, x0: Array, x1: Array, width: int, image: Array, total: Array, highest: Array
) -> None:
    """Add the pixels of runs to the total of their objects, and raise the highest of these; both begin with 0."""
    for run in range(len(row)):
        most, added = highest[row[run]], 0
        for pixel in range(y[run] * width + x0[run], y[run] * width + x1[run]):
            most = max(most, image[pixel])
            added += image[pixel]
        highest[row[run]] = most
        total[row[run]] += added


@typed("void(intp[::1], intp[::1], intp[::1], intp, uint16[::1], float64[::1], float64[::1])")
def means_at_ends(y: Array, x0: Array, x1: Array, width: int, halves: Array, values: Array, means: Array) -> None:
    """Write the mean of what ``values`` has for the pixels inside and outside both ends of each run."""
    for run in range(len(y)):
        begin, first, last = y[run] * width, x0[run], x1[run] - 1
        total = values[halves[begin + first]] + values[halves[begin + last]]
        total += values[halves[begin + max(first - 1, 0)]]
        means[run] = (total + values[halves[begin + min(last + 1, width - 1)]]) / 4


@typed("void(uint8[:, ::1], intp, uint8[:, ::1])", "void(uint16[:, ::1], intp, uint16[:, ::1])")
def medians_of_nine(plane: Array, step: int, medians: Array) -> None:
    """Write the median of 3 x 3 pixels around every ``step``-th of a plane, from the second row and column on.

    The median of nine is that of the highest of the lowest of three columns, the middle of their middles and the lowest
    of their highest (Smith 1996).
    """
    width = plane.shape[1]
    low, middle, high, found = np.empty((4, width), plane.dtype)
    for row in range(medians.shape[0]):
        top = row * step
        for x in range(width):
            a, b, c = plane[top, x], plane[top + 1, x], plane[top + 2, x]
            a, b = min(a, b), max(a, b)
            b, c = min(b, c), max(b, c)
            low[x], middle[x], high[x] = min(a, b), max(a, b), c
        for x in range(width - 2):  # several at once: quicker than only those that are wanted
            a = max(max(low[x], low[x + 1]), low[x + 2])
            c = min(min(high[x], high[x + 1]), high[x + 2])
            one, two = min(middle[x], middle[x + 1]), max(middle[x], middle[x + 1])
            b = max(one, min(two, middle[x + 2]))
            found[x] = max(min(a, b), min(max(a, b), c))
        for column in range(medians.shape[1]):
            medians[row, column] = found[column * step]


@typed("void(uint8[::1], intp[::1])", "void(uint16[::1], intp[::1])")
def count_levels(values: Array, counts: Array) -> None:
    """Count how often each value is there."""
    for value in values:
        counts[value] += 1


@typed(
    "void(uint8[:, ::1], float32, float32, float32, float32, float32[:, ::1])",
    "void(uint16[:, ::1], float32, float32, float32, float32, float32[:, ::1])",
)
def scale_into(pixels: Array, low: float, scale: float, least: float, most: float, out: Array) -> None:
    """Write pixels with ``low`` at 0, times ``scale``, clipped."""
    for y in range(pixels.shape[0]):
        for x in range(pixels.shape[1]):
            value = (np.float32(pixels[y, x]) - low) * scale
            out[y, x] = min(max(value, least), most)
