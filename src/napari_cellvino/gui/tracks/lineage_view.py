"""The lineage tree: time goes to the right, a line for each track, a fork where it divides; a click goes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QScrollArea, QSizePolicy, QToolTip, QWidget

from napari_cellvino.tracking.lineage_rows import rows_of
from napari_cellvino.tracking.tracks import Tracks

ROW, MARGIN = 12, 8  # px
GENERATIONS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00")  # of Okabe and Ito
LOW, HIGH = QColor("#4477cc"), QColor("#e8a817")  # seen on dark and on light
NOW, CHOSEN = QColor(150, 150, 150), 3
UNLINKED = QColor(128, 128, 128)


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is drawn: tracks, the number of frames, and a value from 0 to 1 for each track to colour it by.

    Without values, colours are by generation.
    """

    tracks: Tracks = field(default_factory=Tracks)
    frames: int = 0
    values: Mapping[int, float] = field(default_factory=dict)


class LineageView(QScrollArea):
    """Draws a lineage; ``wanted`` sends a track and a frame that were clicked."""

    wanted = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.tree = _Tree(self)
        self.setWidget(self.tree)
        self.setWidgetResizable(True)
        self.setMinimumHeight(120)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Lineage")
        self.tree.wanted.connect(self.wanted)

    def show_lineage(self, lineage: Lineage) -> None:
        """Draw another lineage."""
        self.tree.show_lineage(lineage)

    def show_place(self, frame: int, chosen: tuple[int, ...]) -> None:
        """Mark the frame that is shown and the tracks that are chosen, and scroll to the first of them."""
        self.tree.frame, self.tree.chosen = frame, chosen
        if chosen and chosen[0] in self.tree.rows:
            self.ensureVisible(0, round(self.tree.y_of(chosen[0])), 0, 2 * ROW)
        self.tree.update()


class _Tree(QWidget):
    wanted = Signal(int, int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.lineage, self.rows = Lineage(), dict[int, int]()
        self.frame, self.chosen = 0, tuple[int, ...]()
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return the height of all rows."""
        return QSize(200, 2 * MARGIN + ROW * max(len(self.rows), 1))

    def show_lineage(self, lineage: Lineage) -> None:
        self.lineage, self.rows = lineage, rows_of(lineage.tracks)
        self.setMinimumHeight(self.sizeHint().height())
        self.updateGeometry()
        self.update()

    def x_of(self, frame: float) -> float:
        """Return where a frame is, in px."""
        return float(MARGIN + frame * (self.width() - 2 * MARGIN) / max(self.lineage.frames - 1, 1))

    def y_of(self, track: int) -> float:
        """Return where a track is, in px."""
        return MARGIN + ROW * (self.rows[track] + 0.5)

    def place_at(self, point: QPointF) -> tuple[int, int] | None:
        """Return the track, and the frame, at a point; None where no track is."""
        row = int((point.y() - MARGIN) // ROW)
        track = next((track for track, own in self.rows.items() if own == row), None)
        if track is None or self.lineage.frames == 0:
            return None
        nodes = self.lineage.tracks.nodes[track]
        frame = round((point.x() - MARGIN) * max(self.lineage.frames - 1, 1) / max(self.width() - 2 * MARGIN, 1))
        return track, min(max(frame, nodes[0].frame), nodes[-1].frame)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """Go to what was clicked."""
        place = self.place_at(event.position())
        if place is not None:
            self.wanted.emit(*place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """Name what is under the mouse."""
        place = self.place_at(event.position())
        said = "" if place is None else f"#{place[0]} in frame {place[1] + 1}"
        QToolTip.showText(event.globalPosition().toPoint(), said, self)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw the rows that are seen."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(NOW, 1, Qt.PenStyle.DashLine))
            now = self.x_of(self.frame)
            painter.drawLine(QPointF(now, 0), QPointF(now, self.height()))
            seen = QRectF(event.rect()).adjusted(0, -ROW, 0, ROW)
            for track, nodes in self.lineage.tracks.nodes.items():
                self._draw_fork(painter, track, seen)
                y = self.y_of(track)
                if not seen.top() <= y <= seen.bottom():
                    continue
                painter.setPen(QPen(self.colour_of(track), CHOSEN + 2 if track in self.chosen else 2))
                last = nodes[0].frame
                for node in nodes:
                    if node.frame > last + 1:
                        painter.setPen(QPen(painter.pen().color(), 1, Qt.PenStyle.DotLine))
                        painter.drawLine(QPointF(self.x_of(last), y), QPointF(self.x_of(node.frame), y))
                        painter.setPen(QPen(painter.pen().color(), 2))
                    painter.drawLine(
                        QPointF(self.x_of(max(last, node.frame - 1)), y), QPointF(self.x_of(node.frame), y)
                    )
                    last = node.frame
                self._draw_end(painter, track, y)

    def _draw_fork(self, painter: QPainter, track: int, seen: QRectF) -> None:
        """Draw the line from a mother to a daughter."""
        parent = self.lineage.tracks.parents.get(track)
        if parent is None or parent not in self.rows:
            return
        top, bottom = sorted((self.y_of(parent), self.y_of(track)))
        if bottom < seen.top() or top > seen.bottom():
            return
        x = self.x_of(self.lineage.tracks.nodes[track][0].frame)
        painter.setPen(QPen(self.colour_of(track), 1))
        before = self.x_of(self.lineage.tracks.nodes[parent][-1].frame)
        painter.drawLine(QPointF(before, self.y_of(parent)), QPointF(x, self.y_of(parent)))
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))

    def _draw_end(self, painter: QPainter, track: int, y: float) -> None:
        """Mark where a track ends inside the film without dividing."""
        last = self.lineage.tracks.nodes[track][-1].frame
        if last < self.lineage.frames - 1 and track not in self.lineage.tracks.divisions:
            x = self.x_of(last) + 3
            painter.drawLine(QPointF(x - 2, y - 3), QPointF(x + 2, y + 3))
            painter.drawLine(QPointF(x - 2, y + 3), QPointF(x + 2, y - 3))

    def colour_of(self, track: int) -> QColor:
        """Return the colour of a track: of its value, or of its generation."""
        if track in self.lineage.values:
            share = min(max(self.lineage.values[track], 0.0), 1.0)
            parts = zip(LOW.getRgb()[:3], HIGH.getRgb()[:3], strict=True)
            return QColor(*(round(a + (b - a) * share) for a, b in parts))
        if self.lineage.values:
            return UNLINKED
        return QColor(GENERATIONS[self.lineage.tracks.generation(track) % len(GENERATIONS)])
