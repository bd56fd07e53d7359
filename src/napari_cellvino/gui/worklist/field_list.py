"""The fields of the work list: a line each, or small pictures; arrow keys walk through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from napari.utils.theme import get_theme
from qtpy.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_cellvino.gui.widgets.colours import colours
from napari_cellvino.gui.widgets.quiet_focus import QuietFocus
from napari_cellvino.gui.worklist.list_thumbnails import SIDE
from napari_cellvino.gui.worklist.list_view import FieldLine
from napari_cellvino.workflows.work_list import FieldId, WorkField

LINE_PX, SMALL_PX, PAD = 44, 36, 4
BEFORE = 10  # letters that are left of what all names of a list begin with, where they are too long to be shown
TILE = QSize(SIDE + 12, SIDE + 28)
_HERE = QModelIndex()


class FieldModel(QAbstractListModel):
    """One row per field; what a row shows is made when it is drawn."""

    def __init__(self, describe: Callable[[WorkField], FieldLine], pictures: Mapping[FieldId, QPixmap]) -> None:
        super().__init__()
        self._describe, self._pictures = describe, pictures
        self.fields: tuple[WorkField, ...] = ()
        self.alike = 0  # number of letters with which all names begin

    def show(self, fields: tuple[WorkField, ...]) -> None:
        """List these fields; rows that stay keep their selection."""
        before, count = len(self.fields), len(fields)
        same = before and fields and self.fields[0].id == fields[0].id and count >= before
        if not same or count > before:
            self.alike = _letters_alike([field.origin.name for field in fields])
        if not same:
            self.beginResetModel()
            self.fields = fields
            self.endResetModel()
            return
        if count > before:
            self.beginInsertRows(_HERE, before, count - 1)
            self.fields = fields
            self.endInsertRows()
        self.fields = fields
        self.dataChanged.emit(self.index(0), self.index(count - 1))

    def rowCount(self, parent: QModelIndex = _HERE) -> int:  # noqa: N802 (Qt's name)
        """Return the number of fields."""
        return 0 if parent.isValid() else len(self.fields)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the name of a field, or all that is known of it."""
        line = self.line(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return line.name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{line.name}\n{line.facts}\n{self.fields[index.row()].origin.path}"
        return None

    def line(self, row: int) -> FieldLine:
        """Return what a row shows."""
        return self._describe(self.fields[row])

    def picture(self, row: int) -> QPixmap | None:
        """Return the small picture of a row, once there is one."""
        return self._pictures.get(self.fields[row].id)


class FieldList(QListView):
    """The list; a click, an arrow key, Page Up or Page Down shows a field, Shift and Ctrl choose several."""

    shown = Signal(int)  # a field that is to be shown, from 0
    chosen_changed = Signal()

    def __init__(self, model: FieldModel) -> None:
        super().__init__()
        self.fields = model
        self.current: int | None = None  # the field that the viewer shows
        self.setModel(model)
        self._painter = _FieldPainter(self)
        self.setItemDelegate(self._painter)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Work list")
        self.setToolTip("Click or use the arrow keys to see a field; Shift and Ctrl choose several to run")
        self.as_tiles(False)
        QuietFocus(self)
        self.selectionModel().currentChanged.connect(self._on_current)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())

    def as_tiles(self, tiles: bool) -> None:
        """Show small pictures side by side, or a line per field."""
        self.setViewMode(QListView.ViewMode.IconMode if tiles else QListView.ViewMode.ListMode)
        self.setMovement(QListView.Movement.Static)
        self._painter.tiles = tiles
        self.setGridSize(TILE if tiles else QSize())
        self.scheduleDelayedItemsLayout()

    def set_theme(self, theme: str) -> None:
        """Take the colours of a napari theme."""
        self._painter.set_theme(theme)
        self.viewport().update()

    @property
    def chosen(self) -> list[int]:
        """The fields that are chosen, in order."""
        return sorted(index.row() for index in self.selectionModel().selectedIndexes())

    def draw(self, fields: tuple[WorkField, ...], current: int | None) -> None:
        """Show these fields, with a frame round the one that the viewer shows."""
        self.fields.show(fields)
        moved = current != self.current
        self.current = current
        if moved and current is None:
            self.selectionModel().clearCurrentIndex()  # so that a click on it shows it again
        elif moved and self.currentIndex().row() != current:
            index = self.fields.index(current)
            alone = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.selectionModel().setCurrentIndex(index, alone)
            self.scrollTo(index)
        self.viewport().update()

    def shortened(self, name: str, width: int) -> str:
        """Return a name so that it fits; what it shares with all others goes first: they differ after it."""
        metrics, cut = self.fontMetrics(), self.fields.alike - BEFORE
        if cut > 0 and metrics.horizontalAdvance(name) > width:
            name = f"…{name[cut:]}"
        return str(metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, width))

    def _on_current(self, index: QModelIndex, _: QModelIndex) -> None:
        if index.isValid():
            self.shown.emit(index.row())


