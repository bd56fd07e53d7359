"""The lower part of the Plate panel: run the recipe over wells, see how it goes, find the tables."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
)

from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.gui.plate.plate_run_view import PlateRunView, resolve_run
from napari_cellvino.gui.run.field_run_rows import BUSY, FieldRunRows
from napari_cellvino.gui.run.run_view import State
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import add_row, form, narrow, say, side_by_side, text_line
from napari_cellvino.gui.widgets.usable import enable_unless

CHOOSE_FIRST = "Choose wells on the grid first: click, Shift and Ctrl, or drag"


class PlateRunRows(FieldRunRows):
    """Draws the plate runner; which wells are chosen comes from the grid."""

    def __init__(self, session: Session) -> None:
        super().__init__("well", of_all=False)
        self.session = session
        self._well_values, self._runner = session.well_values, session.plate_runner
        self._chosen: frozenset[Well] = frozenset()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._build_choices(layout)
        self._build_running(layout)
        self._build_result(layout)
        self._connect()

    def _build_choices(self, layout: QVBoxLayout) -> None:
        grid = form(layout)
        self.channel = narrow(QComboBox())
        self.channel.setToolTip("Channel in which cells are looked for")
        add_row(grid, "&Channel", self.channel)
        self.folder = QLineEdit()
        self.folder.setToolTip("Tables, maps of the plate, and a folder for each field go in here")
        self.choose_button = QPushButton("C&hoose…")
        self.choose_button.setToolTip("Choose the folder of results; one with results of this plate shows them")
        add_row(grid, "&Results", self.folder, self.choose_button)
        self.labels_back = QCheckBox("Write la&bels into the plate too")
        self.labels_back.setToolTip("As the label image “cellvino” beside each image of the OME-Zarr plate")
        for widget in (self.plan, self.labels_back):
            layout.addWidget(widget)

    def _build_running(self, layout: QVBoxLayout) -> None:
        self.hint = text_line("aside")
        for widget in (self._start, self._working, self.progress, self.hint, self.failure):
            layout.addWidget(widget)

    def _build_result(self, layout: QVBoxLayout) -> None:
        self.count = QLabel()
        self.count.setProperty("role", "number")
        self.count.setAccessibleName("Number of cells on the plate")
        self.failed = text_line("attention")
        self.saved = text_line("done")
        self._saved_row = side_by_side(self.saved, self.show_button, self.cells_button, stretch=0)
        for widget in (self.count, self.detail, self.failed, self.notice, self._saved_row, self.replace):
            layout.addWidget(widget)

    def _connect(self) -> None:
        session = self.session
        for part in (session.catalogue, session.runner):
            part.changed.connect(self.draw)
        self.channel.activated.connect(self._choose_channel)
        self.folder.editingFinished.connect(lambda: self._well_values.choose(self.folder.text()))
        self.choose_button.clicked.connect(self._ask)
        self.run_button.clicked.connect(lambda: self._run(self._chosen))
        self.all_button.clicked.connect(lambda: self._run(self._wells()))
        self.cancel_button.clicked.connect(self._runner.cancel)
        self.cells_button.clicked.connect(session.cells_wanted)
        self.show_button.clicked.connect(
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._well_values.root)))
        )

    # -- what the user does

    def choose_wells(self, wells: frozenset[Well]) -> None:
        """Take the wells that are chosen on the grid."""
        self._chosen = wells
        self.draw()

    def _choose_channel(self, row: int) -> None:
        self._runner.choose_channel(self.channel.itemText(row))

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the results of the plate", self.folder.text())
        if chosen:
            self._well_values.choose(chosen)

    def _run(self, wells: frozenset[Well]) -> None:
        self._well_values.choose(self.folder.text())
        back = self.labels_back.isChecked() and self.labels_back.isVisible()
        self._runner.run(wells, anew=self.replace.isChecked(), labels_back=back)

    def _wells(self) -> frozenset[Well]:
        current = self.session.plates.current
        return frozenset(current.wells.fields) if current is not None else frozenset()

    # -- what is shown

    def draw(self, _: object = None) -> None:
        """Show what is known now."""
        session = self.session
        current = session.plates.current
        self.setVisible(current is not None or self._runner.running)
        view = resolve_run(session.workspace, session.catalogue, session.plates, self._well_values, self._runner)
        if current is not None:
            self._draw_choices(current.source.plate, view)
        self._draw_running(view)
        self._draw_result(view)

    def _draw_choices(self, plate: Plate, view: PlateRunView) -> None:
        with QSignalBlocker(self.channel):
            if [self.channel.itemText(row) for row in range(self.channel.count())] != list(plate.channels):
                self.channel.clear()
                self.channel.addItems(plate.channels)
            chosen = self._runner.channel
            number = int(chosen) - 1 if chosen.isdecimal() and chosen not in plate.channels else 0
            at = plate.channels.index(chosen) if chosen in plate.channels else number
            self.channel.setCurrentIndex(at if at < len(plate.channels) else 0)
        if not self.folder.hasFocus() and self.folder.text() != self._well_values.folder:
            self.folder.setText(self._well_values.folder)
        self.labels_back.setVisible(plate.takes_labels)
        busy = BUSY if view.state is State.WORKING else ""
        enable_unless(busy, self.labels_back, self.channel, self.folder, self.choose_button, self.replace)

    def _draw_running(self, view: PlateRunView) -> None:
        working = view.state is State.WORKING
        self._draw_run(
            view, chosen=len(self._chosen), total=len(self._wells()), working=working, choose_first=CHOOSE_FIRST
        )
        say(self.hint, "" if working else view.missing)

    def _draw_result(self, view: PlateRunView) -> None:
        say(self.count, view.count)
        say(self.failed, view.failed)
        self.replace.setVisible(bool(view.count or view.failed))
        self.saved.setText(f"✓  Tables and maps in {view.saved.parent}" if view.saved is not None else "")
        self._saved_row.setVisible(view.saved is not None)
