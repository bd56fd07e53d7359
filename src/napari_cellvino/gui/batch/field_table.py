"""The table of the fields of a batch: a model that asks for what is seen only."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from napari_cellvino.service.batch_status import BatchField
from napari_cellvino.storage.field_ledger import FieldState

COLUMNS = ("State", "Field", "Cells", "Why", "Seconds", "Tries", "Where")
STATE, FIELD, CELLS, WHY, SECONDS, TRIES, WHERE = range(len(COLUMNS))
SIGNS = {
    FieldState.WAITING: "…", FieldState.RUNNING: "▸", FieldState.DONE: "•", FieldState.FAILED: "✕",
    FieldState.ACCEPTED: "✓", FieldState.REJECTED: "−",
}  # fmt: skip
_HERE = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class FieldTable(QAbstractTableModel):
    """One row per field; those of the chosen states only."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[BatchField] = []

    def show(self, fields: Sequence[BatchField], states: frozenset[FieldState]) -> None:
        """List the fields in some states, or all; rows stay where only what they say has changed."""
        shown = [field for field in fields if not states or field.record.shown_state in states]
        if [_key(field) for field in shown] == [_key(field) for field in self.fields]:
            self.fields = shown
            if shown:
                self.dataChanged.emit(self.index(0, 0), self.index(len(shown) - 1, WHERE))
            return
        self.beginResetModel()
        self.fields = shown
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _HERE) -> int:  # noqa: N802 (Qt's name)
        """Return the number of fields."""
        return 0 if parent.isValid() else len(self.fields)

    def columnCount(self, parent: QModelIndex = _HERE) -> int:  # noqa: N802 (Qt's name)
        """Return the number of columns."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> str | None:  # noqa: N802
        """Return the title of a column."""
        horizontal = orientation == Qt.Orientation.Horizontal
        return COLUMNS[section] if horizontal and role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what one field shows."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in (CELLS, SECONDS, TRIES):
            return _RIGHT
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return _text(self.fields[index.row()], index.column())

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
        f"{record.cells:,}" if judged else "",
        f"{record.error}{stage}" if record.error else "",
        f"{record.seconds:.1f}" if record.seconds else "",
        str(record.attempts or ""),
        record.host,
    )[column]
