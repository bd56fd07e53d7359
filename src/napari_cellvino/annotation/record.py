"""The record of one object besides its pixels: class, score, origin, review and notes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

from napari_cellvino.core.objects import Doubt, ObjectOrigin, ReviewState

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """Record of one object.

    ``sources`` are the ids that it was split or merged from. ``model`` is the model that found it, if it differs from
    the provenance. ``box`` (y0, x0, y1, x1), half-open, is given where objects are boxes without pixels. ``by`` and
    ``at`` (ISO 8601) are author and time of the last change. ``deleted`` objects are kept so that another run does not
    bring them back; their ``box`` is the former place, for any number of axes (lows, then highs).
    ``found_class`` is the class that the model gave, where a gate gave another one. In a film, where an object is a
    track, ``parent`` is the track that it came from by division, 0 for none.
    """

    id: int
    class_index: int = 0
    score: float = math.nan
    origin: ObjectOrigin = ObjectOrigin.MODEL
    review: ReviewState = ReviewState.UNSEEN
    excluded: bool = False
    note: str = ""
    doubts: Doubt = Doubt.NONE
    sources: tuple[int, ...] = ()
    model: str = ""
    by: str = ""
    at: str = ""
    box: tuple[int, ...] | None = None
    deleted: bool = False
    found_class: int | None = None
    parent: int = 0

    def __eq__(self, other: object) -> bool:
        """Return whether all fields are equal; NaN scores count as equal."""
        if not isinstance(other, ObjectRecord):
            return NotImplemented
        return self is other or _comparable(self) == _comparable(other)

    def __hash__(self) -> int:
        return hash(_comparable(self))

    @property
    def reviewed(self) -> bool:
        """Whether a person has reviewed it."""
        return self.review is not ReviewState.UNSEEN

    @property
    def gated(self) -> bool:
        """Whether a gate leaves it out and no person said anything of it: there is nothing to review."""
        return self.excluded and not self.reviewed

    @property
    def protected(self) -> bool:
        """Whether a new run leaves it unchanged: it was reviewed, has a note, or was imported."""
        return self.reviewed or bool(self.note) or self.origin is ObjectOrigin.IMPORTED

    @property
    def counted(self) -> bool:
        """Whether it counts as a cell."""
        return is_counted(self.review, excluded=self.excluded)

    @property
    def root_ids(self) -> tuple[int, ...]:
        """The ids it was split or merged from, else its own id."""
        return self.sources or (self.id,)

    def edited(self) -> ObjectRecord:
        """Return the record after a change of the outline."""
        origin = ObjectOrigin.EDITED if self.origin is ObjectOrigin.MODEL else self.origin
        return replace(self, origin=origin, review=ReviewState.EDITED)

    def split_part(self, id_: int) -> ObjectRecord:
        """Return the record of one part after a split."""
        return replace(
            self, id=id_, origin=ObjectOrigin.SPLIT, review=ReviewState.EDITED, sources=self.root_ids, doubts=Doubt.NONE
        )


def is_counted(review: ReviewState, *, excluded: bool) -> bool:
    """Return whether objects of a state count as cells."""
    return review is not ReviewState.REJECTED and not excluded


def with_values(records: Sequence[ObjectRecord], values: Mapping[str, Sequence[Any]]) -> list[ObjectRecord]:
    """Return the records (N,) with other values, a column (N,) by the name of its field.

    It takes half the time of `dataclasses.replace` for each of them.
    """
    columns = (values.get(name) or map(attrgetter(name), records) for name in _FIELDS)
    return [ObjectRecord(*row) for row in zip(*columns, strict=True)]


def drawn_record(id_: int, *, class_index: int = 0, box: Box | None = None) -> ObjectRecord:
    """Return the record of a drawn object."""
    return ObjectRecord(id_, class_index, origin=ObjectOrigin.DRAWN, review=ReviewState.EDITED, box=box)


_FIELDS = tuple(field.name for field in fields(ObjectRecord))
_ALL_BUT_SCORE = attrgetter(*(name for name in _FIELDS if name != "score"))


def _comparable(record: ObjectRecord) -> tuple[object, ...]:
    return (None if math.isnan(record.score) else record.score, _ALL_BUT_SCORE(record))
