"""Loss and validation score over the steps of a training, drawn while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_cellvino.gui.widgets.formatting import format_number
from napari_cellvino.training.progress_lines import TrainingProgress

LOSS, SCORE = QColor("#e69f00"), QColor("#56b4e9")  # orange and blue of Okabe and Ito; the score's line is also dashed
HEIGHT = 140  # px
EDGE = 6  # px round the plot
Point = tuple[float, float]


class TrainingPlot(QWidget):
    """Two lines over the steps: the loss from 0 to its highest, and the score from 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self._loss: list[Point] = []
        self._score: list[Point] = []
        self._steps = 1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Loss and validation score")

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return a height that shows a curve."""
        return QSize(200, HEIGHT)

    def show_progress(self, progress: Sequence[TrainingProgress]) -> None:
        """Draw losses and validation scores of all steps."""
        steps = [n for n in progress if n.step]
        self._steps = steps[-1].steps if steps else 1
        self._loss = [(n.step, n.total_loss) for n in steps]
        self._score = [(n.step, n.validation) for n in steps if n.saved and n.validation is not None]
        self.setToolTip(self.describe())
        self.update()

    def describe(self) -> str:
        """Return the latest values."""
        score = f"validation score {self._score[-1][1]:.2f} (0 to 1, higher is better)" if self._score else ""
        loss = f"loss {self._loss[-1][1]:.3f} (lower is better)" if self._loss else ""
        return ", ".join(word for word in (loss, score) if word)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw the axes, the lines and what they are."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            line = painter.fontMetrics().height()
            area = QRectF(self.rect()).adjusted(EDGE, line + EDGE, -EDGE, -line - EDGE)
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawLine(area.bottomLeft(), area.bottomRight())
            painter.drawLine(area.bottomLeft(), area.topLeft())
            painter.drawText(QPointF(area.left(), area.bottom() + line), "step 0")
            last = format_number(self._steps)
            painter.drawText(
                QPointF(area.right() - painter.fontMetrics().horizontalAdvance(last), area.bottom() + line), last
            )
            highest = max((value for _, value in self._loss), default=1.0) or 1.0
            self._draw(painter, area, [(x, y / highest) for x, y in self._loss], QPen(LOSS, 2))
            self._draw(painter, area, self._score, QPen(SCORE, 2, Qt.PenStyle.DashLine))
            self._title(painter, area)

    def _draw(self, painter: QPainter, area: QRectF, points: Sequence[Point], pen: QPen) -> None:
        places = [
            QPointF(area.left() + area.width() * x / self._steps, area.bottom() - area.height() * y) for x, y in points
        ]
        painter.setPen(pen)
        if len(places) == 1:
            painter.drawEllipse(places[0], 2, 2)
        painter.drawPolyline(QPolygonF(places))

    def _title(self, painter: QPainter, area: QRectF) -> None:
        at = QPointF(area.left(), area.top() - EDGE)
        for points, line, name, colour in ((self._loss, "—", "loss", LOSS), (self._score, "- -", "score", SCORE)):
            value = f"{name} {points[-1][1]:.2f}" if points else name
            for text, pen in ((line, colour), (value, self.palette().color(self.foregroundRole()))):
                painter.setPen(pen)
                painter.drawText(at, text)
                at += QPointF(painter.fontMetrics().horizontalAdvance(text) + EDGE, 0)
            at += QPointF(2 * EDGE, 0)
