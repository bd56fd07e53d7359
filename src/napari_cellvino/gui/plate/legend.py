"""What the colours of the wells mean: the scale with its ends and unit, and the sign for wells without a number."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_cellvino.figures.colour_scale import colour_of
from napari_cellvino.gui.plate.grid_geometry import LEFT
from napari_cellvino.gui.plate.grid_painting import GridColours, paint_hatched
from napari_cellvino.plates.well_measures import Measure

HEIGHT, BAR = 36, 12  # px
_NONE = "no number"
_STOPS = 16


class Legend(QWidget):
    """Draws the scale of a `Measure` from its least to its largest value."""

    def __init__(self) -> None:
        super().__init__()
        self._measure: Measure | None = None
        self._ends = (0.0, 1.0)
        self._ink = GridColours.of("dark")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_scale(self, measure: Measure | None, ends: tuple[float, float]) -> None:
        """Show a scale, or nothing."""
        self._measure, self._ends = measure, ends
        self.setVisible(measure is not None)
        if measure is not None:
            low, high = map(measure.format, ends)
            self.setAccessibleName(f"{measure.heading}: from {low} to {high}")
        self.update()

    def set_theme(self, theme: str) -> None:
        """Take the colours of a napari theme."""
        self._ink = GridColours.of(theme)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return the room that the scale needs."""
        return QSize(240, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Paint the scale, its ends and unit, and the hatched square."""
        if self._measure is None:
            return
        with QPainter(self) as painter:
            font = painter.font()
            font.setPixelSize(11)
            painter.setFont(font)
            none = painter.fontMetrics().horizontalAdvance(_NONE)
            swatch = QRectF(self.width() - none - BAR - 8, 2, BAR, BAR)
            bar = QRectF(LEFT, 2, swatch.left() - LEFT - 20, BAR)
            painter.fillRect(bar, _gradient(bar, level=self._ends[0] == self._ends[1]))
            paint_hatched(painter, swatch, self._ink)
            painter.setPen(self._ink.text)
            painter.drawText(QRectF(swatch.right() + 5, 0, none + 4, BAR + 4), Qt.AlignmentFlag.AlignVCenter, _NONE)
            self._paint_labels(painter, QRectF(bar.left(), bar.bottom() + 2, bar.width(), 18), self._measure)

    def _paint_labels(self, painter: QPainter, line: QRectF, measure: Measure) -> None:
        low, high = map(measure.format, self._ends)
        if self._ends[0] == self._ends[1]:
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, f"{low}  {measure.heading}")
            return
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, high)
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, measure.unit)


def _gradient(bar: QRectF, *, level: bool) -> QLinearGradient:
    """Return the colours of the scale; one colour where all wells have the same number."""
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for stop in range(_STOPS + 1):
        at = stop / _STOPS
        gradient.setColorAt(at, QColor(*colour_of(0.5 if level else at, 0.0, 1.0)))
    return gradient
