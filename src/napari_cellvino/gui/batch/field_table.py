"""The table of the fields of a batch: a model that asks for what is seen only."""

from __future__ import annotations

from collections.abc import Sequence

from napari_cellvino.gui.widgets.formatting import format_number, format_reason
from napari_cellvino.gui.widgets.option_names import window_text
from napari_cellvino.gui.widgets.text_table import TextTable
from napari_cellvino.service.batch_status import BatchField, field_names
from napari_cellvino.storage.field_ledger import FieldState

COLUMNS = ("State", "Field", "Found", "Why", "Seconds", "Tries", "Where")
# "Found" by the run: what was corrected or left out since is not in the ledger.
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
        self._names: list[str] = []

    def show(self, fields: Sequence[BatchField], states: frozenset[FieldState]) -> None:
        """List the fields in some states, or all; rows stay where only what they say has changed."""
        named = zip(fields, field_names(fields), strict=True)
        listed = [(field, name) for field, name in named if not states or field.record.shown_state in states]
        shown, names = [field for field, _ in listed], [name for _, name in listed]
        if [_key(field) for field in shown] == [_key(field) for field in self.fields]:
            self.fields, self._names = shown, names
            self.say_changed()
            return
        self.beginResetModel()
        self.fields, self._names = shown, names
        self.endResetModel()

    def count(self) -> int:
        """Return the number of fields."""
        return len(self.fields)

    def text(self, row: int, column: int) -> str:
        """Return what one field shows."""
        return self._names[row] if column == FIELD else _text(self.fields[row], column)

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
        record.name,
        format_number(record.cells) if judged else "",
        f"{window_text(format_reason(record.error, record.file))}{stage}" if record.error else "",
        f"{record.seconds:.1f}" if record.seconds else "",
        str(record.attempts or ""),
        record.host,
    )[column]
