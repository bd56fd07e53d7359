"""One change of an annotation as a frozen, invertible value, made before it is applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from napari_cellvino.annotation.pixel_runs import PixelRuns, empty_runs
from napari_cellvino.annotation.record import ObjectRecord

RECORD_BYTES = 500  # approximate memory of a record without its note


@dataclass(frozen=True, slots=True)
class RecordChange:
    """The record of one object before and after; None where there is none."""

    before: ObjectRecord | None
    after: ObjectRecord | None

    @property
    def id(self) -> int:
        """Id of the object."""
        record = self.before or self.after
        return record.id if record else 0

    def inverse(self) -> RecordChange:
        """Return the reverse change."""
        return RecordChange(self.after, self.before)


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One named change (``Split #87``) of pixels and records.

    ``rerun`` marks the merge of a new model result, as opposed to a person's edit.
    """

    name: str
    pixels: PixelRuns = field(default_factory=empty_runs)
    records: tuple[RecordChange, ...] = ()
    rerun: bool = False

    @property
    def nbytes(self) -> int:
        """Approximate memory in bytes."""
        notes = sum(len(r.note) for change in self.records for r in (change.before, change.after) if r is not None)
        return self.pixels.nbytes + 2 * RECORD_BYTES * len(self.records) + notes

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return len(self.pixels) == 0 and not self.records

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the changed objects."""
        return tuple(change.id for change in self.records)

    def inverse(self) -> Edit:
        """Return the edit that reverts this one."""
        return replace(self, pixels=self.pixels.inverse(), records=tuple(change.inverse() for change in self.records))

    def with_stamp(self, stamp: Callable[[ObjectRecord], ObjectRecord]) -> Edit:
        """Return the edit with ``stamp`` applied to each new record."""
        changes = tuple(RecordChange(c.before, stamp(c.after) if c.after is not None else None) for c in self.records)
        return replace(self, records=changes)
