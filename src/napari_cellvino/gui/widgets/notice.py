"""What happened and what to do, inside the panel; the details of a bug are folded away below."""

from __future__ import annotations

from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import QFrame, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.gui.widgets.colours import set_tone
from napari_cellvino.gui.widgets.failure import Failure
from napari_cellvino.gui.widgets.form_layout import side_by_side, text_line


class Notice(QFrame):
    """Hidden until there is something to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        self.words = text_line()
        self._details = QPlainTextEdit()
        self._details.setReadOnly(True)
        self._details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._details.setMinimumHeight(140)
        self.details_button = QPushButton("Details")
        self.details_button.setCheckable(True)
        self.details_button.setToolTip("What a developer needs to find the cause; select and copy it into a report")
        self.details_button.toggled.connect(self._details.setVisible)
        layout.addWidget(self.words)
        self._row = side_by_side(self.details_button)
        layout.addWidget(self._row)
        layout.addWidget(self._details)
        self.show_failure(None)

    def show_failure(self, failure: Failure | None) -> None:
        """Show what went wrong, or nothing."""
        self._show("✕  " + failure.message if failure else "", "failure", failure.details if failure else "")

    def show_message(self, words: str) -> None:
        """Show something worth knowing that is no fault, or nothing."""
        self._show("⚠  " + words if words else "", "attention", "")

    def _show(self, words: str, tone: str, details: str) -> None:
        set_tone(self.words, tone)
        self.words.setText(words)
        self._details.setPlainText(details)
        self._row.setVisible(bool(details))
        self.details_button.setChecked(False)
        self._details.setVisible(False)
        self.setVisible(bool(words))
