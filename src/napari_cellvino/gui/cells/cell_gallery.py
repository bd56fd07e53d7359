"""Small pictures of the listed cells, cut out on a thread when they come into view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QGuiApplication, QPixmap, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QListView

from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.gui.review.gallery import SIDE, signed_pixmap, square_pixmap
from napari_cellvino.gui.review.state_markers import sign_of
from napari_cellvino.gui.widgets.chosen_rows import choose_rows, chosen_rows
from napari_cellvino.gui.widgets.delay import throttler
from napari_cellvino.gui.widgets.quiet_focus import QuietFocus
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.cell_table import CellTable, FieldCells, Rows
from napari_cellvino.workflows.cell_pictures import CellPictures, Picture

MOST_HELD = 4_000  # pictures
ASK_MS, SHOW_MS = 30, 80
ROWS, LEAST_SIDE, GAP_PX = 2, 44, 8  # of pictures that a low dock shows whole; px on the screen
_HERE = QModelIndex()
_Key = tuple[str, int]


class CellModel(QAbstractListModel):
    """One row per listed cell; a picture is asked for when it is drawn for the first time."""

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker, self._task, self._cutter = worker, Task(), CellPictures()
        self.table, self.rows = CellTable(), np.zeros(0, np.intp)
        self._caption: NDArray[np.float64] | None = None
        self.pictures: dict[_Key, Picture | None] = {}
        self.side = SIDE  # px of a picture on the screen
        self._asked: dict[_Key, tuple[int, int]] = {}  # place in the list and row of the table, by cell
        self._places: dict[_Key, int] = {}  # of pictures that are being cut, or are not drawn yet
        self._ask = throttler(self, ASK_MS, self._read)
        self._tell = throttler(self, SHOW_MS, self._redraw)

    def show(self, table: CellTable, rows: Rows, captions: NDArray[np.float64] | None) -> None:
        """List these rows of a table; ``captions`` (N,) of all its rows are told below the pictures."""
        self.beginResetModel()
        if table is not self.table:
            self._cutter.look_again()
            changed = {id(one) for one in table.fields} ^ {id(one) for one in self.table.fields}
            stale = {str(one.folder) for one in (*table.fields, *self.table.fields) if id(one) in changed}
            self.pictures = {key: made for key, made in self.pictures.items() if key[0] not in stale}
        self.table, self.rows, self._caption = table, rows, captions
        self._asked.clear()
        self._places.clear()
        self.endResetModel()

    def has_captions(self, captions: NDArray[np.float64] | None) -> bool:
        """Return whether these are shown: by area and by diameter, cells are in one order."""
        if captions is None or self._caption is None:
            return captions is self._caption
        return np.array_equal(captions, self._caption, equal_nan=True)

    def close(self) -> None:
        """Ask for nothing more."""
        self._task.stop()
        self._ask.cancel()
        self._tell.cancel()

    def rowCount(self, parent: QModelIndex = _HERE) -> int:  # noqa: N802 (Qt's name)
        """Return the number of cells."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the picture of a cell, its value, or which cell it is."""
        row = int(self.rows[index.row()])
        if role == Qt.ItemDataRole.DecorationRole:
            return self._pixmap(index.row(), row)
        if role == Qt.ItemDataRole.DisplayRole:
            return "" if self._caption is None else f"{self._caption[row]:.4g}"
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{self._field(row).folder.name} #{self.table.id[row]}, {self.table.kind[row]}"
        return None

    def _field(self, row: int) -> FieldCells:
        return self.table.fields[int(self.table.field_number[row])]

    def _pixmap(self, place: int, row: int) -> QPixmap:
        key = str(self._field(row).folder), int(self.table.id[row])
        picture = self.pictures.get(key)
        if picture is None:
            if key not in self.pictures:
                self._asked[key] = place, row
                self._ask.throttle()
            blank = QPixmap(self.side, self.side)
            blank.fill(Qt.GlobalColor.transparent)
            return blank
        review, excluded = ReviewState(int(self.table.review[row])), bool(self.table.excluded[row])
        return signed_pixmap(
            square_pixmap(picture, self.side), sign_of(ObjectRecord(1, review=review, excluded=excluded))
        )

    def _read(self) -> None:
        """Cut the pictures that were asked for since, and no longer those that were asked for before."""
        asked, self._asked = self._asked, {}
        self._task.stop()
        self._places |= {key: place for key, (place, _) in asked.items()}
        wanted = [(key, self._field(row), self._number(row)) for key, (_, row) in asked.items()]
        self._task = Task(progressed=self._take, stopped=self._redraw)
        self._worker.start(lambda: _cut(self._cutter, wanted), self._task)

    def _number(self, row: int) -> int:
        """Return the row of a cell in its field."""
        return row - int(np.searchsorted(self.table.field_number, self.table.field_number[row]))

    def _take(self, made: tuple[_Key, Picture | None]) -> None:
        while len(self.pictures) >= MOST_HELD:
            del self.pictures[next(iter(self.pictures))]
        self.pictures[made[0]] = made[1]
        self._tell.throttle()

    def _redraw(self) -> None:
        """Have the pictures drawn that came since: of all 14,000, Qt would compute the places again."""
        there = [self._places.pop(key) for key in self._places.keys() & self.pictures.keys()]
        if there:
            self.dataChanged.emit(self.index(min(there)), self.index(max(there)))


