"""Batch: the ledger of a folder of results, with what runs, what failed and why, and a look at each field by keys."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QKeySequence, QPainter, QPaintEvent, QPixmap, QShortcut
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_cellvino.gui.batch.batch_controller import BatchController
from napari_cellvino.gui.batch.drift_panel import DriftPanel
from napari_cellvino.gui.batch.field_table import CELLS, FIELD, SECONDS, STATE, TRIES, WHERE, WHY, FieldTable
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import GAP, say, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_number, format_seconds
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo
from napari_cellvino.service.batch_status import BatchField, BatchStatus
from napari_cellvino.storage.field_ledger import FieldState

LEAST_PX, PICTURE_PX, ROW_PX = 170, 200, 22
NOTHING = "Choose a folder that a run, a plate or a watch writes to: what became of each field is shown here."
NO_FIELDS = "no results yet"  # in the folder itself: those of runs may lie in folders below it
JUDGED = (FieldState.DONE, FieldState.ACCEPTED, FieldState.REJECTED)
SHOWN: tuple[Choice[frozenset[FieldState]], ...] = (
    Choice("all fields", frozenset()),
    Choice("not looked at", frozenset({FieldState.DONE})),
    Choice("failed", frozenset({FieldState.FAILED})),
    Choice("running", frozenset({FieldState.RUNNING})),
    Choice("rejected", frozenset({FieldState.REJECTED})),
)


class FittedPicture(QWidget):
    """A picture as large as its place allows, in its own shape."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._pixmap, self._shown = QPixmap(), ("", 0)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumWidth(PICTURE_PX)

    def show_file(self, path: Path | None) -> None:
        """Show a file as it is now, or nothing."""
        shown = ("", 0)
        with suppress(OSError):  # it is being replaced
            shown = ("", 0) if path is None else (str(path), path.stat().st_mtime_ns)
        if shown != self._shown:
            self._shown = shown
            self._pixmap = QPixmap() if path is None else QPixmap(str(path))
            self.update()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is shown."""
        return bool(self._pixmap.isNull())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw it in the middle."""
        if self._pixmap.isNull():
            return
        kept = Qt.AspectRatioMode.KeepAspectRatio
        fitted = self._pixmap.scaled(self.size(), kept, Qt.TransformationMode.SmoothTransformation)
        with QPainter(self) as painter:
            painter.drawPixmap((self.width() - fitted.width()) // 2, (self.height() - fitted.height()) // 2, fitted)


class BatchPanel(QWidget):
    """Shows and drives the ledger of one folder of results."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.controller = session, session.batch
        self.title, self.hint, self.failure = text_line(), text_line("aside", NOTHING), Notice()
        self.title.setProperty("role", "title")
        self.shown = ValueCombo[frozenset[FieldState]](
            SHOWN, name="Fields", tooltip="Which fields are listed", fitted=True
        )
        self.table, self.view = FieldTable(), QTableView()
        self.picture = FittedPicture("Picture to check the field by")
        self.drift = DriftPanel(session.batch.drift)
        self._build_buttons()
        self._set_up_view()
        self._lay_out()
        self._connect()
        self._draw()

    def _build_buttons(self) -> None:
        self.folder_button = _button("Folder…", "Choose a folder of results")
        self.pause_button = _button("Pause", "The watch or the run begins nothing further; what runs goes on")
        self.cancel_button = _button("Cancel", "")
        self.retry_button = _button("Retry failed", "Do again what failed")
        self.rerun_button = _button("Rejected again…", "Do the rejected fields again with another recipe")
        self.drift_button = _button("Drift", "Compare the runs in this folder with each other, by their control charts")
        self.drift_button.setCheckable(True)
        self.accept_button = _button("Accept  A", "The result is right; go to the next")
        self.reject_button = _button("Reject  R", "The result is wrong; go to the next")
        self.next_button = _button("Next  N", "Go to the next field")

    def _set_up_view(self) -> None:
        self.view.setModel(self.table)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.view.setAccessibleName("Fields of the batch")
        self.view.setTabKeyNavigation(False)
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(WHY, QHeaderView.ResizeMode.Stretch)
        for column, width in ((STATE, 92), (FIELD, 140), (CELLS, 56), (SECONDS, 66), (TRIES, 46), (WHERE, 70)):
            self.view.setColumnWidth(column, width)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP, 4, GAP, GAP)
        layout.setSpacing(4)
        work = (self.pause_button, self.cancel_button, self.retry_button, self.rerun_button, self.drift_button)
        layout.addWidget(side_by_side(self.title, self.folder_button, *work, stretch=0))
        layout.addWidget(self.hint)
        layout.addWidget(self.failure)
        marks = side_by_side(self.shown, self.accept_button, self.reject_button, self.next_button)
        left = QWidget()
        inside = QVBoxLayout(left)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(marks)
        inside.addWidget(self.view, 1)
        self.body = QSplitter(Qt.Orientation.Horizontal)
        self.body.addWidget(left)
        self.body.addWidget(self.picture)
        self.body.setStretchFactor(0, 2)
        self.body.setStretchFactor(1, 1)
        layout.addWidget(self.body, 1)
        layout.addWidget(self.drift, 1)
        self.setMinimumHeight(LEAST_PX)

    def _connect(self) -> None:
        controller = self.controller
        controller.changed.connect(self._draw)
        self.shown.value_changed.connect(self._draw)
        self.view.selectionModel().currentRowChanged.connect(lambda *_: self._show_picture())
        self.folder_button.clicked.connect(self._ask_folder)
        self.pause_button.clicked.connect(lambda: controller.pause(paused=not self._is_paused))
        self.cancel_button.clicked.connect(self._cancel)
        self.retry_button.clicked.connect(controller.retry)
        self.rerun_button.clicked.connect(self._ask_recipe)
        self.drift_button.toggled.connect(self._show_drift)
        self.accept_button.clicked.connect(lambda: self._judge(FieldState.ACCEPTED))
        self.reject_button.clicked.connect(lambda: self._judge(FieldState.REJECTED))
        self.next_button.clicked.connect(self._next)
        for key, act in (("A", self.accept_button), ("R", self.reject_button), ("N", self.next_button)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.setAutoRepeat(False)  # a key that is held would judge field after field, unseen
            shortcut.activated.connect(act.click)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return a height that leaves most of a small screen to the picture."""
        return QSize(900, 300)

    @property
    def current(self) -> BatchField | None:
        """The field that is looked at."""
        row = self.view.currentIndex().row()
        return self.table.fields[row] if 0 <= row < len(self.table.fields) else None

    @property
    def _is_paused(self) -> bool:
        return self.controller.status is not None and self.controller.status.paused

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of results")
        if chosen:
            self.controller.follow(Path(chosen))

    def _show_drift(self) -> None:
        """Compare the runs anew whenever they are shown."""
        if self.drift_button.isChecked() and self.controller.root is not None:
            self.controller.drift.judge(self.controller.root)
        self._draw()

    def _ask_recipe(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Recipe for the rejected fields", "", "Recipe (*.yaml *.yml)")
        if chosen:
            self.controller.rerun(Path(chosen))

    def _cancel(self) -> None:
        if self.controller.running:
            self.controller.cancel()
        else:
            self.controller.cancel_waiting()

    def _judge(self, review: FieldState) -> None:
        rows = {index.row() for index in self.view.selectionModel().selectedRows()}
        chosen = [self.table.fields[row] for row in sorted(rows) if row < len(self.table.fields)]
        if chosen:
            self.controller.judge(chosen, review)
            if len(chosen) == 1:
                self._next()

    def _next(self) -> None:
        """Go to the next field whose result can be judged."""
        here = self.view.currentIndex().row()
        rows = range(here + 1, len(self.table.fields))
        found = next((row for row in rows if self.table.fields[row].record.shown_state in JUDGED), None)
        if found is not None:
            self.view.selectRow(found)

    def _show_picture(self) -> None:
        field = self.current
        self.picture.show_file(None if field is None or not field.picture.is_file() else field.picture)
        self._draw_buttons()

    def _draw(self) -> None:
        status, here = self.controller.status, self.current
        self.failure.show_failure(self.controller.failure)
        self.drift.setVisible(status is not None and self.drift_button.isChecked())
        self.body.setVisible(status is not None and not self.drift_button.isChecked())
        enable_unless("" if status is not None else "Choose a folder of results first", self.drift_button)
        say(self.hint, NOTHING if status is None else "")
        say(self.title, "" if status is None else _describe(status, self.controller))
        if status is not None:
            self.table.show(status.fields, self.shown.value())
            row = self.table.row_of(here)
            if row >= 0 and row != self.view.currentIndex().row():
                self.view.setCurrentIndex(self.table.index(row, STATE))
            elif row < 0 and self.table.fields:
                self.view.selectRow(0)
        self._show_picture()  # also of a field that was run again meanwhile
        if self.drift_button.isChecked() and self.controller.root not in (None, self.controller.drift.root):
            self._show_drift()  # another folder is followed

    def _draw_buttons(self) -> None:
        controller, status, field = self.controller, self.controller.status, self.current
        running, watched = controller.running, controller.is_watched
        counts = {} if status is None else status.counts
        self.pause_button.setText("Resume" if self._is_paused else "Pause")
        self.pause_button.setVisible(watched or controller.is_filled)
        open_jobs = watched and status is not None and status.open_jobs > 0
        self.cancel_button.setVisible(running or open_jobs or (not watched and controller.is_filled))
        self.cancel_button.setToolTip(
            "Cancel what waits; what runs goes on" if open_jobs else "Stop the run; fields that are done stay"
        )
        busy = "A run is going on" if running else ""
        enable_unless(busy or ("" if counts.get(FieldState.FAILED) else "Nothing failed"), self.retry_button)
        enable_unless(busy or ("" if counts.get(FieldState.REJECTED) else "No field is rejected"), self.rerun_button)
        judged = field is not None and field.record.shown_state in JUDGED
        enable_unless("" if judged else "Choose a field that is done", self.accept_button, self.reject_button)


def _describe(status: BatchStatus, controller: BatchController) -> str:
    """Return how a batch stands: what of it is done, failed, running, and how fast."""
    counts = status.counts
    ended = sum(counts[state] for state in JUDGED)
    done = f"{format_number(ended)} of {format_number(len(status.fields))} fields done" if status.fields else NO_FIELDS
    parts = [f"{status.root.name}: {done}"]
    for state in (FieldState.RUNNING, FieldState.FAILED, FieldState.ACCEPTED, FieldState.REJECTED):
        parts += [f"{format_number(counts[state])} {state.value}"] if counts[state] else []
    pace = status.per_minute(time.time())
    parts += [f"{pace:.3g} a minute"] if pace and (counts[FieldState.RUNNING] or status.open_jobs) else []
    parts += [f"{format_number(status.open_jobs)} inputs wait or run"] if status.open_jobs else []
    parts += ["paused"] if status.paused else []
    run = controller.last
    if controller.running and run is not None:
        parts.append(f"again: {run.progress.ended} of {run.progress.total}")
    elif run is not None and controller.stopped:
        parts.append(f"stopped after {format_seconds(run.progress.seconds)}")
    return " · ".join(parts)


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    return button
