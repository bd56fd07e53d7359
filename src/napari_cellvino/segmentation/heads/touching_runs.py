"""4-connected components of a label image from its runs along rows, which are a tenth as many as pixels or fewer.

Runs of one value that touch across rows are one component: the same as one that is found pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.core.label_runs import pixels_of_runs, starts_of_runs
from napari_cellvino.core.linked import linked_groups

Numbers = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class RunGraph:
    """Runs (R,) that cover an image (Y, X), background too, in raster order, and which of them touch.

    They begin at flat indices, at every row's first pixel too.
    """

    begin: Numbers
    shape: tuple[int, int]

    @cached_property
    def length(self) -> Numbers:
        """Their lengths."""
        return np.diff(self.begin, append=self.shape[0] * self.shape[1])

    @cached_property
    def across(self) -> Numbers:
        """The pairs (2, P) that touch in two rows, some of them twice."""
        return _across(self.begin, self.shape)

    @cached_property
    def along(self) -> Numbers:
        """The pairs (2, P) that touch in one row."""
        left = np.flatnonzero(self.begin[1:] % max(self.shape[1], 1))
        return np.stack([left, left + 1])

    @cached_property
    def touching(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """All pairs as one array each of the first and the second, found by a compiled loop."""
        one, other = np.empty((2, 3 * len(self.begin)), np.int32)
        found = compiled().touching_runs(self.begin, self.length, self.shape[1], one, other)
        return one[:found].copy(), other[:found].copy()

    def at_edge(self) -> NDArray[np.bool_]:
        """Return which runs touch the edge of the image."""
        begin, end, (height, width) = self.begin, self.begin + self.length, self.shape
        at_side = (begin % width == 0) | (end % width == 0)
        return np.asarray(at_side | (begin < width) | (end > (height - 1) * width))


def _across(begin: Numbers, shape: tuple[int, int]) -> Numbers:
    """Return the pairs across rows.

    Where two overlap, one of them begins: it is enough to look above and below the first pixel of each.
    """
    height, width = shape
    runs = np.arange(len(begin))
    lower, upper = begin >= width, begin < (height - 1) * width
    above = np.searchsorted(begin, begin[lower] - width, "right") - 1
    below = np.searchsorted(begin, begin[upper] + width, "right") - 1
    return np.stack([np.concatenate([above, runs[upper]]), np.concatenate([runs[lower], below])])


class TouchingRuns:
    """The components of runs with values (R,), 0 of the background; the values are changed here."""

    def __init__(self, graph: RunGraph, values: NDArray[np.int32]) -> None:
        self.graph, self.values = graph, values

    @classmethod
    def of_image(cls, labels: NDArray[np.int32]) -> TouchingRuns:
        """Return the runs of a label image (Y, X)."""
        graph = RunGraph(starts_of_runs(labels), (labels.shape[0], labels.shape[1]))
        return cls(graph, labels.reshape(-1)[graph.begin])

    @cached_property
    def _component(self) -> NDArray[np.int32]:
        """The component of each run, among as many numbers as there are components."""
        touching = np.concatenate([self._alike(self.graph.across), self._alike(self.graph.along)], 1)
        return linked_groups(len(self.values), *touching)

    def clean(self, largest: int) -> None:
        """Keep the largest piece of every object, and close its holes of up to ``largest`` px."""
        loops = compiled()
        if loops is None or len(self.values) == 0:
            self.keep_largest_pieces()
            self.close_holes(largest)
            return
        graph, values = self.graph, self.values
        component = np.empty_like(values)
        loops.keep_largest_pieces(values, *graph.touching, graph.length, component)
        loops.close_holes(values, *graph.touching, graph.begin, graph.length, component, *graph.shape, largest)

    def keep_largest_pieces(self) -> None:
        """Make background of all but the largest component of every object; among equals the first is kept."""
        component, values, graph = self._component, self.values, self.graph
        if len(component) == 0:
            return
        size = np.bincount(component, graph.length)
        owner = np.zeros(len(size), np.int32)
        owner[component] = values
        first = np.zeros(len(size), np.intp)
        first[component[::-1]] = np.arange(len(component))[::-1]
        order = np.lexsort((-first, size, owner))
        last = np.append(owner[order][1:] != owner[order][:-1], True)
        keep = owner == 0
        keep[order[last]] = True
        if not keep.all():
            gone = ~keep[component]
            values[gone] = 0
            beside = [self._alike(pairs[:, gone[pairs[0]] | gone[pairs[1]]]) for pairs in (graph.across, graph.along)]
            merged = linked_groups(len(size), *component[np.concatenate(beside, 1)])  # all others are as they were
            self._component = merged[component]

    def close_holes(self, largest: int) -> None:
        """Give background regions of up to ``largest`` px that touch one object alone, and no edge, to that object."""
        component, values, graph = self._component, self.values, self.graph
        if len(component) == 0:
            return
        small = np.bincount(component, graph.length) <= largest
        small[component[values > 0]] = False
        small[component[graph.at_edge()]] = False
        highest = np.zeros(len(small), np.int32)
        lowest = np.full(len(small), np.iinfo(np.int32).max, np.int32)
        hollow = small[component]
        for one, other in (graph.across, graph.along):
            for hole, around in ((one, other), (other, one)):
                of_hole = np.flatnonzero(hollow[hole])  # few pairs of many
                of_hole = of_hole[values[around[of_hole]] > 0]
                region, value = component[hole[of_hole]], values[around[of_hole]]
                np.maximum.at(highest, region, value)
                np.minimum.at(lowest, region, value)
        closed = small & (highest == lowest)
        inside = closed[component]
        values[inside] = highest[component[inside]]

    def write(self, labels: NDArray[np.int32]) -> None:
        """Write the values into the label image that these are the runs of."""
        begin, length, flat = self.graph.begin, self.graph.length, labels.reshape(-1)
        changed = np.flatnonzero(self.values != flat[begin])
        pixels = pixels_of_runs(begin[changed], length[changed])
        flat[pixels] = np.repeat(self.values[changed], length[changed])

    def labelled(self) -> tuple[Numbers, Numbers, NDArray[np.int32]]:
        """Return flat index, length and value of every run that is no background."""
        inside = np.flatnonzero(self.values)
        return self.graph.begin[inside], self.graph.length[inside], self.values[inside]

    def _alike(self, pairs: Numbers) -> Numbers:
        """Return the pairs of runs of one value."""
        return pairs[:, self.values[pairs[0]] == self.values[pairs[1]]]
