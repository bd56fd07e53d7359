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
        none = np.zeros(0, np.int64), np.zeros((0, 2 * len(annotation.shape)))
        self._placed = {sign: none for sign in Sign if sign}  # ids (N,) and boxes (N, lows before highs) in px
        if any(excluded or review is not ReviewState.UNSEEN for review, excluded in annotation.states):
            self._add(list(annotation.records.values()))

    def on_event(self, change: Change) -> None:
        """Take in an edit of the annotation."""
        there, ids = self.annotation.records, (*change.changed, *change.added, *change.removed)
        for sign, (known, boxes) in self._placed.items():
            stay = ~np.isin(known, ids)
            self._placed[sign] = known[stay], boxes[stay]
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
        marked: dict[Sign, list[int]] = {sign: [] for sign in self._placed}
        for record in records:
            if record.excluded or record.reviewed:
                marked[sign_of(record)].append(record.id)
        for sign, (known, boxes) in self._placed.items():
            ids = marked[sign]
            places = self.annotation.places(ids)
            more = np.concatenate([places.low, places.high], axis=1)
            self._placed[sign] = np.concatenate([known, ids]).astype(np.int64), np.concatenate([boxes, more])

    def _middles(self, sign: Sign, plane: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return middle (N, 2) and half of a line's box (N, 2) of the cells with a sign, in px."""
        axes, boxes = len(self.annotation.shape), self._placed[sign][1]
        low, high = boxes[:, :axes], boxes[:, axes:]
        if plane is not None:
            there = (low[:, 0] <= plane) & (plane < high[:, 0])
            low, high = low[there], high[there]
        low, high = low[:, -2:], high[:, -2:]
        return (low + high - 1) / 2, REACH * (high - low)
