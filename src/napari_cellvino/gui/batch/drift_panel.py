"""Drift: which runs are unlike earlier ones, with the likely cause in words, and the control chart of their kind."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_cellvino.gui.batch.drift_controller import DriftController, DriftView
from napari_cellvino.gui.widgets.form_layout import say, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_number
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.text_table import TextTable
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.gui.widgets.wide_picture import WidePicture
from napari_cellvino.quality.drift import FEWEST_RUNS
from napari_cellvino.storage.time_text import local_time
from napari_cellvino.workflows.drift import JudgedRun

COLUMNS = ("Run", "When", "Fields", "What is unlike", "Kind")
RUN, WHEN, FIELDS, UNLIKE, KIND = range(len(COLUMNS))
ROW_PX, CHART_PX = 22, 400
WORKING = "The runs are compared…"


class RunTable(TextTable):
    """One row per run, the newest first."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, (FIELDS,))
        self.runs: list[JudgedRun] = []

    def show(self, runs: Sequence[JudgedRun]) -> None:
        """List runs, given by time."""
        self.beginResetModel()
        self.runs = list(reversed(runs))
        self.endResetModel()

    def count(self) -> int:
        """Return the number of runs."""
        return len(self.runs)

    def text(self, row: int, column: int) -> str:
        """Return what one run shows."""
        judged = self.runs[row]
        run = judged.drift.run
        unlike = " ".join(judged.sentences) or "nothing"
        return (
            run.name or judged.folder.name,
            local_time(run.at)[:16],
            format_number(run.fields),
            unlike,
            run.kind,
        )[column]


class DriftPanel(QWidget):
    """Shows how the runs in a folder of results compare with each other."""

    def __init__(self, controller: DriftController) -> None:
        super().__init__()
        self.controller = controller
        self.title, self.said, self.failure = text_line(), text_line("aside"), Notice()
        self.title.setProperty("role", "title")
        self.reason = text_line()
        self.save_button = QPushButton("Save table and chart")
        self.save_button.setToolTip(
            "Write the figures (drift.csv) and the charts (drift.png) into the folder of results"
        )
        self.table, self.list = RunTable(), QTableView()
        self.list.setTabKeyNavigation(False)
        self.chart = WidePicture("Control charts: each measure of each run, with what was usual before it", plot=True)
        self._view: DriftView | None = None
        self._lay_out()
        controller.changed.connect(self._draw)
        self.list.selectionModel().currentRowChanged.connect(lambda *_: self._show_run())
        self.save_button.clicked.connect(controller.write)
        self._draw()

    def _lay_out(self) -> None:
        self.list.setModel(self.table)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.verticalHeader().hide()
        self.list.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.list.setAccessibleName("Runs, the newest first")
        header = self.list.horizontalHeader()
        header.setSectionResizeMode(UNLIKE, QHeaderView.ResizeMode.Stretch)
        for column, width in ((RUN, 140), (WHEN, 124), (FIELDS, 46), (KIND, 130)):
            self.list.setColumnWidth(column, width)
        charts = QScrollArea()
        charts.setWidgetResizable(True)
        charts.setMinimumWidth(CHART_PX)
        charts.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        charts.setWidget(self.chart)
        left = QWidget()
        inside = QVBoxLayout(left)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.list, 1)
        inside.addWidget(self.reason)
        body = QSplitter(Qt.Orientation.Horizontal)
        body.addWidget(left)
        body.addWidget(charts)
        for side in (0, 1):  # the letters of a chart can be read at that width
            body.setStretchFactor(side, 1)
        body.setSizes([CHART_PX, CHART_PX])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(side_by_side(self.title, self.save_button, stretch=0))
        layout.addWidget(self.said)
        layout.addWidget(self.failure)
        layout.addWidget(body, 1)

    def _draw(self) -> None:
        controller, view = self.controller, self.controller.view
        self.failure.show_failure(controller.failure)
        say(self.said, controller.said)
        waits = "" if controller.failure is not None else WORKING
        say(self.title, waits if view is None else _describe(view))
        enable_unless("" if view is not None else "There is no chart yet", self.save_button)
        if view is not self._view:
            self._view = view
            self.table.show(() if view is None else view.runs)
            self.list.setColumnHidden(KIND, view is None or len(view.charts) < 2)
            if self.table.runs:
                self.list.selectRow(0)
        self._show_run()

    def _show_run(self) -> None:
        row, view = self.list.currentIndex().row(), self.controller.view
        judged = self.table.runs[row] if 0 <= row < len(self.table.runs) else None
        say(self.reason, "" if judged is None else " ".join((*judged.sentences, judged.drift.unseen)).strip())
        picture = QPixmap()
        if judged is not None and view is not None:
            picture.loadFromData(view.charts.get(judged.drift.run.kind, b""))
        self.chart.show_pixmap(None if picture.isNull() else picture)


def _describe(view: DriftView) -> str:
    """Return how many runs there are, and how many of them are unlike earlier ones or unknown to their model."""
    moved = sum(bool(run.sentences) for run in view.runs)
    runs = f"{format_number(len(view.runs))} run{'s' * (len(view.runs) != 1)}"
    few = (
        "" if len(view.runs) > FEWEST_RUNS else f"; a run is judged once {FEWEST_RUNS} of its kind are there before it"
    )
    return f"{runs} in {view.root.name}, {format_number(moved)} unlike earlier ones or what the model knows{few}"
