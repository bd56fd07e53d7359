"""Outlines along the edges of pixels, and back: exact both ways, for every object of a label image at once.

Outlines through pixel centres, as contour finders give them, lose half a pixel all round (and one-pixel cells whole).
These run along the lattice between pixels instead: a pixel at (y, x) is the square from (x, y) to (x + 1, y + 1), as in
QuPath, ImageJ and COCO. Filling them, with every pixel whose centre is inside by the even-odd rule, gives the pixels
back.

Each edge between an object and something else is a directed unit step with the object on its right::

        →          the step after → turns right (↓) where the pixel ahead is of another object, goes straight where
      ┌───┐        it is of the same, and turns left (↑) where that ahead on the left is, too; pixels that touch at a
    ↑ │ · │ ↓      corner alone are parts of their own.
      └───┘
        ←
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[
    np.int32
]  # (K, 2): corners x, y, not closed; outer rings clockwise as seen (y down), holes the other way
Points = NDArray[np.integer[Any]] | NDArray[np.floating[Any]]
MOST_CROSSINGS = 2**23  # rows that the edges of one outline may cross; those of a cell are thousands
STARTS = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.int32)  # x, y where a pixel's step →, ↓, ←, ↑ begins


def trace_rings(labels: NDArray[np.integer[Any]]) -> dict[int, list[Ring]]:
    """Return the rings of each object of a label image (Y, X), 0 is background.

    Every ring is simple (it passes no point twice), so that the polygons are valid for every reader.
    """
    padded = np.pad(labels, 1)
    pixel, direction, following = _steps(padded)
    if len(pixel) == 0:
        return {}
    order, ring = _walk(following)
    bends = np.zeros(len(pixel), bool)
    bends[following] = direction[following] != direction
    order, ring = order[bends[order]], ring[bends[order]]
    y, x = np.divmod(pixel[order], padded.shape[1])
    corners = np.stack([x, y], axis=1).astype(np.int32) - 1 + STARTS[direction[order]]
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    values = padded.ravel()[pixel[order[first]]]
    twice = set(ring[_repeated(corners, ring)].tolist())
    found: dict[int, list[Ring]] = {}
    for number, (value, part) in enumerate(zip(values.tolist(), np.split(corners, first[1:]), strict=True)):
        found.setdefault(value, []).extend(_simple(part) if number in twice else [part])
    return found


def _steps(padded: NDArray[np.integer[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return pixel (flat), direction (0 →, 1 ↓, 2 ←, 3 ↑) and the number of the next step, of every step."""
    flat, width = padded.ravel(), padded.shape[1]
    inside = np.flatnonzero(flat)
    out, ahead = (-width, 1, width, -1), (1, width, -1, -width)
    pixels = [inside[flat[inside + step] != flat[inside]] for step in out]
    pixel = np.concatenate(pixels)
    direction = np.repeat(np.arange(4), [len(p) for p in pixels])
    right = pixel + np.array(ahead)[direction]
    left = right + np.array(out)[direction]
    straight = flat[right] == flat[pixel]
    turns_left = straight & (flat[left] == flat[pixel])
    to_pixel = np.where(turns_left, left, np.where(straight, right, pixel))
    to_direction = (direction + np.where(turns_left, 3, np.where(straight, 0, 1))) % 4
    number = np.empty(4 * flat.size, np.intp)
    number[4 * pixel + direction] = np.arange(len(pixel))
    return pixel, direction, number[4 * to_pixel + to_direction]


def _walk(following: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return all steps in the order of their rings, and the number of its ring for each."""
    after, seen = following.tolist(), bytearray(len(following))
    order: list[int] = []
    lengths: list[int] = []
    for start in range(len(after)):
        if seen[start]:
            continue
        before, step = len(order), start
        while not seen[step]:
            seen[step] = 1
            order.append(step)
            step = after[step]
        lengths.append(len(order) - before)
    return np.array(order, np.intp), np.repeat(np.arange(len(lengths)), lengths)


def _repeated(corners: Ring, ring: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return which corners a ring passes for the second time."""
    order = np.lexsort((corners[:, 0], corners[:, 1], ring))
    same = (np.diff(corners[order], axis=0) == 0).all(1) & (np.diff(ring[order]) == 0)
    return np.asarray(order[1:][same])


def _simple(ring: Ring) -> list[Ring]:
    """Return a ring that touches itself as rings that do not."""
    rings: list[Ring] = []
    path: list[tuple[int, int]] = []
    place: dict[tuple[int, int], int] = {}
    for x, y in [*ring.tolist(), ring[0].tolist()]:
        begin = place.get((x, y))
        if begin is not None:
            rings.append(np.array(path[begin:], np.int32))
            for point in path[begin:]:
                del place[point]
            del path[begin:]
        place[x, y] = len(path)
        path.append((x, y))
    return rings


def signed_area(ring: Points) -> float:
    """Return the area in px²: above 0 for outer rings, below for holes."""
    x, y = np.asarray(ring, np.float64).T
    return float(x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0]) / 2


def fill_rings(rings: Sequence[Points], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels (Y, X) whose centre is inside an odd number of rings.

    Rings (K, 2) of x, y may be any polygons; what lies beyond the image is cut off.
    """
    height, width = shape
    crossings = np.concatenate([_crossings(np.asarray(ring, np.float64), shape) for ring in rings])
    turns = np.bincount(crossings, minlength=height * (width + 1)).reshape(height, width + 1)
    return (np.cumsum(turns, axis=1)[:, :width] & 1).astype(bool)


def _crossings(ring: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Return, flat in (Y, X + 1), the first pixel right of each place where a ring crosses a row of pixel centres."""
    height, width = shape
    (x0, y0), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    top, bottom = np.clip(np.ceil(np.sort([y0, y1], axis=0) - 0.5), 0, height).astype(np.intp)
    count = bottom - top
    if int(count.sum()) > MOST_CROSSINGS:
        raise ValueError(f"an outline of {len(ring):,} points crosses {int(count.sum()):,} rows; no cell's does")
    edge = np.repeat(np.arange(len(ring)), count)
    row = top[edge] + np.arange(len(edge)) - (np.cumsum(count) - count)[edge]
    x = x0[edge] + (row + 0.5 - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
    right = np.clip(np.ceil(x - 0.5), 0, width).astype(np.intp)
    return np.asarray(row * (width + 1) + right)


def is_inside(rings: Sequence[Points], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points (N, 2) of x, y lie inside an odd number of rings."""
    inside = np.zeros(len(points), bool)
    for ring in rings:
        corners = np.asarray(ring, np.float64)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y0 == y1:
                continue
            crosses = (y0 > points[:, 1]) != (y1 > points[:, 1])
            at = x0 + (points[:, 1] - y0) * (x1 - x0) / (y1 - y0)
            inside ^= crosses & (at > points[:, 0])
    return inside
