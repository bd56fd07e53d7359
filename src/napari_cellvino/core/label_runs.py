"""Label images as stretches of one value along rows, and labels as rows of a table: each found in one quick pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]

DENSE = 8  # times as many numbers as values: up to there a table of all numbers is quicker than sorting
SMALL = 65_536  # numbers of which a table is always small
BAND_PX = 2**24  # pixels looked at together


@dataclass(frozen=True, slots=True, eq=False)
class LabelRuns:
    """The runs (R,) of all that is no background in ``labels`` (Y, X), in raster order, where they are known."""

    labels: Integers
    begin: NDArray[np.intp]  # flat indices
    length: NDArray[np.intp]
    values: Integers

    @classmethod
    def joined(cls, labels: Integers, begin: NDArray[np.intp], length: NDArray[np.intp], values: Integers) -> LabelRuns:
        """Return the runs of ``labels`` from such as may follow another of their value in its row, or be background."""
        inside = values != 0
        begin, end, values = begin[inside], (begin + length)[inside], values[inside]
        new = np.ones(len(begin) + 1, bool)
        follows = (begin[1:] == end[:-1]) & (values[1:] == values[:-1])
        new[1:-1] = ~follows | (begin[1:] % max(labels.shape[1], 1) == 0)
        first = new[:-1]
        return cls(labels, begin[first], end[new[1:]] - begin[first], values[first])

    @property
    def columns(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Integers]:
        """Flat index, length and label of every run: what `labelled_runs` gives for the labels."""
        return self.begin, self.length, self.values


def starts_of_runs(labels: Integers) -> NDArray[np.intp]:
    """Return the flat indices at which a run of one value, 0 too, begins in ``labels`` (Y, X): at least one per row."""
    flat, width = labels.reshape(-1), labels.shape[1]
    edge = np.empty(len(flat), bool)
    np.not_equal(flat[1:], flat[:-1], out=edge[1:])
    edge[:: max(width, 1)] = True
    return np.flatnonzero(edge)


def labelled_runs(
    labels: Integers, after_band: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.intp], NDArray[np.intp], Integers]:
    """Return flat index, length and label of every run in ``labels`` (Y, X) that is no background, in raster order.

    Large images are looked at in bands of rows, with a call of ``after_band`` after each.
    """
    rows = max(1, BAND_PX // max(labels.shape[1], 1))
    found = []
    for top in range(0, max(len(labels), 1), rows):
        band = labels[top : top + rows]
        flat, begin = band.reshape(-1), starts_of_runs(band)
        length, values = np.diff(begin, append=len(flat)), flat[begin]
        inside = values != 0
        found.append((begin[inside] + top * labels.shape[1], length[inside], values[inside]))
        if rows < len(labels):
            after_band()
    begin, length, values = (np.concatenate(column) for column in zip(*found, strict=True))
    return begin, length, values


def pixels_of_runs(begin: NDArray[np.intp], length: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the flat indices of all pixels of runs, one run after the other."""
    before = np.cumsum(length) - length
    return np.repeat(begin - before, length) + np.arange(int(length.sum()))


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
