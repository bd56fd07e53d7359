"""Tracks as plain values: which label of which frame belongs to which track, and which track came from which.

A track is one cell from its first frame to its last, or to its division; a gap in it is a frame in which it was not
found. Ids of tracks run from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Node(NamedTuple):
    """A cell in a frame: the frame's number from 0, and its label there."""

    frame: int
    label: int


GONE = Node(-1, -1)
"""A daughter that is not in the film: she left the field between two frames."""

Links = Mapping[Node, tuple[Node, ...]]
"""From a cell to the one that it becomes, or to the two that it divides into, of which one may be `GONE`."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks of a film.

    Attributes
    ----------
    nodes
        The cells of each track, by frame.
    parents
        The track that a track came from by division; others are not in it.
    """

    nodes: Mapping[int, tuple[Node, ...]] = field(default_factory=dict)
    parents: Mapping[int, int] = field(default_factory=dict)

    @property
    def divisions(self) -> dict[int, tuple[int, ...]]:
        """The daughters of each track that divided."""
        found: dict[int, tuple[int, ...]] = {}
        for daughter, parent in sorted(self.parents.items()):
            found[parent] = (*found.get(parent, ()), daughter)
        return found

    def track_of(self) -> dict[Node, int]:
        """Return the track of each cell."""
        return {node: track for track, nodes in self.nodes.items() for node in nodes}

    def generation(self, track: int) -> int:
        """Return how many divisions lie before a track in this film."""
        number = 0
        while track in self.parents:
            track, number = self.parents[track], number + 1
        return number

    def links(self) -> dict[Node, tuple[Node, ...]]:
        """Return the links that the tracks are made of."""
        found: dict[Node, tuple[Node, ...]] = {}
        for nodes in self.nodes.values():
            found |= {one: (two,) for one, two in pairwise(nodes)}
        for mother, daughters in self.divisions.items():
            begins = tuple(self.nodes[daughter][0] for daughter in daughters)
            found[self.nodes[mother][-1]] = begins if len(begins) > 1 else (*begins, GONE)
        return found


def tracks_of_links(cells: Sequence[Iterable[int]], links: Links) -> Tracks:
    """Return the tracks that links make of the labels of each frame: one daughter goes on, two begin tracks."""
    nodes: dict[int, list[Node]] = {}
    parents: dict[int, int] = {}
    own: dict[Node, int] = {}
    came_from = {later: earlier for earlier, laters in links.items() for later in laters}
    for frame, labels in enumerate(cells):
        for label in labels:
            node = Node(frame, int(label))
            before = came_from.get(node)
            if before is not None and len(links[before]) == 1:
                track = own[before]
            else:
                track = len(nodes) + 1
                nodes[track] = []
                if before is not None:
                    parents[track] = own[before]
            own[node] = track
            nodes[track].append(node)
    return Tracks({track: tuple(held) for track, held in nodes.items()}, parents)


def relabel(labels: NDArray[np.integer], ids: Mapping[int, int]) -> NDArray[np.int32]:
    """Return a label image with other labels; those that are not named become background."""
    table = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    for label, new in ids.items():
        table[label] = new
    return np.asarray(table[labels], np.int32)
