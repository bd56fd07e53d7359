"""Compare: two results side by side, moved and zoomed as one; what only one of them has is marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QImage, QPixmap, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QGraphicsScene,
    QGraphicsView,
    QGridLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import GAP, say, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_count, format_number
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import WAIT, enable_unless

LEAST_PX, USUAL_PX = 170, 360  # high
ZOOM, CLOSE = 1.25, 6.0  # per step of the wheel; screen px per px of the image where a difference is shown
OUTDATED = "The result shown has changed since: compare again."
HINT = "Two results of the open image: run the choices of tab 2 beside the result shown, or choose other results."


class LinkedView(QGraphicsView):
    """A picture that is dragged and zoomed; another one follows."""

    moved = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setScene(QGraphicsScene(self))
        self._item = self.scene().addPixmap(QPixmap())
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setAccessibleName(name)
        self.setToolTip("Drag to move, wheel to zoom; the other picture follows")
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.valueChanged.connect(lambda _: self.moved.emit())
        self._following = False
        self._whole = True  # until somebody looks closer

    def show_picture(self, rgb: NDArray[np.uint8]) -> None:
        """Show a picture (Y, X, RGB), all of it."""
        height, width = rgb.shape[:2]
        data = np.ascontiguousarray(rgb)
        image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._item.setPixmap(QPixmap.fromImage(image))
        self.setSceneRect(QRectF(0, 0, width, height))
        self._whole = True
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 (Qt's name)
        """Zoom."""
        factor = ZOOM if event.angleDelta().y() > 0 else 1 / ZOOM
        self._whole = False
        self.scale(factor, factor)
        self.moved.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Keep all of the picture in view, as long as nobody looks closer."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._whole:
            self.fitInView(self.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)

    def look_at(self, y: float, x: float) -> None:
        """Look at a place from near."""
        self._whole = False
        self.resetTransform()
        self.scale(CLOSE, CLOSE)
        self.centerOn(x, y)

    def follow(self, other: LinkedView) -> None:
        """Look where another view looks."""
        self._following, self._whole = True, other._whole
        self.setTransform(other.transform())
        self.horizontalScrollBar().setValue(other.horizontalScrollBar().value())
        self.verticalScrollBar().setValue(other.verticalScrollBar().value())
        self._following = False

    @property
    def following(self) -> bool:
        """Whether it is being moved by another view."""
        return self._following


class ComparePanel(QWidget):
    """Shows a comparison."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.controller = session, session.compare
        self._at = -1  # the difference that was shown last
        self._shown: object = None
        self.hint, self.summary, self.failure = text_line("aside"), text_line(), Notice()
        self.summary.setProperty("role", "title")
        self.run_button = QPushButton("Run the choices of tab 2")
        self.run_button.setToolTip("Find the cells with these choices, beside the result shown, which stays as it is")
        self.results_button = QPushButton("Other results…")
        self.results_button.setToolTip("Choose a folder of results of the same images")
        self.next_button = QPushButton("Next difference")
        self.next_button.setToolTip("Look at the next cell that only one of both has")
        self.titles = (text_line(), text_line())
        self.views = (LinkedView("First result"), LinkedView("Second result"))
        self._lay_out()
        self.controller.changed.connect(self._draw)
        self.run_button.clicked.connect(self.controller.with_choices)
        self.results_button.clicked.connect(self._ask)
        self.next_button.clicked.connect(self._next)
        first, second = self.views
        first.moved.connect(lambda: None if first.following else second.follow(first))
        second.moved.connect(lambda: None if second.following else first.follow(second))
        self._draw()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP, 4, GAP, GAP)
        layout.setSpacing(4)
        buttons = side_by_side(self.summary, self.next_button, self.run_button, self.results_button, stretch=0)
        grid = QGridLayout()
        for column in (0, 1):
            grid.addWidget(self.titles[column], 0, column)
            grid.addWidget(self.views[column], 1, column)
            grid.setColumnStretch(column, 1)
        for widget in (buttons, self.hint, self.failure):
            layout.addWidget(widget)
        layout.addLayout(grid, 1)
        layout.addStretch()  # where there are no pictures yet
        self.setMinimumHeight(LEAST_PX)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return a height at which two pictures can be compared."""
        return QSize(700, USUAL_PX)

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of results of the same images")
        if chosen:
            self.controller.with_results(Path(chosen))

    def _next(self) -> None:
        """Look at the next difference from near, in both pictures."""
        done = self.controller.done
        if done is None or not done.places:
            return
        self._at = (self._at + 1) % len(done.places)
        y, x = done.places[self._at]
        first, second = self.views
        first.look_at(y, x)
        second.follow(first)

    def _draw(self) -> None:
        controller, done = self.controller, self.controller.done
        say(self.hint, controller.working or ("" if done is not None else HINT))
        self._draw_notice()
        enable_unless(WAIT if controller.working else "", self.run_button, self.results_button)
        self.next_button.setVisible(done is not None and bool(done.places))
        for widget in (*self.titles, *self.views):
            widget.setVisible(done is not None)
        if done is None or done is self._shown:
            self.summary.setText(self.summary.text() if done is not None else "")
            return
        self._shown, self._at = done, -1
        found = done.comparison
        plane = "" if done.z is None else f" · all planes are counted, plane {done.z + 1} is shown"
        self.summary.setText(f"{format_count(found.both)} in both · F1 of one against the other {found.f1:.2f}{plane}")
        counts = ((found.first, found.only_first), (found.second, found.only_second))
        for label, title, (count, only) in zip(self.titles, done.titles, counts, strict=True):
            alone = f", {format_number(len(only))} only here (orange)" if only else ""
            label.setText(f"{title}: {format_count(count)}{alone}")
        for view, picture in zip(self.views, done.pictures, strict=True):
            view.show_picture(picture)

    def _draw_notice(self) -> None:
        controller = self.controller
        if controller.failure is not None:
            self.failure.show_failure(controller.failure)
        else:
            self.failure.show_message(OUTDATED if controller.outdated and controller.done is not None else "")
