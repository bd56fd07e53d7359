"""Files for other programs, the correction report and the plot, made of the saved results on the thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_cellvino.core.errors import ReplaceError
from napari_cellvino.formats.export import REVIEWED_ONLY, ExportChoices, describe, export_fields
from napari_cellvino.gui.save.save_controller import SaveController
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.formatting import format_count, format_number
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.correction_report import F1_UNKNOWN
from napari_cellvino.results.exported_fields import UnreadableField, read_fields
from napari_cellvino.results.plot_measures import PlotOffer
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.correction_report import write_report
from napari_cellvino.workflows.group_plots import plot_offer, write_plot

NOT_YET = "Save a result first: this is made of the results in the folder."
SEARCHING = "Looking for saved results …"
FOLDER_NAME = "exported"  # folder beside the results, with one for each format


@dataclass(frozen=True, slots=True)
class WrittenOutput:
    """What was written last, in words, and the file or folder."""

    summary: str
    path: Path


class ExportController(OneTask):
    """One piece of work at a time, on all results in the folder of the saver."""

    def __init__(self, saver: SaveController, worker: SerialWorker, reader: SerialWorker) -> None:
        super().__init__()
        self._saver, self._worker, self._reader = saver, worker, reader
        self.made: WrittenOutput | None = None
        self.plot: Path | None = None
        self.offer: PlotOffer | None = None  # what the saved results can be plotted by, once that is read
        self.searching = False  # whether saved results are being looked for
        self._looked_at: tuple[str, Path | None] = ("", None)  # folder and saved result when they were looked for last
        self._search = Task()
        self.replace: Callable[[], None] | None = None  # write over what stands there, when asked
        saver.changed.connect(self._saver_changed)

    @property
    def results(self) -> Path:
        """The folder of saved results."""
        return Path(self._saver.folder).expanduser()

    @property
    def ready(self) -> bool:
        """Whether there are saved results, and nothing is being made of them."""
        return self.offer is not None and not (self.searching or self.working or self._saver.saving)

    @property
    def missing(self) -> str:
        """Why nothing can be made now, in words."""
        failed = self.failure.message if self.failure is not None else ""
        return self.working or (SEARCHING if self.searching else failed or NOT_YET)

    @property
    def lacks_shown(self) -> bool:
        """Whether the result shown is not among the saved ones."""
        return self.ready and self._saver.result_shown and self._saver.saved is None

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

    def look(self) -> None:
        """Look again at what stands in the folder: a run has put results there."""
        self._look(moved=False)
        self.changed.emit()

    def _start(self, what: str, work: Callable[[], WrittenOutput], *, again: Callable[[], None] | None = None) -> None:
        self.working, self.failure, self.made, self.replace = what, None, None, None
        self.changed.emit()
        task = Task(done=self._done, failed=lambda error: self._fail_or_offer(error, again))
        self._saver.when_saved(partial(self._worker.start, work, task), self._stop)  # the Save panel says why

    def _done(self, made: WrittenOutput) -> None:
        self.working, self.made = "", made
        self.plot = made.path if made.path.suffix == ".png" else self.plot
        self.changed.emit()

    def _fail_or_offer(self, error: BaseException, again: Callable[[], None] | None) -> None:
        """Say what went wrong; where something else stands there, offer to write over it."""
        self.replace = again if isinstance(error, ReplaceError) else None
        self._fail(error)

    def _saver_changed(self) -> None:
        """Clear what was made of earlier results; look again where another result was saved, or elsewhere."""
        self.made, self.plot, self.failure, self.replace = None, None, None, None
        now = self._saver.folder, self._saver.saved
        if now != self._looked_at:  # a correction changes no columns
            self._look(moved=now[0] != self._looked_at[0])
            self._looked_at = now
        self.changed.emit()

    def _look(self, *, moved: bool) -> None:
        self._search.stop()
        self.searching, results = bool(self._saver.folder), self.results
        if moved:
            self.offer = None
        if self.searching:
            self._search = Task(done=self._found, failed=self._search_failed)
            self._reader.start(lambda: _offer_of(results), self._search)

    def _found(self, offer: PlotOffer | None) -> None:
        self.searching, self.offer = False, offer
        self.changed.emit()

    def _search_failed(self, error: BaseException) -> None:
        self.searching, self.failure = False, failure_of(error)
        self.changed.emit()


def _offer_of(results: Path) -> PlotOffer | None:
    """Return what the results in a folder can be plotted by, None where there are none."""
    return plot_offer(results) if results.is_dir() and ResultStore(results).find_folders() else None


def _export(results: Path, kind: str, *, overwrite: bool) -> WrittenOutput:
    unreadable: list[UnreadableField] = []
    choices = ExportChoices((kind,), results / FOLDER_NAME, overwrite, REVIEWED_ONLY)
    done = export_fields(read_fields(ResultStore.open(results).folders(), {}, unreadable), choices)[kind]
    return WrittenOutput(describe([done]) + _lost(unreadable), done.folder)


def _lost(unreadable: Sequence[UnreadableField]) -> str:
    return "".join(f"\n{one.folder.name}: left out: {one.error}" for one in unreadable)


def _report(results: Path, *, overwrite: bool) -> WrittenOutput:
    done = write_report(results, overwrite=overwrite)
    report = done.report
    totals, fields = report.totals(), format_count(len(report.fields), "field")
    found, corrected = format_number(totals["model"]), format_number(totals["corrected"])
    summary = f"{fields}: {found} cells found, {corrected} after correction. "
    summary += str(report.f1 or F1_UNKNOWN)
    return WrittenOutput(summary + _lost(done.left_out), done.path)


def _draw(results: Path, of: str, by: str) -> WrittenOutput:
    done = write_plot(results, of, by)
    return WrittenOutput(f"{done.labels.title}: {done.labels.lines[0]}" + _lost(done.unreadable), done.path)
