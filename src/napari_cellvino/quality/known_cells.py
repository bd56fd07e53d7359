"""What is known of all cells that a model may have found, so that choosing others among them costs next to nothing.

Each of these is of one cell alone, so it is the same whichever others are left: its outline on the screen, its place,
what its shape shows. A limit on score or area looks them up instead of passing over the image again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.index import ObjectIndex, Places
from napari_cellvino.core.label_edges import outline_pixels
from napari_cellvino.quality.shape_evidence import Floats, ShapeEvidence, find_shape_evidence
from napari_cellvino.segmentation.heads import Decoded


class KnownCells:
    """All cells of a plane, and what is known of each; everything is found when it is asked for first, or ahead."""

    def __init__(self, found: Decoded, foreground_probability: Floats | None) -> None:
        self.found = found
        self._foreground = foreground_probability
        self._outlines: dict[int, NDArray[np.int64]] = {}

    @cached_property
    def evidence(self) -> ShapeEvidence:
        """What the shapes (N,) show."""
        return find_shape_evidence(self.found.objects, self.found.label_image(), self._foreground)

    @cached_property
    def places(self) -> Places:
        """The geometry (N,)."""
        return ObjectIndex(self.found.label_image()).places(self.found.objects.id.tolist())

    def look_ahead(self) -> None:
        """Find shapes and geometry."""
        _ = self.evidence, self.places

    def outline(self, px: int) -> NDArray[np.int64]:
        """Return the flat indices of all pixels of outlines of a width in px."""
        if px not in self._outlines:
            self._outlines[px] = outline_pixels(self.found.label_image(), px)
        return self._outlines[px]

    def selected(self, ids: NDArray[np.int32]) -> SelectedCells:
        """Return those with an id that is not 0, of ``ids`` (N,) from 1."""
        rows = np.flatnonzero(ids)
        return SelectedCells(self, rows[np.argsort(ids[rows])])


@dataclass(frozen=True, slots=True, eq=False)
class SelectedCells:
    """The cells of a prediction: which of all ``known`` ones they are, in the order of their ids."""

    known: KnownCells
    rows: NDArray[np.intp]

    @property
    def evidence(self) -> ShapeEvidence:
        """What their shapes show."""
        return self.known.evidence.at(self.rows)

    @property
    def places(self) -> Places:
        """A copy of their geometry."""
        return self.known.places.at(self.rows)
