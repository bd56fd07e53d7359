"""Label images as stretches of one value along rows, and labels as rows of a table: each found in one quick pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]

DENSE = 8  # times as many numbers as values: up to there a table of all numbers is quicker than sorting
SMALL = 65_536  # numbers of which a table is always small


def starts_of_runs(labels: Integers) -> NDArray[np.intp]:
    """Return the flat indices at which a run of one value, 0 too, begins in ``labels`` (Y, X): at least one per row."""
    flat, width = labels.reshape(-1), labels.shape[1]
    edge = np.empty(len(flat), bool)
    np.not_equal(flat[1:], flat[:-1], out=edge[1:])
    edge[:: max(width, 1)] = True
    return np.flatnonzero(edge)


def numbered(values: Integers) -> tuple[Integers, NDArray[np.intp]]:
    """Return the different values (N,) in order, and the place of each value (R,) among them.

    The same as ``numpy.unique(values, return_inverse=True)`` for values from 0; labels, which are mostly without gaps,
    need not be sorted.
    """
    highest = int(values.max(initial=0))
    if highest > max(DENSE * len(values), SMALL):
        found, place = np.unique(values, return_inverse=True)
        return found, place
    there = np.zeros(highest + 1, bool)
    there[values] = True
    table = np.cumsum(there) - 1
    return np.flatnonzero(there).astype(values.dtype), table[values]