def _cut(cutter: CellPictures, wanted: Sequence[tuple[_Key, FieldCells, int]]) -> Iterator[tuple[_Key, Picture | None]]:
    """Yield pictures, field by field; None of a cell whose image cannot be read."""
    for key, field, number in sorted(wanted, key=lambda one: one[0]):
        try:
            yield key, cutter.picture(field, number)
        except CellvinoError:
            yield key, None


class CellGallery(QListView):
    """The pictures; a click or Enter goes to the cell, Shift and Ctrl choose several."""

    chosen = Signal(object)  # rows of the table
    opened = Signal(int)  # a row of the table

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self.cells = CellModel(worker)
        self._ignoring, self._below = False, 0  # px of the text below a picture
        self.setModel(self.cells)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAccessibleName("Pictures of all cells")
        QuietFocus(self)
        self.setToolTip("A click goes to the cell, as Enter does; Shift and Ctrl choose several")
        self.selectionModel().selectionChanged.connect(self._choose)
        self.clicked.connect(self._click)
        self.activated.connect(self._open)

    def draw(self, table: CellTable, rows: Rows, captions: NDArray[np.float64] | None) -> None:
        """List these rows of a table."""
        if table is self.cells.table and np.array_equal(rows, self.cells.rows) and self.cells.has_captions(captions):
            return
        self._below = 0 if captions is None else self.fontMetrics().height() + 2
        self._ignoring = True
        self._fit()
        self.cells.show(table, rows, captions)
        self._ignoring = False

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Make the pictures smaller in a low dock."""
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        room = self.viewport().height() // ROWS - GAP_PX - self._below
        side = self.cells.side = min(max(room, LEAST_SIDE), SIDE)
        self.setIconSize(QSize(side, side))
        self.setGridSize(QSize(side + GAP_PX, side + GAP_PX + self._below))

    def highlight(self, rows: Rows) -> None:
        """Highlight the cells that are chosen."""
        places = np.flatnonzero(np.isin(self.cells.rows, rows))
        if self._ignoring or chosen_rows(self) == places.tolist():
            return
        self._ignoring = True
        choose_rows(self, _runs(places))
        if len(places):
            self.scrollTo(self.cells.index(int(places[0])))
        self._ignoring = False

    def _choose(self) -> None:
        if not self._ignoring:
            self._ignoring = True
            self.chosen.emit(self.cells.rows[chosen_rows(self)])
            self._ignoring = False

    def _click(self, index: QModelIndex) -> None:
        if QGuiApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier:
            self._open(index)

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(int(self.cells.rows[index.row()]))


def _runs(places: Rows) -> list[tuple[int, int]]:
    """Return the first and last of each run of successive numbers."""
    breaks = np.flatnonzero(np.diff(places) > 1) + 1
    return [(int(run[0]), int(run[-1])) for run in np.split(places, breaks) if len(run)]
