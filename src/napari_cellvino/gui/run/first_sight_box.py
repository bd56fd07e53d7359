"""What the models find in a crop of the open image, side by side: a picture, a count and a reason each."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.figures.model_panels import draw_crop
from napari_cellvino.gui.run.first_sight_controller import FirstSightController
from napari_cellvino.gui.widgets.form_layout import say, text_line
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.workflows.first_sight import FirstSight, Suggestion, panels_of

MOST = 4  # models that are shown
SIDE = 76  # px of a picture


class FirstSightBox(QWidget):
    """A button that asks the models, and then a row for each of the best."""

    def __init__(self, controller: FirstSightController) -> None:
        super().__init__()
        self._controller = controller
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.button = QPushButton("&Which model?")
        self.button.setToolTip("Let every model look at a part of the image, and compare what they find")
        self.bar = QProgressBar()
        self.bar.setFormat("models look at a part of the image …")
        self.outcome = text_line()
        self.failure = Notice()
        self.rows = QWidget()
        self._grid = QGridLayout(self.rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        for widget in (self.button, self.bar, self.outcome, self.failure, self.rows):
            layout.addWidget(widget)
        self._shown: FirstSight | None = None
        self.button.clicked.connect(controller.look)
        controller.changed.connect(self.draw)
        self.draw()

    def draw(self) -> None:
        """Show what is known now."""
        controller = self._controller
        self.button.setVisible(not controller.looking)
        self.bar.setVisible(controller.looking)
        if controller.progress is not None:
            self.bar.setRange(0, controller.progress.total)
            self.bar.setValue(controller.progress.done)
        self.failure.show_failure(controller.failure)
        say(self.outcome, controller.sight.says if controller.sight else "")
        if controller.sight is not self._shown:
            self._shown = controller.sight
            self._fill(controller.sight)
        self.rows.setVisible(controller.sight is not None)

    def _fill(self, sight: FirstSight | None) -> None:
        while item := self._grid.takeAt(0):
            item.widget().deleteLater()
        if sight is None:
            return
        panels = panels_of(sight)
        for row, one in enumerate(sight.suggestions[:MOST]):
            picture = QLabel()
            picture.setPixmap(_pixmap(draw_crop(panels[row])))
            picture.setToolTip(one.reason)
            text = text_line(text=f"<b>{escape(one.model)}</b>: {escape(one.says)}")
            text.setTextFormat(Qt.TextFormat.RichText)
            text.setToolTip(f"{one.reason} (score {one.score:.2f} of 1)")
            self._grid.addWidget(picture, row, 0)
            self._grid.addWidget(text, row, 1)
            self._grid.addWidget(self._use_button(one), row, 2)

    def _use_button(self, one: Suggestion) -> QPushButton:
        button = QPushButton("Use")
        button.setToolTip(f"Choose {one.model}, with the channel and the cell diameter that it found; nothing is run")
        button.setAccessibleName(f"Use {one.model}")
        button.setEnabled(one.count > 0)
        button.clicked.connect(partial(self._use, one))
        return button

    def _use(self, one: Suggestion, _: bool = False) -> None:
        self._controller.use(one)


def _pixmap(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> QPixmap:
    pixels = np.ascontiguousarray(picture)
    image = QImage(pixels.data, pixels.shape[1], pixels.shape[0], 3 * pixels.shape[1], QImage.Format.Format_RGB888)
    smooth = Qt.TransformationMode.SmoothTransformation
    return QPixmap.fromImage(image.copy()).scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio, smooth)
