"""The part of the Open panel that shows the work list, runs it, and tells how that went."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices, QShowEvent
from qtpy.QtWidgets import QFileDialog, QPushButton, QVBoxLayout

from napari_cellvino.gui.run.field_run_rows import BUSY, UNSAVED, FieldRunRows
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import GAP, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_folder
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.gui.worklist.field_list import FieldList, FieldModel
from napari_cellvino.gui.worklist.list_view import describe_field, describe_list

LIST_PX = 180  # height of the list: four lines
FEWEST = 2  # fields that make a list
CHOOSE_FIRST = "Choose fields in the list first: click, Shift and Ctrl"


class WorkListRows(FieldRunRows):
    """Hidden until there are several fields."""

    def __init__(self, session: Session) -> None:
        super().__init__("field", of_all=True)
        self.session = session
        self._list, self._lists = session.work_list, session.plate_list
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        self._build_list(layout)
        self._build_running(layout)
        self._connect()
        self.draw()

    def _build_list(self, layout: QVBoxLayout) -> None:
        self.title = text_line()
        self.title.setProperty("role", "title")
        self.tiles_button = QPushButton("Pictures")
        self.tiles_button.setCheckable(True)
        self.tiles_button.setToolTip("Show small pictures in place of lines")
        self.clear_button = QPushButton("Clear")
        self.clear_button.setToolTip("Empty the list; images and results stay on disk")
        pictures = self.session.list_thumbnails.pictures
        self.list = FieldList(FieldModel(lambda field: describe_field(field, self._lists.runner.under_way), pictures))
        self.list.setFixedHeight(LIST_PX)
        self.title_row = side_by_side(self.title, self.tiles_button, self.clear_button, stretch=0)
        layout.addWidget(self.title_row)
        layout.addWidget(self.list)

    def _build_running(self, layout: QVBoxLayout) -> None:
        self.saved = text_line("aside")
        self.choose_button = QPushButton("C&hange…")
        self.choose_button.setToolTip("Choose another folder of results for this list; one with results shows them")
        self.saved_row = side_by_side(self.choose_button, self.show_button, self.cells_button)
        for widget in (
            self.plan, self._start, self._working, self.progress, self.detail, self.notice, self.failure,
            self.replace, self.saved, self.saved_row,
        ):  # fmt: skip
            layout.addWidget(widget)

    def _restyle(self, _: str) -> None:
        self.list.set_theme(self.session.viewer.theme)

    def _connect(self) -> None:
        session = self.session
        for part in (session.catalogue, session.runner, self._list, session.list_runner, session.plate_runner):
            part.changed.connect(self.draw)
        session.list_thumbnails.changed.connect(self.list.viewport().update)
        self._list.read.connect(self._read_pictures)
        session.restyled.connect(self._restyle)
        self.list.set_theme(session.viewer.theme)
        self.list.shown.connect(self._list.show)
        self.list.chosen_changed.connect(self.draw)
        self.tiles_button.toggled.connect(self.list.as_tiles)
        self.clear_button.clicked.connect(self._list.clear)
        self.all_button.clicked.connect(lambda: self._run(list(range(len(self._list.fields)))))
        self.run_button.clicked.connect(lambda: self._run(self.list.chosen))
        self.cancel_button.clicked.connect(lambda: self._lists.runner.cancel())
        self.choose_button.clicked.connect(self._ask)
        self.cells_button.clicked.connect(session.cells_wanted)
        self.show_button.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._list.root))))

    # -- what the user does

    def _run(self, numbers: list[int]) -> None:
        self.session.run_listed(numbers, replace=self.replace.isChecked())

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the results of the list", str(self._list.root))
        if chosen:
            self._lists.choose_root(Path(chosen))

    # -- what is shown

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Read the small pictures: those of a plate are left alone as long as nobody sees its list."""
        super().showEvent(event)
        self._read_pictures()

    def _read_pictures(self) -> None:
        if self.isVisible() or not self._list.is_plate:
            channel = self.session.workspace.recipe.channel
            self.session.list_thumbnails.read(self._list.fields, channel, self._list.overrides)

    def draw(self, _: object = None) -> None:
        """Show what is known now."""
        fields, runner = self._list.fields, self._lists.runner
        wrong = self._list.failure is not None or any(field.error for field in fields)
        self.setVisible(len(fields) >= FEWEST or runner.running or wrong)
        view = describe_list(self.session.workspace, self.session.catalogue, self._list, runner)
        self.title.setText(view.title)
        self.list.draw(fields, self._list.current)
        working = runner.running
        self._draw_run(
            view, chosen=len(self.list.chosen), total=len(fields), working=working, choose_first=CHOOSE_FIRST
        )
        enable_unless(BUSY if working else "", self.replace, self.choose_button, self.clear_button)
        self.replace.setVisible(any(field.error or field.summary for field in fields))
        root = self._list.root
        self.saved.setText("" if root is None else f"Results: {format_folder(root)}")
        self.saved.setToolTip(str(root or ""))
        enable_unless("" if view.saved is not None else UNSAVED, self.show_button, self.cells_button)
        for widget in (self.title_row, self.list, self.saved, self.saved_row):
            widget.setVisible(bool(fields))
        for widget in () if fields else (self.plan, self._start):
            widget.hide()
