"""A watch over folders that runs as long as the window is open; it is the same as that of the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.formatting import format_number
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.service.rules import RuleBook, load_rules
from napari_cellvino.service.watch import Watch
from napari_cellvino.service.watch_events import Idle, JobEnded, JobQueued, PlannedInput, WatchEvent, WatchPlan
from napari_cellvino.storage.ledger import JobState
from napari_cellvino.workflows.field_task import FieldProgress
from napari_cellvino.workflows.workspace import Workspace

MOST_LINES = 500


class WatchController(QObject):
    """At most one watch; without rules it does what the Run tab has chosen.

    Parameters
    ----------
    workspace
        Gives the choices where there are no rules.
    worker
        The thread that it runs in.
    """

    changed = Signal()
    began = Signal(object)  # Path of the folder of results

    def __init__(self, workspace: Workspace, worker: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._worker = workspace, worker
        self._engines = EngineProvider()
        self._stop, self._task = threading.Event(), Task()
        self.folders: tuple[Path, ...] = ()
        self.root: Path | None = None
        self.rules: Path | None = None
        self.settle_s = 5.0
        self.running = False
        self.now = ""
        self.lines: list[str] = []
        self.planned: tuple[PlannedInput, ...] | None = None
        self.failure: Failure | None = None

    def close(self) -> None:
        """Stop the watch; the field in hand is let go, and done by the next watch."""
        self._stop.set()
        self._task.stop()
        self._engines.cancel()
        self._engines.close()

    def choose(self, **choices: object) -> None:
        """Take other folders, results, rules or seconds; what was planned does not hold any more."""
        for name, value in choices.items():
            setattr(self, name, value)
        self.planned, self.failure = None, None
        self.changed.emit()

    def plan(self) -> WatchPlan:
        """Return what is to be watched.

        Raises
        ------
        OptionError
            If folders or results are not chosen, or the rules cannot be used.
        """
        if not self.folders or self.root is None:
            raise OptionError("choose a folder to watch, and one for the results")
        book = load_rules(self.rules) if self.rules is not None else RuleBook()
        recipe = self._workspace.pipeline().recipe
        return WatchPlan(self.folders, self.root, book, recipe, self.settle_s)

    def look_ahead(self) -> None:
        """Show what each input that is there would get, and why; nothing is run."""
        self._begin(lambda plan: tuple(Watch(plan).planned()), Task(done=self._show_planned, failed=self._fail))

    def start(self) -> None:
        """Begin to watch."""
        self._stop = threading.Event()
        stop = self._stop

        def watch(plan: WatchPlan) -> Generator[WatchEvent, None, None]:
            return Watch(plan).run(stop, self._engines)

        self.lines, self.planned = [], None
        self._begin(watch, Task(done=self._end, failed=self._fail, stopped=self._end, progressed=self._take))
        if self.running:
            self.began.emit(self.root)

    def stop(self) -> None:
        """End the watch after the field in hand."""
        self._stop.set()
        self.now = "stopping after this field …"
        self.changed.emit()

    def _begin(self, work: Callable[[WatchPlan], object], task: Task) -> None:
        self.failure = None
        try:
            plan = self.plan()
        except CellvinoError as error:
            self._fail(error)
            return
        self.running, self.now, self._task = True, "looking at the folders …", task
        self._worker.start(lambda: work(plan), task)
        self.changed.emit()

    def _take(self, event: WatchEvent) -> None:
        said = _said(event)
        if isinstance(event, FieldProgress):
            self.now = event.name
        elif isinstance(event, Idle):
            self.now = f"waits: {event.reason}"
        if said:
            self.lines = [*self.lines[-MOST_LINES:], said]
        self.changed.emit()

    def _show_planned(self, planned: tuple[PlannedInput, ...]) -> None:
        self.planned = planned
        self._end()

    def _end(self, _: object = None) -> None:
        self.running, self.now = False, ""
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        self._end()


def _said(event: WatchEvent) -> str:
    """Return what an event says in the list; empty for progress inside an input."""
    if isinstance(event, Idle):
        return f"waits: {event.reason}"
    if not isinstance(event, (JobQueued, JobEnded)):
        return ""
    name, job = Path(event.job.source).name, event.job
    if isinstance(event, JobQueued):
        return f"{name}: queued by {job.rule or 'the choices of tab 2'}"
    if job.state is JobState.DONE:
        return f"{name}: {format_number(job.cells)} cells in {format_number(job.fields)} field{'s' * (job.fields != 1)}"
    return f"{name}: {'tried again later' if job.state is JobState.WAITING else job.state.value}: {job.error}"
