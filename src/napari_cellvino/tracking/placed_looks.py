"""What was measured of the cells of a frame, found again by where they lie.

Labels of cells change with every edit, and masks are written anew; a place does not. A cell that was drawn or split
since lies where none was measured, and is one whose looks are not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_cellvino.tracking.frame_cells import FrameCells
from napari_cellvino.tracking.looks import Floats, Looks

SAME = 0.25  # diameters that a cell may lie from where one was measured, to be that one
AT_LEAST = 1.0  # px


@dataclass(frozen=True, slots=True)
class PlacedLooks:
    """Places (N, D) of cells in px, and what they look like."""

    places: NDArray[np.floating]
    looks: Looks

    def of(self, cells: FrameCells) -> Looks:
        """Return what the cells of the frame look like, NaN where none was measured there."""
        if not len(self.places) or not len(cells):
            return Looks(*(None if held is None else _none(held, len(cells)) for held in self._held))
        away, at = cKDTree(self.places).query(cells.centroids)
        known = away <= np.maximum(SAME * cells.diameters, AT_LEAST)
        taken = []
        for held in self._held:
            mine = None if held is None else _none(held, len(cells))
            if mine is not None and held is not None:
                mine[known] = held[at[known]]
            taken.append(mine)
        return Looks(*taken)

    @property
    def _held(self) -> tuple[Floats | None, Floats | None]:
        return self.looks.intensities, self.looks.features


def _none(held: Floats, count: int) -> Floats:
    return np.full((count, *held.shape[1:]), np.nan)


def joined_looks(parts: Sequence[PlacedLooks | None]) -> PlacedLooks | None:
    """Return what was measured of a frame in several parts; what one of them lacks is lacking."""
    there = [part for part in parts if part is not None]
    if len(there) < 2:
        return there[0] if there else None
    places = np.concatenate([part.places for part in there])
    intensities = [part.looks.intensities for part in there]
    features = [part.looks.features for part in there]
    return PlacedLooks(places, Looks(_joined(intensities), _joined(features)))


def _joined(parts: Sequence[Floats | None]) -> Floats | None:
    held = [part for part in parts if part is not None]
    return np.concatenate(held) if len(held) == len(parts) and len({part.shape[1:] for part in held}) == 1 else None
