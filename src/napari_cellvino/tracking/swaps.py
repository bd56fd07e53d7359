"""Cells near each other that may as well have changed places.

Each may have stayed where it was, or moved on as in the frame before; of both, what explains a way better counts, with
the change of size. Where the ways that two cells went are hardly likelier than those crosswise, a person should look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_cellvino.tracking.gaps import CellPlaces
from napari_cellvino.tracking.tracks import Node

NEAR = 2.0  # diameters that such cells lie apart at most
UNSURE = 0.2  # by how much, in diameters, the ways that they went must be the shorter ones to be sure

Link = tuple[int, Node, Node]
"""A track, and its cells in two frames."""


def possible_swaps(links: Sequence[Link], held: CellPlaces) -> list[tuple[int, int, int, float, str]]:
    """Return track, frame, label, doubt and reason of the first of two cells that may have changed places."""
    steps = {(track, two.frame): held.place(two) - held.place(one) for track, one, two in links}
    by_frame: dict[int, list[Link]] = {}
    for link in links:
        if link[2].frame == link[1].frame + 1:
            by_frame.setdefault(link[1].frame, []).append(link)
    rows = []
    for frame, own in by_frame.items():
        near = cKDTree(np.array([held.place(one) for _, one, _ in own])).query_pairs(NEAR * held.scale(frame))
        for one, two in ((own[a], own[b]) for a, b in sorted(near)):
            before = [steps.get((track, node.frame)) for track, node, _ in (one, two)]
            went = _way(held, one[1], one[2], before[0]) + _way(held, two[1], two[2], before[1])
            other = _way(held, one[1], two[2], before[0]) + _way(held, two[1], one[2], before[1])
            if other - went < UNSURE:
                said = f"may have changed places with #{two[0]}: that is as likely"
                rows.append((one[0], one[2].frame, one[2].label, 1.0 + went - other, said))
    return rows


def _way(held: CellPlaces, one: Node, two: Node, before: NDArray[np.float64] | None) -> float:
    """Return how unlikely it is that a cell becomes another one, in diameters."""
    step = held.place(two) - held.place(one)
    away = float(np.linalg.norm(step))
    if before is not None:
        away = min(away, float(np.linalg.norm(step - before)))
    return away / held.scale(one.frame) + abs(float(np.log(held.size(two) / held.size(one))))
