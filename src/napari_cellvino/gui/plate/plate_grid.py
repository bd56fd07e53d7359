"""The grid of wells: one widget that paints them all, with mouse and keys."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QApplication, QRubberBand, QSizePolicy, QToolTip, QWidget

from napari_cellvino.core.plate import Well
from napari_cellvino.gui.plate.grid_geometry import GridGeometry, between
from napari_cellvino.gui.plate.grid_painting import GridColours, GridView, paint_choice, paint_grid

_STEPS = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
}  # fmt: skip
_CTRL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class PlateGrid(QWidget):
    """Draws a `GridView`; wells are chosen here and nowhere else.

    A click or Enter opens a well. Shift and a click or an arrow choose the rectangle from the well before; Ctrl and a
    click adds one well or takes it out; a drag chooses what it touches; a letter or number its row or column; Ctrl+A
    all; Esc none.
    """

    well_opened = Signal(object)  # Well
    chosen_changed = Signal(object)  # frozenset of Well

    def __init__(self) -> None:
        super().__init__()
        self.chosen: frozenset[Well] = frozenset()
        self.current: Well | None = None
        self._anchor: Well | None = None  # of the rectangle that Shift chooses
        self._view = GridView()
        self._ink = GridColours.of("dark")
        self._pressed: QPoint | None = None
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Wells of the plate")

    def show_view(self, view: GridView) -> None:
        """Show this; wells that another plate has not are chosen no more."""
        other = self._view.wells is not view.wells
        self._view = view
        if other:
            self.current = self._anchor = None
            self._choose(frozenset())
            self._take_room()
        self.update()

    def set_theme(self, theme: str) -> None:
        """Take the colours of a napari theme."""
        self._ink = GridColours.of(theme)
        self.update()

    @property
    def geometry_of_wells(self) -> GridGeometry | None:
        """Where the wells lie, or None where there is no plate."""
        wells = self._view.wells
        return None if wells is None else GridGeometry.fit(wells.plate, self.width())

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return the room that a plate needs at this width."""
        grid = self.geometry_of_wells
        return QSize(240, 0 if grid is None else round(grid.height))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Take the height that goes with the width."""
        super().resizeEvent(event)
        self._take_room()

    def _take_room(self) -> None:
        self.setFixedHeight(max(1, self.sizeHint().height()))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Paint the plate and what is chosen."""
        grid = self.geometry_of_wells
        if grid is None:
            return
        with QPainter(self) as painter:
            paint_grid(painter, self._view, grid, self._ink)
            current = self.current if self.hasFocus() or self.current in self.chosen else None
            paint_choice(painter, grid, self._ink, chosen=self.chosen, current=current)

    # -- choosing

    def choose(self, well: Well) -> None:
        """Choose one well, as a click does."""
        self._anchor = well
        self._go(well)
        self._choose(frozenset({well}))

    def _choose(self, wells: frozenset[Well]) -> None:
        """Choose wells, as far as they were imaged."""
        imaged = self._view.wells.fields.keys() if self._view.wells is not None else ()
        kept = frozenset(wells & imaged) if imaged else frozenset()
        if kept != self.chosen:
            self.chosen = kept
            self.chosen_changed.emit(kept)
        self.update()

    def _go(self, well: Well) -> None:
        self.current = well
        self.setAccessibleDescription(self._tip(well))

    def _tip(self, well: Well) -> str:
        if self._view.wells is None:
            return ""
        return self._view.tip(well) if self._view.tip is not None else self._view.wells.describe(well)

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """Begin a click or a rubber band."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.pos()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw the rubber band, and choose what it touches."""
        grid = self.geometry_of_wells
        if self._pressed is None or grid is None:
            return
        far = (event.pos() - self._pressed).manhattanLength() >= QApplication.startDragDistance()
        if far or self._band.isVisible():
            band = QRect(self._pressed, event.pos()).normalized()
            self._band.setGeometry(band)
            self._band.show()
            self._choose(grid.wells_in(QRectF(band)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """End the rubber band, or take the click."""
        grid, pressed, self._pressed = self.geometry_of_wells, self._pressed, None
        if self._band.isVisible():
            self._band.hide()
        elif pressed is not None and grid is not None:
            self._click(grid, QPointF(event.pos()), event.modifiers())

    def _click(self, grid: GridGeometry, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        well = grid.well_at(point)
        if well is None:
            line = grid.line_at(point)
            self._choose(self.chosen | line if modifiers & _CTRL else line)
        elif modifiers & _CTRL:
            self._anchor = well
            self._go(well)
            self._choose(self.chosen ^ {well})
        elif modifiers & _SHIFT and self._anchor is not None:
            self._go(well)
            self._choose(between(self._anchor, well))
        else:
            self.choose(well)
            self.well_opened.emit(well)

    def event(self, event: QEvent) -> bool:
        """Say under the mouse what a well holds."""
        grid = self.geometry_of_wells
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and grid is not None:
            well = grid.well_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._tip(well) if well is not None else "", self)
            return True
        return bool(super().event(event))

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        """Move, choose and open."""
        key, grid = event.key(), self.geometry_of_wells
        if grid is None:
            super().keyPressEvent(event)
        elif key in _STEPS:
            self._step(grid, *_STEPS[Qt.Key(key)], extend=bool(event.modifiers() & _SHIFT))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current is not None:
            self.well_opened.emit(self.current)
        elif key == Qt.Key.Key_A and event.modifiers() & _CTRL:
            self._choose(between(Well(0, 0), Well(grid.rows - 1, grid.columns - 1)))
        elif key == Qt.Key.Key_Escape:
            self._choose(frozenset())
        else:
            super().keyPressEvent(event)

    def _step(self, grid: GridGeometry, down: int, right: int, *, extend: bool) -> None:
        at = self.current
        to = Well(0, 0)
        if at is not None:
            row, column = at.row + down, at.column + right
            to = Well(min(max(row, 0), grid.rows - 1), min(max(column, 0), grid.columns - 1))
        if not extend or self._anchor is None:
            self._anchor = to
        self._go(to)
        self._choose(between(self._anchor, to))
