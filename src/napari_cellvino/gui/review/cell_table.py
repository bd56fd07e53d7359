"""The table of cells, and its view."""

from __future__ import annotations

from math import isnan
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.review.review_view import STATES, size_unit
from napari_cellvino.gui.review.state_markers import sign_of
from napari_cellvino.gui.widgets.chosen_rows import choose_rows, chosen_rows
from napari_cellvino.gui.widgets.formatting import SizeUnit
from napari_cellvino.gui.widgets.quiet_focus import QuietFocus
from napari_cellvino.gui.widgets.text_table import TextTable

COLUMNS = ("#", "Class", "Size", "Score", "State", "Note")
CLASS, AREA, SCORE, STATE, NOTE = range(1, 6)
ROW_PX = 22
TITLE_ROOM_PX = 16  # beside a title
NUMBER_ROOM_PX = 12  # beside the number of a cell
PIXELS = SizeUnit(None, "px²")
MOST_SHOWN = 500  # chosen cells that are highlighted: Qt joins selections one by one


class CellTableView(TextTable):
    """One row per cell, in the order of the queue or sorted by a column."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, (0, AREA, SCORE))
        self._annotation: Annotation | None = None
        self.ids: list[int] = []
        self._sorted = (-1, False)  # column, whether descending
        self._unit = PIXELS

    def show(self, annotation: Annotation | None, ids: list[int], unit: SizeUnit = PIXELS) -> None:
        """List these cells, in this order unless a column is sorted by."""
        ids = self._in_order(annotation, ids)
        if unit != self._unit:
            self._unit = unit
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, AREA, AREA)
        if annotation is self._annotation and ids == self.ids:
            self.say_changed()
            return
        self.beginResetModel()
        self._annotation, self.ids = annotation, ids
        self.endResetModel()

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> str | None:  # noqa: N802 (Qt's name)
        """Return the title of a column; that of sizes has their unit."""
        title = super().headerData(section, orientation, role)
        return f"{title} {self._unit.name}" if title == COLUMNS[AREA] else title

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 goes back to the queue's order with the next cells shown."""
        self._sorted = column, order == Qt.SortOrder.DescendingOrder
        self.beginResetModel()
        self.ids = self._in_order(self._annotation, self.ids)
        self.endResetModel()

    def count(self) -> int:
        """Return the number of cells."""
        return len(self.ids)

    def text(self, row: int, column: int) -> str:
        """Return what one field shows."""
        return "" if self._annotation is None else self._text(self._annotation, self.ids[row], column)

    def _text(self, annotation: Annotation, id_: int, column: int) -> str:
        record = annotation.records.get(id_)
        if record is None:
            return ""  # deleted a moment ago; the row goes with the next look
        if column == CLASS:
            known = record.class_index < len(annotation.classes)
            return annotation.classes[record.class_index] if known else str(record.class_index + 1)
        if column == AREA:
            return self._unit.text(annotation.geometry(id_).area)
        if column == SCORE:
            return "" if isnan(record.score) else f"{record.score:.2f}"
        if column == STATE:
            left_out = record.excluded and record.review is not ReviewState.REJECTED
            words = STATES[record.review] + (", excluded" if left_out else "")
            return f"{sign_of(record)} {words}".strip()
        return record.note if column == NOTE else str(id_)

    def _in_order(self, annotation: Annotation | None, ids: list[int]) -> list[int]:
        column, descending = self._sorted
        if column < 0 or annotation is None:
            return list(ids)
        there = [id_ for id_ in ids if id_ in annotation.records]
        keys = _keys(annotation, there, column)
        return [there[row] for row in sorted(range(len(there)), key=keys.__getitem__, reverse=descending)]


def _keys(annotation: Annotation, ids: list[int], column: int) -> list[Any]:
    """Return the numbers or texts that cells are sorted by."""
    if column == AREA:
        areas: list[Any] = annotation.places(ids).area.tolist()
        return areas
    records = annotation.records
    return [_key(records[id_], column) for id_ in ids]


def _key(record: ObjectRecord, column: int) -> Any:  # noqa: ANN401 (numbers or text, by column)
    keys = {CLASS: record.class_index, SCORE: -1.0 if isnan(record.score) else record.score, STATE: record.review}
    return record.note if column == NOTE else keys.get(column, record.id)


class CellView(QTableView):
    """The table, linked with what is chosen in the picture."""

    def __init__(self, reviewer: ReviewController) -> None:
        super().__init__()
        self._reviewer = reviewer
        self.cells = CellTableView()
        self._ignoring = False
        self.setModel(self.cells)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAlternatingRowColors(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)  # bold titles of chosen rows would not fit
        for column, width in enumerate((36, 52, 58, 46, 126, 24)):
            self.setColumnWidth(column, width)
        self.setSortingEnabled(True)
        self.setAccessibleName("Table of cells")
        QuietFocus(self)
        self.selectionModel().selectionChanged.connect(self._choose)

    def draw(self, ids: list[int]) -> None:
        """List cells, and highlight those that are chosen."""
        self._ignoring = True
        self.cells.show(self._reviewer.annotation, ids, size_unit(self._reviewer))
        self._ignoring = False
        annotation = self._reviewer.annotation
        self.setColumnHidden(CLASS, annotation is not None and len(annotation.classes) < 2)
        letters = self.horizontalHeader().fontMetrics()
        needed = letters.horizontalAdvance(str(self.cells.headerData(AREA, Qt.Orientation.Horizontal))) + TITLE_ROOM_PX
        self.setColumnWidth(AREA, max(self.columnWidth(AREA), needed))  # its title is whole, whatever the unit
        longest = self.fontMetrics().horizontalAdvance(str(max(ids, default=0))) + NUMBER_ROOM_PX
        self.setColumnWidth(0, max(self.columnWidth(0), longest))
        self.highlight()

    def highlight(self) -> None:
        """Highlight the cells that are chosen."""
        chosen = set(self._reviewer.selection[:MOST_SHOWN])
        if self._ignoring or chosen == set(self._chosen()):
            return
        rows = [row for row, id_ in enumerate(self.cells.ids) if id_ in chosen]
        self._ignoring = True
        choose_rows(self, [(row, row) for row in rows], last_column=NOTE)
        if rows:
            self.scrollTo(self.cells.index(rows[0], 0), QAbstractItemView.ScrollHint.PositionAtCenter)
        self._ignoring = False

    def _chosen(self) -> list[int]:
        return [self.cells.ids[row] for row in chosen_rows(self)]

    def _choose(self) -> None:
        if self._ignoring:
            return
        ids = self._chosen()
        self._ignoring = True
        if len(ids) == 1:
            self._reviewer.show_cell(ids[0])
        else:
            self._reviewer.select(ids)
        self._ignoring = False
