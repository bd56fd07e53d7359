"""The outlines of chosen cells, each found once until pixels change: hundreds at once take a tenth of a second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Change

AT_ONCE = 60  # outlines that are found at a time, 0.2 ms each
AT_FIRST = 10  # while an edit is shown, which takes a while itself and tells so several times
Path = NDArray[np.float64]


class CellOutlines:
    """Outlines of the cells of one annotation at a time, in the plane that is shown."""

    def __init__(self) -> None:
        self._annotation: Annotation | None = None
        self._plane: int | None = None
        self._found: dict[int, list[Path]] = {}

    def find(self, annotation: Annotation, ids: Sequence[int], plane: int | None, at_once: int = AT_ONCE) -> bool:
        """Find the outlines of ``at_once`` of these cells that are not known, and return whether all are now."""
        if annotation is not self._annotation or plane != self._plane:
            self._annotation, self._plane, self._found = annotation, plane, {}
        unknown = [id_ for id_ in ids if id_ not in self._found]
        for id_ in unknown[:at_once]:
            self._found[id_] = _outlines(annotation, id_, plane)
        return len(unknown) <= at_once

    def known(self, ids: Sequence[int]) -> list[Path]:
        """Return the outlines of cells as far as they were found, (P, D) each, in px."""
        return [outline for id_ in ids for outline in self._found.get(id_, [])]

    def on_edit(self, change: Change) -> None:
        """Forget all outlines after an edit that may have changed some."""
        if change.pixels or self._annotation is None or self._annotation.labels is None:
            self._found.clear()


def _outlines(annotation: Annotation, id_: int, plane: int | None) -> list[Path]:
    """Return the outlines of a cell in a plane, (P, D) each, in px."""
    from skimage.measure import find_contours

    region = annotation.geometry(id_).region.in_plane(plane)
    if region.empty:
        return []
    shape = region.shape[-2:]
    if annotation.labels is None:
        contours = [np.array([(0, 0), (0, 1), (1, 1), (1, 0), (0, 0)]) * shape + 0.5]
    else:
        mask = annotation.labels[region.slices].reshape(shape) == id_
        contours = find_contours(np.pad(mask.astype(float), 1), 0.5)
    before = () if plane is None else (float(plane),)
    return [
        np.column_stack([*(np.full(len(c), z) for z in before), c + np.asarray(region.low[-2:]) - 1]) for c in contours
    ]
