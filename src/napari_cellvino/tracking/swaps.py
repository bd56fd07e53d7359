"""Cells near each other that may as well have changed places.

Each may have stayed where it was, or moved on as in the frame before; of both, what explains a way better counts, with
the change of size. Where the ways that two cells went are hardly likelier than those crosswise, a person should look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_cellvino.tracking.gaps import CellPlaces
from napari_cellvino.tracking.tracks import Node

NEAR = 2.0  # diameters that such cells lie apart at most
UNSURE = 0.2  # by how much, in diameters, the ways that they went must be the shorter ones to be sure

Floats = NDArray[np.float64]
Link = tuple[int, Node, Node]
"""A track, and its cells in two frames."""


def possible_swaps(links: Sequence[Link], held: CellPlaces) -> list[tuple[int, int, int, float, str]]:
    """Return track, frame, label, doubt and reason of the first of two cells that may have changed places."""
    by_frame: dict[int, list[Link]] = {}
    for link in links:
        if link[2].frame == link[1].frame + 1:
            by_frame.setdefault(link[1].frame, []).append(link)
    rows, before = [], dict[int, Floats]()
    for frame, own in sorted(by_frame.items()):
        ways = _Ways(own, held, before)
        one, two = ways.near()
        unsure = ways.between(one, one) + ways.between(two, two) - ways.between(one, two) - ways.between(two, one)
        for a, b, doubt in zip(one.tolist(), two.tolist(), unsure.tolist(), strict=True):
            if doubt > -UNSURE:
                track, node, said = (
                    own[a][0],
                    own[a][2],
                    f"may have changed places with #{own[b][0]}: that is as likely",
                )
                rows.append((track, frame + 1, node.label, 1.0 + doubt, said))
        before = {track: step for (track, _, _), step in zip(own, ways.ends - ways.starts, strict=True)}
    return rows


class _Ways:
    """The ways of N cells from a frame to the next one; ``before`` are their last steps by track."""

    def __init__(self, links: Sequence[Link], held: CellPlaces, before: Mapping[int, Floats]) -> None:
        nodes = [one for _, one, _ in links], [two for _, _, two in links]
        self.starts, self.ends = (np.array([held.place(node) for node in own]) for own in nodes)
        self._sizes = [np.log([held.size(node) for node in own]) for own in nodes]
        self._scale = held.scale(links[0][1].frame)
        self._before = np.array([before.get(track, np.zeros(self.starts.shape[1])) for track, _, _ in links])

    def near(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the pairs of cells (P,), (P,) that lie near each other."""
        pairs = cKDTree(self.starts).query_pairs(NEAR * self._scale, output_type="ndarray")
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].astype(np.int64)
        return pairs[:, 0], pairs[:, 1]

    def between(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> Floats:
        """Return how unlikely it is that cells (P,) become what others (P,) became, in diameters."""
        step = self.ends[two] - self.starts[one]
        away = np.minimum(np.linalg.norm(step, axis=1), np.linalg.norm(step - self._before[one], axis=1))
        return np.asarray(away / self._scale + np.abs(self._sizes[1][two] - self._sizes[0][one]))
