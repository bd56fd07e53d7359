"""What the models find in a crop of the open image, side by side: each a button with its picture and count."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QFontMetrics, QIcon, QImage, QPixmap
from qtpy.QtWidgets import QGridLayout, QProgressBar, QPushButton, QToolButton, QVBoxLayout, QWidget

from napari_cellvino.figures.composite import Picture
from napari_cellvino.gui.run.first_sight_controller import FirstSightController
from napari_cellvino.gui.widgets.form_layout import side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_count, keep_units
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.workflows.first_sight import FirstSight, Suggestion

SIDE = 68  # px of a picture
TITLE_LINES, WIDTH = 2, 88  # of a button; as wide as a word like "fluorescence"
TEACH = ". Where you see cells, a few strokes teach a model to find them (tab Teach)."


class FirstSightBox(QWidget):
    """The best models side by side, while they look and afterwards; in the Run panel a button asks them.

    Elsewhere (``offered``) it is seen only where models say something of an image that was not run yet.
    """

    def __init__(self, controller: FirstSightController, *, offered: Callable[[], bool] | None = None) -> None:
        super().__init__()
        self._controller, self._offered = controller, offered
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.button = QPushButton("&Which model?")
        self.button.setToolTip("Let every model look at a part of the image, and compare what they find")
        self.bar = QProgressBar()
        self.bar.setFormat("models look at a part of the image …")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Ask no further; images of this kind are not looked at unasked again")
        self._working = side_by_side(self.bar, self.cancel_button, stretch=0)
        self.outcome = text_line()
        self.hide_button = QPushButton("✕")
        self.hide_button.setToolTip("Put this away")
        self.hide_button.setAccessibleName("Put the models' answers away")
        self.hide_button.setFixedWidth(26)
        self._said = side_by_side(self.outcome, self.hide_button, stretch=0)
        self.failure = Notice()
        self.columns = QWidget()
        self._grid = QGridLayout(self.columns)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(2)
        for widget in (self.button, self._working, self._said, self.columns, self.failure):
            layout.addWidget(widget)
        self._shown: FirstSight | None = None
        self.button.clicked.connect(controller.look)
        self.cancel_button.clicked.connect(controller.cancel)
        self.hide_button.clicked.connect(controller.cancel)
        controller.changed.connect(self.draw)
        self.draw()

    def draw(self) -> None:
        """Show what is known now."""
        controller, sight = self._controller, self._controller.sight
        asks = self._offered is None
        self.setVisible(asks or (self._offered is not None and self._offered()))
        self.button.setVisible(asks and not controller.looking)
        self._working.setVisible(controller.looking)
        if controller.progress is not None:
            self.bar.setRange(0, controller.progress.total)
            self.bar.setValue(controller.progress.done)
        self.failure.show_failure(controller.failure if asks else None)  # nobody asked
        self._said.setVisible(sight is not None)
        said = "" if sight is None else sight.says if sight.best is not None else f"{sight.says}{TEACH}"
        self.outcome.setText(keep_units(said))
        if sight is not self._shown:
            self._shown = sight
            self._fill(sight)
        self.columns.setVisible(self._grid.count() > 0)

    def _fill(self, sight: FirstSight | None) -> None:
        while item := self._grid.takeAt(0):
            item.widget().deleteLater()
        if sight is None:
            return
        for column, (one, picture) in enumerate(zip(sight.suggestions, self._controller.pictures, strict=False)):
            self._grid.addWidget(self._use_button(one, _pixmap(picture)), 0, column)

    def _use_button(self, one: Suggestion, picture: QPixmap) -> QToolButton:
        button = QToolButton()
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIcon(QIcon(picture))
        button.setIconSize(QSize(SIDE, SIDE))
        words = button.fontMetrics()
        button.setFixedSize(WIDTH, SIDE + (1 + TITLE_LINES) * words.lineSpacing() + 12)
        button.setText("\n".join([format_count(one.count), *_lines(one.title, words, WIDTH - 4)]))
        chosen = "Click to use it, with the channel and the cell diameter that it found; nothing is run"
        said = f"{one.title}: {one.reason} (score {one.score:.2f} of 1).\n"
        button.setToolTip(said + (chosen if one.count else "It finds no cell here, so that it cannot be chosen"))
        button.setAccessibleName(f"Use {one.title}")
        button.setEnabled(one.count > 0)
        button.clicked.connect(partial(self._use, one))
        return button

    def _use(self, one: Suggestion, _: bool = False) -> None:
        self._controller.use(one)


def _lines(title: str, words: QFontMetrics, width: int) -> list[str]:
    """Return a title as lines that fit into a width in px; what the last has no room for is cut with an ellipsis."""
    lines = [""]
    for word in title.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and len(lines) < TITLE_LINES and words.horizontalAdvance(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    lines += [""] * (TITLE_LINES - len(lines))  # pictures of all are in line
    return [words.elidedText(line, Qt.TextElideMode.ElideRight, width) for line in lines]


def _pixmap(picture: Picture) -> QPixmap:
    """Return a square in the middle of a crop: outlines round all its cells would be too thin to be seen."""
    height, width = picture.shape[:2]
    side = max(min(height, width) // 2, 1)
    top, left = (height - side) // 2, (width - side) // 2
    pixels = np.ascontiguousarray(picture[top : top + side, left : left + side])
    image = QImage(pixels.data, pixels.shape[1], pixels.shape[0], 3 * pixels.shape[1], QImage.Format.Format_RGB888)
    smooth = Qt.TransformationMode.SmoothTransformation
    return QPixmap.fromImage(image.copy()).scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio, smooth)
