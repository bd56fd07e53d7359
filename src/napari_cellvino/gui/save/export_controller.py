"""Files for other programs, the correction report and the plot, made of the saved results on the thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.errors import ReplaceError
from napari_cellvino.formats.export import REVIEWED_ONLY, ExportChoices, describe, export_fields
from napari_cellvino.gui.save.save_controller import SaveController
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.annotated_fields import Unreadable, read_fields, result_folders
from napari_cellvino.results.plot_measures import PlotOffer
from napari_cellvino.workflows.correction_report import write_report
from napari_cellvino.workflows.group_plots import plot_offer, write_plot

FOLDER_NAME = "exported"  # folder beside the results, with one for each format


@dataclass(frozen=True, slots=True)
class Made:
    """What was written last, in words, and the file or folder."""

    words: str
    path: Path


class ExportController(QObject):
    """One piece of work at a time, on all results in the folder of the saver."""

    changed = Signal()

    def __init__(self, saver: SaveController, worker: SerialWorker) -> None:
        super().__init__()
        self._saver, self._worker = saver, worker
        self.working = ""  # what is being written
        self.made: Made | None = None
        self.plot: Path | None = None
        self.offer: PlotOffer | None = None  # what the saved results can be plotted by, once that is read
        self._looked_in: Path | None = None  # the result at whose first save the offer was read
        self.failure: Failure | None = None
        self.replace: Callable[[], None] | None = None  # write over what stands there, when asked
        saver.changed.connect(self._forget)

    @property
    def results(self) -> Path:
        """The folder of saved results."""
        return Path(self._saver.folder).expanduser()

    @property
    def ready(self) -> bool:
        """Whether the result shown is saved: what is written is what is seen."""
        return self._saver.saved is not None and not self.working

    def export(self, kind: str, *, overwrite: bool = False) -> None:
        """Write all saved results in a format."""
        results = self.results
        self._start(
            f"writing {kind}",
            lambda: _export(results, kind, overwrite=overwrite),
            again=None if overwrite else lambda: self.export(kind, overwrite=True),
        )

    def report(self, *, overwrite: bool = False) -> None:
        """Write the correction report of all saved results: what the model found against what became of it."""
        results = self.results
        self._start(
            "writing the report",
            lambda: _report(results, overwrite=overwrite),
            again=None if overwrite else lambda: self.report(overwrite=True),
        )

    def draw(self, of: str, by: str) -> None:
        """Draw a measure of all saved results by a group; both by their names in the offer."""
        results = self.results
        self._start("drawing", lambda: _draw(results, of, by))

    def _start(self, what: str, work: Callable[[], Made], *, again: Callable[[], None] | None = None) -> None:
        self.working, self.failure, self.made, self.replace = what, None, None, None
        self.changed.emit()
        task = Task(done=self._done, failed=lambda error: self._fail(error, again))
        self._saver.settle(partial(self._worker.start, work, task), self._stop)

    def _stop(self) -> None:
        """Hear that what was corrected could not be saved; the saver says why."""
        self.working = ""
        self.changed.emit()

    def _done(self, made: Made) -> None:
        self.working, self.made = "", made
        self.plot = made.path if made.path.suffix == ".png" else self.plot
        self.changed.emit()

    def _fail(self, error: BaseException, again: Callable[[], None] | None) -> None:
        self.working, self.failure = "", failure_of(error)
        self.replace = again if isinstance(error, ReplaceError) else None
        self.changed.emit()

    def _forget(self) -> None:
        """Show nothing of results as they were before."""
        self.made, self.plot, self.failure, self.replace = None, None, None, None
        saved, before = self._saver.saved, self._looked_in
        self._looked_in = saved
        if saved is None:
            self.offer = None
        self.changed.emit()
        if saved is not None and saved != before:  # what is corrected changes no columns
            results = self.results
            self._worker.start(lambda: plot_offer(results), Task(done=self._take, failed=lambda e: self._fail(e, None)))

    def _take(self, offer: PlotOffer) -> None:
        if self._saver.saved is not None:
            self.offer = offer
            self.changed.emit()


def _export(results: Path, kind: str, *, overwrite: bool) -> Made:
    unreadable: list[Unreadable] = []
    choices = ExportChoices((kind,), results / FOLDER_NAME, overwrite, REVIEWED_ONLY)
    done = export_fields(read_fields(result_folders(results), {}, unreadable), choices)[kind]
    return Made(describe([done]) + _lost(unreadable), done.folder)


def _lost(unreadable: Sequence[Unreadable]) -> str:
    return "".join(f"\n{one.folder.name}: left out: {one.error}" for one in unreadable)


def _report(results: Path, *, overwrite: bool) -> Made:
    done = write_report(results, overwrite=overwrite)
    report = done.report
    totals, fields = report.totals(), len(report.fields)
    words = (
        f"{format_count(fields, 'field')} reviewed: {totals['model']:,} cells found, {totals['corrected']:,} after "
        f"correction; F1 of the model {report.accuracy.f1_50:.2f}"
    )
    return Made(words + _lost(done.left_out), done.path)


def _draw(results: Path, of: str, by: str) -> Made:
    done = write_plot(results, of, by)
    return Made(f"{done.labels.title}: {done.labels.lines[0]}" + _lost(done.unreadable), done.path)
