"""Signs in the picture for what was said of cells: a dot, a line through them, a cross.

They tell states apart by their form and leave the pixels alone: other colours in the layer would be computed for the
whole of it, at every edit. An edit changes the signs of its own cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Change, ObjectRecord
from napari_cellvino.core.objects import ReviewState

REACH = 0.35  # of a cell's box, from its middle to the end of a line


class Sign(StrEnum):
    """What is drawn on a cell, as text."""

    NONE = ""
    REVIEWED = "•"
    EXCLUDED = "/"
    REJECTED = "×"


def sign_of(record: ObjectRecord) -> Sign:
    """Return the sign of a cell: that it is not counted before that it was looked at."""
    if record.review is ReviewState.REJECTED:
        return Sign.REJECTED
    if record.excluded:
        return Sign.EXCLUDED
    return Sign.REVIEWED if record.reviewed else Sign.NONE


class ReviewSigns:
    """The signs of one annotation, with the box of each cell."""

    def __init__(self, annotation: Annotation) -> None:
        self.annotation = annotation
        self._boxes: dict[Sign, dict[int, list[int]]] = {sign: {} for sign in Sign if sign}
        self._arrays: dict[Sign, NDArray[np.float64]] = {}  # the same boxes, until an edit changes some
        if any(excluded or review is not ReviewState.UNSEEN for review, excluded in annotation.states):
            self._add(list(annotation.records.values()))

    def on_event(self, change: Change) -> None:
        """Take in an edit of the annotation."""
        there, ids = self.annotation.records, (*change.changed, *change.added, *change.removed)
        for boxes in self._boxes.values():
            for id_ in ids:
                boxes.pop(id_, None)
        self._add([there[id_] for id_ in ids if id_ in there])

    def lines(self, plane: int | None = None) -> NDArray[np.float64]:
        """Return the lines through cells that do not count: ends (N, 2, 2) in px, of a stack those in a plane."""
        lines = []
        for sign, slants in ((Sign.EXCLUDED, [(1, -1)]), (Sign.REJECTED, [(1, -1), (1, 1)])):
            middle, half = self._middles(sign, plane)
            lines += [np.stack([middle - half * slant, middle + half * slant], 1) for slant in slants]
        return np.concatenate(lines)

    def dots(self, plane: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the middles (N, 2) of the cells that were looked at, and the point beside each at its box (N, 2)."""
        middle, half = self._middles(Sign.REVIEWED, plane)
        return middle, middle + half / REACH

    def _add(self, records: Sequence[ObjectRecord]) -> None:
        signs = {record.id: sign for record in records if (sign := sign_of(record))}
        places = self.annotation.places([*signs])
        boxes = np.concatenate([places.low, places.high], axis=1).tolist()
        for (id_, sign), box in zip(signs.items(), boxes, strict=True):
            self._boxes[sign][id_] = box
        self._arrays.clear()

    def _middles(self, sign: Sign, plane: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return middle (N, 2) and half of a line's box (N, 2) of the cells with a sign, in px."""
        axes = len(self.annotation.shape)
        if sign not in self._arrays:
            self._arrays[sign] = np.array(list(self._boxes[sign].values()), np.float64).reshape(-1, 2 * axes)
        boxes = self._arrays[sign]
        low, high = boxes[:, :axes], boxes[:, axes:]
        if plane is not None:
            there = (low[:, 0] <= plane) & (plane < high[:, 0])
            low, high = low[there], high[there]
        low, high = low[:, -2:], high[:, -2:]
        return (low + high - 1) / 2, REACH * (high - low)
