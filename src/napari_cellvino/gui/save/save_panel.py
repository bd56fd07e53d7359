"""Panel 4: write labels, tables, a picture and the recipe into a folder."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QLineEdit, QProgressBar, QPushButton, QWidget

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.objects import ReviewState, format_left_out
from napari_cellvino.gui.save.export_panel import ExportBox
from napari_cellvino.gui.save.save_controller import SaveController
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import (
    add_row,
    form,
    panel_layout,
    say,
    side_by_side,
    text_line,
)
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.gui.widgets.notice import Notice

_OUTLINES = """Into a folder named like the image:
  labels.tif – the outlines, each cell its own number
  objects.csv – a row of measurements per cell
  qc.png – the outlines drawn on the image
"""
_BOXES = """Into a folder named like the image:
  objects.csv – a row per cell: its class, box and measurements
  qc.png – the boxes drawn on the image
"""
_ALWAYS = """  annotation.json – where all this came from
Beside it:
  counts.csv – a row per image
  recipe.yaml – every choice, to repeat the run"""

PREVIEW = "The sliders show a preview. To save the result without it, go back first (tab 2)."


class SavePanel(QWidget):
    """Shows where results go and whether they are saved."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._saver: SaveController = session.saver
        layout = panel_layout(self)
        grid = form(layout)
        self.folder = QLineEdit()
        self.folder.setToolTip("Each image gets a folder of its own in here")
        self.choose_button = QPushButton("C&hoose…")
        self.choose_button.setToolTip("Choose the folder")
        add_row(grid, "&Folder", self.folder, self.choose_button)
        self.what = text_line("aside")
        self.save_button = QPushButton("&Save")
        self.save_button.setProperty("role", "main")
        self.replace_button = QPushButton("Re&place")
        self.replace_button.setToolTip("Write over the result that is there; it cannot be brought back")
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.hint = text_line("aside")
        self.failure = Notice()
        self.saved = text_line("done")
        self.show_button = QPushButton("Open f&older")
        self.show_button.setToolTip("Show the files in the file manager")
        rows = (self.what, self.save_button, self.bar, self.hint, self.failure)
        for widget in (*rows, side_by_side(self.replace_button), self.saved, side_by_side(self.show_button)):
            layout.addWidget(widget)
        self.export_box = ExportBox(session.exporter)
        layout.addWidget(self.export_box)
        layout.addStretch(1)
        self._connect()
        self._draw()

    def _connect(self) -> None:
        self._saver.changed.connect(self._draw)
        self.session.runner.changed.connect(self._draw)
        self.session.reviewer.changed.connect(self._draw)
        self.folder.textEdited.connect(self._draw)
        self.folder.editingFinished.connect(self._take_folder)
        self.choose_button.clicked.connect(self._ask)
        self.save_button.clicked.connect(lambda: self._save(overwrite=False))
        self.replace_button.clicked.connect(lambda: self._save(overwrite=True))
        self.show_button.clicked.connect(self._show_folder)

    def _save(self, *, overwrite: bool) -> None:
        """Save what is shown; a preview of the sliders is the result from then on, as the button says."""
        self._take_folder()
        if self.session.runner.has_preview:
            self.session.runner.keep_preview()
        self._saver.save(overwrite=overwrite)

    def _take_folder(self) -> None:
        """Choose the folder that was typed, once it is whole: each choice leaves what is read from the one before."""
        self.folder.setModified(False)
        if self.folder.text() != self._saver.folder:
            self._saver.choose(self.folder.text())

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for results", self.folder.text())
        if chosen:
            self._saver.choose(chosen)

    def _show_folder(self) -> None:
        if self._saver.saved is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._saver.saved)))

    def _draw(self) -> None:
        saver, reviewed = self._saver, self.session.reviewer.annotation
        if self.folder.text() != saver.folder and not self.folder.isModified():
            self.folder.setText(saver.folder)
        missing = self._missing()
        boxes = reviewed is not None and reviewed.labels is None
        self.what.setText((_BOXES if boxes else _OUTLINES) + _ALWAYS)
        self.save_button.setEnabled(not missing and not saver.saving)
        counted = 0 if reviewed is None else reviewed.counted
        preview = self.session.runner.has_preview
        verb = "Keep the preview and &save" if preview else "&Save"
        self.save_button.setText(f"{verb} {format_count(counted)}" if reviewed is not None else verb)
        self.save_button.setToolTip(missing or f"Write the result into {self.folder.text()}")
        left_out = "" if reviewed is None else _left_out(reviewed)
        say(self.hint, missing or "\n".join(filter(None, (PREVIEW if preview else "", left_out))))
        self.bar.setVisible(saver.saving)
        self.failure.show_failure(saver.failure)
        self.replace_button.setVisible(saver.result_exists)
        saved: Path | None = saver.saved
        kept_up = "\nWhat you correct from now on is saved there too." if saver.follows else ""
        say(self.saved, f"✓  Saved in {saved}{kept_up}" if saved is not None else "")
        self.show_button.setVisible(saved is not None)

    def _missing(self) -> str:
        if self.session.workspace.shown is None:
            return "Nothing to save yet: run the model first (tab 2)."
        return "" if self.folder.text() else "Choose a folder."


def _left_out(annotation: Annotation) -> str:
    """Return how many cells do not count, and why."""
    rejected = sum(n for (review, _), n in annotation.states.items() if review is ReviewState.REJECTED)
    return format_left_out(rejected, len(annotation.records) - annotation.counted - rejected)
