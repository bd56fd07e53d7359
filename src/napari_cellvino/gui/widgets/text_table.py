"""A table of text: a model that asks for what is seen only, so that 20,000 rows cost what a screen of them does."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

_NOWHERE = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class TextTable(QAbstractTableModel):
    """Columns with titles, those of numbers on the right; who inherits says how many rows there are and their text.

    `count` and `text` are abstract; Qt's metaclass leaves no room for that of `abc`.
    """

    def __init__(self, titles: Sequence[str], numbers: Collection[int]) -> None:
        super().__init__()
        self._titles, self._numbers = titles, numbers

    def count(self) -> int:
        """Return the number of rows."""
        raise NotImplementedError

    def text(self, row: int, column: int) -> str:
        """Return what one field shows."""
        raise NotImplementedError

    def say_changed(self) -> None:
        """Have all rows drawn again; they are the same ones."""
        if self.count():
            self.dataChanged.emit(self.index(0, 0), self.index(self.count() - 1, len(self._titles) - 1))

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        """Return the number of rows."""
        return 0 if parent.isValid() else self.count()

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        """Return the number of columns."""
        return len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> str | None:  # noqa: N802
        """Return the title of a column."""
        horizontal = orientation == Qt.Orientation.Horizontal
        return self._titles[section] if horizontal and role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what one field shows."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in self._numbers:
            return _RIGHT
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return self.text(index.row(), index.column())
