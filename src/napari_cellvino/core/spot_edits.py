"""Spots that a person added or deleted: kept with the spots, and done again on those of every new run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from napari_cellvino.core.spots import Spots

SAME = 1.0  # px: so near there is no second spot, and a new run finds a spot again


@dataclass(frozen=True, slots=True)
class SpotEdit:
    """One spot that was added, or deleted; ``position`` is (z, y, x) in px, as in `Spots`."""

    added: bool
    position: tuple[float, float, float]
    intensity: float
    score: float


def edit_spots(spots: Spots, edits: Iterable[SpotEdit]) -> Spots:
    """Return spots after edits, which they then hold too; what is there already, or gone, stays so."""
    done = list(spots.edits or ())
    for edit in edits:
        done.append(edit)
        near = np.linalg.norm(spots.position - edit.position, axis=1) <= SAME
        if not edit.added:
            spots = spots.select(~near)
        elif not near.any():
            spots = _with(spots, edit)
    return replace(spots, edits=tuple(done))


def with_edits(spots: Spots, edits: tuple[SpotEdit, ...]) -> Spots:
    """Return spots as they are after exactly these edits, instead of those that they hold.

    What both have in common from the first one on stays; what else was done to the spots is taken back first.
    """
    held = spots.edits or ()
    common = 0
    while common < min(len(held), len(edits)) and _alike(held[common], edits[common]):
        common += 1
    for edit in reversed(held[common:]):
        spots = edit_spots(spots, [replace(edit, added=not edit.added)])
    return edit_spots(replace(spots, edits=edits[:common]), edits[common:])


def _alike(a: SpotEdit, b: SpotEdit) -> bool:
    """Return whether two edits are the same one; tables have six digits."""
    return a.added is b.added and bool(np.allclose(a.position, b.position, rtol=1e-5, atol=1e-3))


def _with(spots: Spots, edit: SpotEdit) -> Spots:
    """Return spots with one more, in the order of their places."""
    position = np.vstack([spots.position, edit.position])
    order = np.lexsort((position[:, 2], position[:, 1], position[:, 0]))
    return replace(
        spots,
        position=position[order],
        intensity=np.append(spots.intensity, edit.intensity)[order],
        score=np.append(spots.score, edit.score)[order],
        cell=np.append(spots.cell, np.int32(0)).astype(np.int32)[order],
    )


def deletion_of(spots: Spots, row: int) -> SpotEdit:
    """Return the edit that deletes a spot by its row."""
    z, y, x = spots.position[row].tolist()
    return SpotEdit(False, (z, y, x), float(spots.intensity[row]), float(spots.score[row]))
