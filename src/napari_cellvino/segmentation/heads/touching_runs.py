"""4-connected components of a label image from its runs along rows, which are a tenth as many as pixels or fewer.

Runs of one value that touch across rows are one component: the same as one that is found pixel by pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_cellvino.core.label_runs import pixels_of_runs, starts_of_runs

Numbers = NDArray[np.intp]


class TouchingRuns:
    """The runs of a label image (Y, X), background too, and the components that they are part of.

    Values are changed here, and in the image once they are written.
    """

    def __init__(self, labels: NDArray[np.int32]) -> None:
        self._flat, self._width = labels.reshape(-1), labels.shape[1]
        self._begin = starts_of_runs(labels)
        self._length = np.diff(self._begin, append=labels.size)
        self._values = self._flat[self._begin]
        self._before = self._values.copy()
        self._pairs = self._across_rows()
        self._component = _components(len(self._begin), *self._alike(self._pairs))

    def keep_largest_pieces(self) -> None:
        """Make background of all but the largest component of every object; among equals the first is kept."""
        component = self._component
        if len(component) == 0:
            return
        size = np.bincount(component, self._length)
        owner = np.zeros(len(size), np.int32)
        owner[component] = self._values
        first = np.zeros(len(size), np.intp)
        first[component[::-1]] = np.arange(len(component))[::-1]
        order = np.lexsort((-first, size, owner))
        last = np.append(owner[order][1:] != owner[order][:-1], True)
        keep = owner == 0
        keep[order[last]] = True
        if not keep.all():
            self._values[~keep[component]] = 0
            touching = np.concatenate([self._alike(self._pairs), self._alike(self._along_rows())], 1)
            merged = _components(len(size), *component[touching])
            self._component = merged[component]

    def close_holes(self, largest: int) -> None:
        """Give background regions of up to ``largest`` px that touch one object alone, and no edge, to that object."""
        component, values = self._component, self._values
        if len(component) == 0:
            return
        small = np.bincount(component, self._length) <= largest
        small[component[values > 0]] = False
        small[component[self._at_edge()]] = False
        highest = np.zeros(len(small), np.int32)
        lowest = np.full(len(small), np.iinfo(np.int32).max, np.int32)
        for one, other in (self._pairs, self._along_rows()):
            for hole, around in ((one, other), (other, one)):
                own = small[component[hole]] & (values[around] > 0)
                region, value = component[hole[own]], values[around[own]]
                np.maximum.at(highest, region, value)
                np.minimum.at(lowest, region, value)
        closed = small & (highest == lowest)
        inside = closed[component]
        values[inside] = highest[component[inside]]

    def write(self) -> None:
        """Write the values that were changed into the image."""
        changed = np.flatnonzero(self._values != self._before)
        length = self._length[changed]
        self._flat[pixels_of_runs(self._begin[changed], length)] = np.repeat(self._values[changed], length)

    def _across_rows(self) -> Numbers:
        """Return pairs (2, P) of runs that touch in two rows; some twice.

        Where two overlap, one of them begins: it is enough to look above and below the first pixel of each.
        """
        begin, width = self._begin, self._width
        runs = np.arange(len(begin))
        lower, upper = begin >= width, begin < len(self._flat) - width
        above = np.searchsorted(begin, begin[lower] - width, "right") - 1
        below = np.searchsorted(begin, begin[upper] + width, "right") - 1
        return np.stack([np.concatenate([above, runs[upper]]), np.concatenate([runs[lower], below])])

    def _along_rows(self) -> Numbers:
        """Return pairs (2, P) of runs that touch in one row."""
        left = np.flatnonzero(self._begin[1:] % self._width)
        return np.stack([left, left + 1])

    def _alike(self, pairs: Numbers) -> Numbers:
        """Return the pairs of runs of one value."""
        return pairs[:, self._values[pairs[0]] == self._values[pairs[1]]]

    def _at_edge(self) -> NDArray[np.bool_]:
        """Return which runs touch the edge of the image."""
        begin, end, width = self._begin, self._begin + self._length, self._width
        at_side = (begin % width == 0) | (end % width == 0)
        return np.asarray(at_side | (begin < width) | (end > len(self._flat) - width))


def _components(count: int, one: Numbers, other: Numbers) -> NDArray[np.int32]:
    """Return the component (from 0) of each of ``count`` nodes of which pairs are linked."""
    if count == 0:
        return np.zeros(0, np.int32)
    links = coo_array((np.ones(len(one), np.int8), (one.astype(np.int32), other.astype(np.int32))), (count, count))
    return np.asarray(connected_components(links, directed=False)[1])
