"""The order in which the cells of a review are gone through, and the place in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.core.objects import Doubt, ReviewState
from napari_cellvino.quality.doubts import Reason
from napari_cellvino.quality.review_queue import Doubtful, with_reasons
from napari_cellvino.quality.sampling import Sample, draw_sample


class Order(StrEnum):
    """What comes first."""

    DOUBT = "Doubtful first"
    SAMPLE = "Random sample"
    PLACE = "Left to right"


@dataclass(frozen=True, slots=True)
class CellFilter:
    """Which cells are listed and gone to: those in a state, for a doubt, of a class; None and no doubt: all."""

    state: ReviewState | None = None
    doubt: Doubt = Doubt.NONE
    class_index: int | None = None


class Cursor:
    """One pass through an annotation as it is now; cells that are drawn or split later are not in it.

    Parameters
    ----------
    annotation
        The annotation to review.
    order, size
        What comes first, and how many cells a random sample has.
    queue
        The cells with what is doubtful of them, the most doubtful first.

    Raises
    ------
    OptionError
        If there are too few cells for a sample.
    """

    def __init__(
        self,
        annotation: Annotation,
        order: Order,
        size: int,
        queue: Sequence[Doubtful],
    ) -> None:
        self._annotation = annotation
        self.order = order
        self.found = {item.id: item for item in queue}
        self.sample: Sample | None = None
        self.at = -1
        self.ids = list(self.found)
        if order is Order.SAMPLE:
            seed = int(annotation.provenance.pixels_sha256[:8] or "0", 16)
            self.sample = draw_sample(annotation, size, seed=seed)
            self.ids = list(self.sample.ids)
        elif order is Order.PLACE:
            places = annotation.places(self.ids)
            along = np.argsort(places.sums[:, -1] / places.area, kind="stable")
            self.ids = [self.ids[row] for row in along.tolist()]

    def learn(self, further: Sequence[tuple[int, Reason]]) -> None:
        """Take in further reasons: cells that were passed keep their places, those ahead are put in order again."""
        self.found = {item.id: item for item in with_reasons(tuple(self.found.values()), further)}
        if self.order is Order.DOUBT:
            behind = dict.fromkeys(self.ids[: self.at + 1])
            self.ids = [*behind, *(id_ for id_ in self.found if id_ not in behind)]

    def doubtful(self, id_: int) -> Doubtful | None:
        """Return what is doubtful of a cell, None if it came later."""
        return self.found.get(id_)

    def is_certain(self, id_: int) -> bool:
        """Return whether the doubtful cells come first and this is none of them: only others like it follow."""
        item = self.found.get(id_)
        return self.order is Order.DOUBT and (item is None or not item.reasons)

    def passes(self, id_: int, wanted: CellFilter) -> bool:
        """Return whether a cell is there and is one of those wanted."""
        return self._passes(self._annotation.records.get(id_), wanted)

    def _passes(self, record: ObjectRecord | None, wanted: CellFilter) -> bool:
        return record is not None and wanted.state in (None, record.review) and self._is_kind(record, wanted)

    def listed(self, wanted: CellFilter) -> list[int]:
        """Return the cells that are wanted, in order; those that came later at the end."""
        there = self._annotation.records
        later = [] if self.sample is not None else sorted(there.keys() - self.found.keys())
        if wanted == CellFilter():
            return [id_ for id_ in (*self.ids, *later) if id_ in there]
        return [id_ for id_ in (*self.ids, *later) if self._passes(there.get(id_), wanted)]

    def step(self, by: int, wanted: CellFilter) -> int | None:
        """Go to the next cell that was not reviewed (1), or back to the one before (-1); None at the end.

        Cells that gates leave out are passed over: nobody need look at what does not count.
        """
        at = self.at + by
        while 0 <= at < len(self.ids):
            record = self._annotation.records.get(self.ids[at])
            there = record is not None and not record.gated and (by < 0 or not record.reviewed)
            if there and record is not None and self._is_kind(record, wanted):
                self.at = at
                return self.ids[at]
            at += by
        return None

    def _is_kind(self, record: ObjectRecord, wanted: CellFilter) -> bool:
        item = self.found.get(record.id)
        reasons = item.reasons if item is not None else ()
        doubted = not wanted.doubt or any(reason.doubt & wanted.doubt for reason in reasons)
        return doubted and wanted.class_index in (None, record.class_index)
