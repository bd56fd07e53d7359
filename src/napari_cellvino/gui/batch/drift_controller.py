"""Drift in the window: the runs in a folder of results judged by earlier ones, and a chart of each kind of run."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.drift import DRIFT_NAME, JudgedRun, judge_runs, result_folders, write_drift

CHART_DPI = 110


@dataclass(frozen=True, slots=True)
class DriftView:
    """The runs in a folder by time, and for each kind (model, channel, pixel size) its chart as PNG."""

    root: Path
    runs: tuple[JudgedRun, ...] = ()
    charts: Mapping[str, bytes] = field(default_factory=dict)


class DriftController(QObject):
    """Judges the runs in one folder at a time, on a thread.

    Parameters
    ----------
    worker
        Reads results and draws charts.
    """

    changed = Signal()

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker, self._task = worker, Task()
        self.root: Path | None = None
        self.view: DriftView | None = None
        self.failure: Failure | None = None
        self.said = ""  # what was written

    def judge(self, root: Path) -> None:
        """Judge the runs in a folder, at any depth."""
        self._task.stop()
        self.root, self.view, self.failure, self.said = root, None, None, ""
        self._task = Task(done=self._take, failed=self._fail)
        self._worker.start(lambda: judged(root), self._task)
        self.changed.emit()

    def write(self) -> None:
        """Write the table and the chart of all runs into the folder, as the command line does."""
        view = self.view
        if view is None:
            return

        def done(charts: list[str]) -> None:
            self.said = f"{DRIFT_NAME} and {', '.join(charts)} are in {view.root.name}"
            self.changed.emit()

        self._worker.start(lambda: write_drift(view.root, view.runs), Task(done=done, failed=self._fail))

    def close(self) -> None:
        """Take nothing further."""
        self._task.stop()

    def _take(self, view: DriftView) -> None:
        self.view = view
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        self.changed.emit()


def judged(root: Path) -> DriftView:
    """Return the runs in a folder with a chart of each kind.

    Raises
    ------
    ImageReadError
        If it holds no results.
    """
    from napari_cellvino.figures.control_chart import draw_charts
    from napari_cellvino.figures.plot_style import plot_style

    runs = tuple(judge_runs(result_folders([root]), root.absolute()))
    charts = dict[str, bytes]()
    for kind in dict.fromkeys(run.drift.run.kind for run in runs):
        held, picture = [run.drift for run in runs if run.drift.run.kind == kind], io.BytesIO()
        with plot_style():
            draw_charts(held).savefig(picture, format="png", dpi=CHART_DPI)
        charts[kind] = picture.getvalue()
    return DriftView(root, runs, charts)
