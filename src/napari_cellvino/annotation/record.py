"""What is known of one object besides its pixels: where it came from, and what a person said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from napari_cellvino.core.objects import Doubt, ObjectOrigin, ReviewState

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One object.

    ``sources`` are the objects that it was split or merged from, ``model`` the one that found it where that is not the
    one of the provenance. ``box`` (y0, x0, y1, x1), half-open, is given where objects are boxes and have no pixels.
    ``by`` and ``at`` (ISO 8601) say who changed it last, and when. ``gone`` is one that a person deleted: it is kept
    so that another run does not bring it back, and its ``box`` is where it was, of any number of axes (lows, highs).
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
    gone: bool = False

    def __eq__(self, other: object) -> bool:
        """Return whether all fields agree; scores that are no numbers agree."""
        if not isinstance(other, ObjectRecord):
            return NotImplemented
        return _comparable(self) == _comparable(other)

    def __hash__(self) -> int:
        return hash(_comparable(self))

    @property
    def reviewed(self) -> bool:
        """Whether a person has looked at it."""
        return self.review is not ReviewState.UNSEEN

    @property
    def kept(self) -> bool:
        """Whether a new run leaves it as it is: a person reviewed it or wrote a note, or it came from elsewhere."""
        return self.reviewed or bool(self.note) or self.origin is ObjectOrigin.IMPORTED

    @property
    def counted(self) -> bool:
        """Whether it counts as a cell."""
        return self.review is not ReviewState.REJECTED and not self.excluded

    @property
    def roots(self) -> tuple[int, ...]:
        """The objects that it goes back to, itself if it was neither split nor merged."""
        return self.sources or (self.id,)

    def edited(self) -> ObjectRecord:
        """Return the record after a person changed the outline."""
        origin = ObjectOrigin.EDITED if self.origin is ObjectOrigin.MODEL else self.origin
        return replace(self, origin=origin, review=ReviewState.EDITED)

    def part(self, id_: int) -> ObjectRecord:
        """Return the record of one of the pieces that it is split into."""
        return replace(
            self, id=id_, origin=ObjectOrigin.SPLIT, review=ReviewState.EDITED, sources=self.roots, doubts=Doubt.NONE
        )


def drawn(id_: int, *, class_index: int = 0, box: Box | None = None) -> ObjectRecord:
    """Return the record of an object that a person drew."""
    return ObjectRecord(id_, class_index, origin=ObjectOrigin.DRAWN, review=ReviewState.EDITED, box=box)


def _comparable(record: ObjectRecord) -> tuple[object, ...]:
    fields = (getattr(record, name) for name in record.__slots__)
    return tuple(None if isinstance(value, float) and math.isnan(value) else value for value in fields)
