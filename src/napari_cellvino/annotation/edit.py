"""One change of an annotation, described before it is made: frozen, and invertible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from napari_cellvino.annotation.pixel_runs import PixelRuns, no_pixels
from napari_cellvino.annotation.record import ObjectRecord

RECORD_BYTES = 500  # of memory, about; notes come on top


@dataclass(frozen=True, slots=True)
class RecordChange:
    """The record of one object before and after; None where there is none."""

    before: ObjectRecord | None
    after: ObjectRecord | None

    @property
    def id(self) -> int:
        """The object."""
        record = self.before or self.after
        return record.id if record else 0

    def inverse(self) -> RecordChange:
        """Return the way back."""
        return RecordChange(self.after, self.before)


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One change, by name (``Split #87``): the pixels and the records that change.

    ``rerun`` tells a new result of the model that was taken in from what a person did.
    """

    name: str
    pixels: PixelRuns = field(default_factory=no_pixels)
    records: tuple[RecordChange, ...] = ()
    rerun: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of memory, about."""
        notes = sum(len(r.note) for change in self.records for r in (change.before, change.after) if r is not None)
        return self.pixels.nbytes + 2 * RECORD_BYTES * len(self.records) + notes

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return len(self.pixels) == 0 and not self.records

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects that change."""
        return tuple(change.id for change in self.records)

    def inverse(self) -> Edit:
        """Return the edit that takes this one back."""
        return replace(self, pixels=self.pixels.inverse(), records=tuple(change.inverse() for change in self.records))

    def stamped(self, stamp: Callable[[ObjectRecord], ObjectRecord]) -> Edit:
        """Return the edit with a stamp on each record after."""
        changes = tuple(replace(c, after=stamp(c.after) if c.after is not None else None) for c in self.records)
        return replace(self, records=changes)
