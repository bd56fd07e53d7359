"""How many spots the field has, and the buttons that edit them; shown where spots were sought."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_cellvino.gui.review.spot_editor import SpotEditor
from napari_cellvino.gui.widgets.form_layout import say, side_by_side, text_line
from napari_cellvino.gui.widgets.usable import enable_unless

HELP = "Click a ring to delete it, or beside all rings to add a spot; Ctrl+Z takes it back"


class SpotBox(QWidget):
    """Shows the spots of the review."""

    def __init__(self, editor: SpotEditor) -> None:
        super().__init__()
        self._editor = editor
        self.count, self.failure = text_line(), text_line("attention")
        self.count.setAccessibleName("Spots")
        self.edit_button = QPushButton("Edit spots")
        self.edit_button.setToolTip(HELP)
        self.undo_button = QPushButton("Undo spot")
        self.undo_button.setToolTip("Take back the last spot that was added or deleted (Ctrl+Z in their layer)")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (side_by_side(self.count, self.edit_button, self.undo_button, stretch=0), self.failure):
            layout.addWidget(widget)
        self.edit_button.clicked.connect(editor.choose)
        self.undo_button.clicked.connect(editor.undo)
        editor.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self.setVisible(self._editor.spots is not None)
        say(self.count, self._editor.describe())
        say(self.failure, self._editor.failure)
        enable_unless("" if self._editor.can_undo else "No spot was added or deleted yet", self.undo_button)
