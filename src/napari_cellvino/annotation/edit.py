"""One change of an annotation as a frozen, invertible value, made before it is applied."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from napari_cellvino.annotation.pixel_runs import PixelRuns, empty_runs
from napari_cellvino.annotation.record_changes import RecordChanges

RECORD_BYTES = 500  # approximate memory of a record without its note


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One named change (``Split #87``) of pixels and records.

    ``rerun`` marks the merge of a new model result, as opposed to a person's edit.
    """

    name: str
    pixels: PixelRuns = field(default_factory=empty_runs)
    records: RecordChanges = field(default_factory=RecordChanges)
    rerun: bool = False

    @property
    def nbytes(self) -> int:
        """Approximate memory in bytes."""
        same = self.records.fields and "note" not in self.records.fields  # texts that the records before have too
        notes = 0 if same else sum([len(row.note) for pair in self.records for row in pair if row is not None])
        return self.pixels.nbytes + 2 * RECORD_BYTES * len(self.records) + notes

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return len(self.pixels) == 0 and not self.records

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the changed objects."""
        return self.records.ids

    def inverse(self) -> Edit:
        """Return the edit that reverts this one."""
        return replace(self, pixels=self.pixels.inverse(), records=self.records.inverse())

    def stamped(self, author: str, at: str) -> Edit:
        """Return the edit with who made the new records, and when."""
        return replace(self, records=self.records.stamped(author, at))
