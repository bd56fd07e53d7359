"""Convex hull areas of all objects of a field at once.

The hull of an object is that of its pixels' squares, and only the outer corners of its outermost pixels on each row
can be on it. So it consists of a left and a right chain over the rows, and the chains of all objects are thinned
together: a point on or inside the chord of its two neighbours is not a corner of the hull and is dropped.
What is left when none goes is convex. A hull per object by Qhull, or by drawing it (``convex_hull_image``), was ruled
out: either takes a hundred times as long.

Coordinates are integers, so the areas are exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.measure.runs import Runs

Index = NDArray[np.intp]


def hull_areas(runs: Runs) -> NDArray[np.float64]:
    """Return the area (N,) in px² of the convex hull of each object's pixel squares; at least its pixel count."""
    n = len(runs.starts)
    if (loops := compiled()) is not None:
        areas, (ys, xs) = np.empty(n), np.empty((2, 2 * len(runs.row) + 2), np.intp)
        loops.hull_areas(runs.starts, runs.y, runs.x0, runs.x1, ys, xs, areas)
        return areas
    row, y, x0, x1 = _outermost(runs)
    chain = np.concatenate([row, row + n])  # the right chain is a left chain of the mirrored image
    corner_x = _thin(*_corners(chain, np.concatenate([y, y]), np.concatenate([x0, -x1])))
    between_axis_and_chain = _integral(*corner_x, chains=2 * n)
    return -(between_axis_and_chain[:n] + between_axis_and_chain[n:])


def _outermost(runs: Runs) -> tuple[Index, Index, Index, Index]:
    """Return object, row, left end and right end (px, half-open) of each object on each row it covers."""
    new = np.ones(len(runs.row), bool)
    new[1:] = (runs.row[1:] != runs.row[:-1]) | (runs.y[1:] != runs.y[:-1])
    last = np.append(new[1:], True)[: len(new)]
    return runs.row[new], runs.y[new], runs.x0[new], runs.x1[last]


def _corners(chain: Index, y: Index, x: Index) -> tuple[Index, Index, Index]:
    """Return the leftmost corner of each chain on each edge between rows: a pixel square has one above, one below."""
    chain, x = np.repeat(chain, 2), np.repeat(x, 2)
    y = np.repeat(y, 2)
    y[1::2] += 1
    new = np.ones(len(y), bool)
    new[1:] = (chain[1:] != chain[:-1]) | (y[1:] != y[:-1])
    return chain[new], y[new], np.minimum.reduceat(x, np.flatnonzero(new)) if len(x) else x


def _thin(chain: Index, y: Index, x: Index) -> tuple[Index, Index, Index]:
    """Return the corners of each chain that are on its convex hull.

    Chains that lost no point are convex and skipped, so that one winding outline does not slow down the others.
    """
    done: list[tuple[Index, Index, Index]] = []
    while len(chain):
        outside = _beyond_chord(chain, y, x)
        busy = np.zeros(chain[-1] + 1, bool)
        busy[chain[outside]] = True
        rests = ~busy[chain]
        done.append((chain[rests], y[rests], x[rests]))
        kept = ~(rests | outside)
        chain, y, x = chain[kept], y[kept], x[kept]
    columns = zip(*done, strict=True) if done else ((chain,), (y,), (x,))
    chain, y, x = (np.concatenate(column) for column in columns)
    return chain, y, x


def _beyond_chord(chain: Index, y: Index, x: Index) -> NDArray[np.bool_]:
    """Return which points lie on or to the right of the chord of their neighbours in the same chain."""
    beyond = np.zeros(len(chain), bool)
    inner = chain[2:] == chain[:-2]
    down, across = y[1:] - y[:-1], x[1:] - x[:-1]
    beyond[1:-1] = inner & (across[:-1] * down[1:] >= across[1:] * down[:-1])
    return beyond


def _integral(chain: Index, y: Index, x: Index, *, chains: int) -> NDArray[np.float64]:
    """Return the integral of x over y along each chain (``chains``,), by trapezia."""
    same = chain[1:] == chain[:-1]
    area = (y[1:] - y[:-1]) * (x[1:] + x[:-1]) / 2
    return np.bincount(chain[:-1][same], area[same], minlength=chains).astype(np.float64, copy=False)