class _FieldPainter(QStyledItemDelegate):
    """Paints a field as a line or as a tile."""

    def __init__(self, view: FieldList) -> None:
        super().__init__(view)
        self._view, self.tiles = view, False
        self.set_theme("dark")

    def set_theme(self, theme: str) -> None:
        """Take the colours of a napari theme."""
        surface, meaning = get_theme(theme), colours(theme)
        self._text = QColor(surface.text.as_hex())
        self._back, self._chosen = QColor(surface.foreground.as_hex()), QColor(surface.primary.as_hex())
        tones = {"done": meaning.done, "attention": meaning.attention, "failure": meaning.failure}
        self._tones = {name: QColor(hex_) for name, hex_ in (tones | {"aside": meaning.aside}).items()}

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802 (Qt's name)
        """Return the room of a field."""
        return TILE if self.tiles else QSize(120, LINE_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint a field."""
        model, row, place = self._view.fields, index.row(), option.rect.adjusted(1, 1, -1, -1)
        line, picture = model.line(row), model.picture(row)
        painter.save()
        painter.setClipRect(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(place, self._chosen)
        if line.share is not None:
            self._paint_share(painter, place, line.share)
        tone = self._text if chosen else self._tones.get(line.tone, self._text)  # tones are too faint on what is chosen
        (self._paint_tile if self.tiles else self._paint_line)(painter, place, line, picture, tone)
        if row == self._view.current:
            painter.setPen(QPen(self._tones["done"], 2))
            painter.drawRect(place.adjusted(1, 1, -1, -1))
        painter.restore()

    def _paint_share(self, painter: QPainter, place: QRect, share: float) -> None:
        painter.fillRect(QRect(place.left(), place.bottom() - 2, round(place.width() * share), 3), self._tones["done"])

    def _paint_line(
        self, painter: QPainter, place: QRect, line: FieldLine, picture: QPixmap | None, tone: QColor
    ) -> None:
        corner = QRect(place.left() + PAD, place.top() + (place.height() - SMALL_PX) // 2, SMALL_PX, SMALL_PX)
        self._paint_picture(painter, corner, picture)
        text = place.adjusted(SMALL_PX + 3 * PAD, 2, -PAD, -2)
        half = text.height() // 2
        metrics = painter.fontMetrics()
        name = self._view.shortened(line.name, text.width())
        facts = metrics.elidedText(line.facts.replace("\n", " "), Qt.TextElideMode.ElideRight, text.width())
        painter.setPen(self._text)
        painter.drawText(text.adjusted(0, 0, 0, -half), Qt.AlignmentFlag.AlignVCenter, name)
        painter.setPen(tone)
        painter.drawText(text.adjusted(0, half, 0, 0), Qt.AlignmentFlag.AlignVCenter, facts)

    def _paint_tile(
        self, painter: QPainter, place: QRect, line: FieldLine, picture: QPixmap | None, tone: QColor
    ) -> None:
        left = place.left() + (place.width() - SIDE) // 2
        self._paint_picture(painter, QRect(left, place.top() + PAD, SIDE, SIDE), picture)
        painter.setPen(tone)
        below = place.adjusted(2, SIDE + PAD, -2, -3)
        short = painter.fontMetrics().elidedText(line.short, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, short)

    def _paint_picture(self, painter: QPainter, place: QRect, picture: QPixmap | None) -> None:
        if picture is None:
            painter.fillRect(place, self._back)
            return
        small = picture.scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        at = QRect(0, 0, small.width(), small.height())
        at.moveCenter(place.center())
        painter.drawPixmap(at, small)


def _letters_alike(names: list[str]) -> int:
    """Return the number of letters with which all names begin, 0 for fewer than two."""
    first, last = min(names, default=""), max(names, default="")
    pairs = enumerate(zip(first, last, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(first), len(last))) if len(names) > 1 else 0
