"""What is to be done with a label image that was dropped; seen only as long as there is one."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_cellvino.gui.open.dropped_files import DroppedFiles
from napari_cellvino.gui.widgets.form_layout import side_by_side, text_line


class LabelImageOffer(QWidget):
    """A sentence and three buttons."""

    def __init__(self, dropped: DroppedFiles) -> None:
        super().__init__()
        self._dropped = dropped
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.words = text_line("attention")
        self.take_button = QPushButton("Take as cells")
        self.open_button = QPushButton("It is an image")
        self.open_button.setToolTip("Open it as an image, to be run and counted like others")
        self.leave_button = QPushButton("Leave it")
        self.leave_button.setToolTip("Do nothing with it")
        layout.addWidget(self.words)
        layout.addWidget(side_by_side(self.take_button, self.open_button, self.leave_button))
        self.take_button.clicked.connect(dropped.take)
        self.open_button.clicked.connect(dropped.open_anyway)
        self.leave_button.clicked.connect(dropped.put_away)
        dropped.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        found, missing = self._dropped.label_images, self._dropped.missing
        self.setVisible(bool(found))
        names = ", ".join(path.name for path in found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        holds = "looks like a label image and was" if len(found) == 1 else "look like label images and were"
        self.words.setText(f"⚠  {names} {holds} not opened as an image.")
        self.take_button.setEnabled(not missing)
        taken = "In the place of all cells of the open image that nobody reviewed; undo brings them back"
        self.take_button.setToolTip(missing or taken)
