"""Details: the log, folded away at the foot of the window."""

from __future__ import annotations

from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import QPlainTextEdit

from napari_cellvino.gui.shell.session_log import MOST_LINES, SessionLog
from napari_cellvino.gui.widgets.form_layout import CollapsibleSection

HEIGHT = 160


class DetailsPanel(CollapsibleSection):
    """Shows what the program did, with the seconds it took; lines come in while it is unfolded."""

    def __init__(self, log: SessionLog) -> None:
        self.text = QPlainTextEdit()
        super().__init__("Details", self.text)
        self.setToolTip("What was read, run and saved, and how long it took; copy it into a report of a problem")
        self._log = log
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setFixedHeight(HEIGHT)
        self.text.setAccessibleName("Details")
        self.toggled.connect(self._on_fold)
        log.added.connect(self._on_line)

    def _on_fold(self, shown: bool) -> None:
        self.text.setPlainText("\n".join(self._log.lines) if shown else "")
        self.text.ensureCursorVisible()

    def _on_line(self, line: str) -> None:
        if self.isExpanded():
            self.text.appendPlainText(line)
