"""The table of the fields of a batch: a model that asks for what is seen only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.gui.widgets.option_words import window_words
from napari_cellvino.gui.widgets.text_table import TextTable
from napari_cellvino.service.batch_status import BatchField
from napari_cellvino.storage.field_ledger import FieldState

COLUMNS = ("State", "Field", "Cells", "Why", "Seconds", "Tries", "Where")
STATE, FIELD, CELLS, WHY, SECONDS, TRIES, WHERE = range(len(COLUMNS))
SIGNS = {
    FieldState.WAITING: "…", FieldState.RUNNING: "▸", FieldState.DONE: "•", FieldState.FAILED: "✕",
    FieldState.ACCEPTED: "✓", FieldState.REJECTED: "−",
}  # fmt: skip


class FieldTable(TextTable):
    """One row per field; those of the chosen states only."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, (CELLS, SECONDS, TRIES))
        self.fields: list[BatchField] = []

    def show(self, fields: Sequence[BatchField], states: frozenset[FieldState]) -> None:
        """List the fields in some states, or all; rows stay where only what they say has changed."""
        shown = [field for field in fields if not states or field.record.shown_state in states]
        if [_key(field) for field in shown] == [_key(field) for field in self.fields]:
            self.fields = shown
            self.say_changed()
            return
        self.beginResetModel()
        self.fields = shown
        self.endResetModel()

    def count(self) -> int:
        """Return the number of fields."""
        return len(self.fields)

    def text(self, row: int, column: int) -> str:
        """Return what one field shows."""
        return _text(self.fields[row], column)

    def row_of(self, field: BatchField | None) -> int:
        """Return the row of a field, -1 where it is not listed."""
        keys = [] if field is None else [_key(listed) for listed in self.fields]
        return keys.index(_key(field)) if field is not None and _key(field) in keys else -1


def _key(field: BatchField) -> tuple[str, str]:
    return str(field.folder), field.record.name


def _text(field: BatchField, column: int) -> str:
    record = field.record
    state = record.shown_state
    judged = state in (FieldState.DONE, FieldState.ACCEPTED, FieldState.REJECTED)
    stage = f" ({record.stage})" if record.stage else ""
    return (
        f"{SIGNS[state]} {state.value}",
        Path(record.name).name if Path(record.name).is_absolute() else record.name,  # of what was never opened
        f"{record.cells:,}" if judged else "",
        f"{window_words(record.error)}{stage}" if record.error else "",
        f"{record.seconds:.1f}" if record.seconds else "",
        str(record.attempts or ""),
        record.host,
    )[column]
