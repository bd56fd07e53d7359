"""Run the recipe over fields of the work list on a thread of its own; the list takes what they give as it comes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.gui.worklist.work_list_controller import WorkListController
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_folder import run_listed
from napari_cellvino.workflows.run_progress import RunProgress
from napari_cellvino.workflows.work_list import FieldId, field_id
from napari_cellvino.workflows.workspace import Workspace

DRAW_EVERY_MS = 150  # fields that are kept come in by the hundred


@dataclass(slots=True)
class ListRun:
    """One run: its fields in order, and what has become of them so far."""

    ids: tuple[FieldId, ...]
    progress: RunProgress
    share: float = 0.0  # of the field under way
    notices: tuple[str, ...] = ()
    ended: set[FieldId] = field(default_factory=set)

    @property
    def now(self) -> FieldId | None:
        """The field under way."""
        return self.ids[self.progress.number - 1] if self.progress.now else None


class ListRunController(QObject):
    """The run over the work list of one window; panels draw it when `changed` says so."""

    changed = Signal()
    ended = Signal()  # a run, however

    def __init__(self, workspace: Workspace, work_list: WorkListController, worker: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._list, self._worker = workspace, work_list, worker
        self._engines = EngineProvider()  # apart from those of the Run panel, which may be used meanwhile
        self.last: ListRun | None = None
        self.running = False
        self.stopped = False  # whether the last run was, before its end
        self.failure: Failure | None = None
        self._task = Task()
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(DRAW_EVERY_MS)
        self._delay.timeout.connect(self.changed)
        work_list.opened.connect(self._forget)

    @property
    def under_way(self) -> ListRun | None:
        """The run that is under way."""
        return self.last if self.running else None

    def run(self, numbers: Iterable[int], *, replace: bool = False) -> None:
        """Start a run over fields, by their numbers from 0; with ``replace`` over results made with other choices."""
        work_list, root = self._list, self._list.root
        origins = [work_list.fields[number].origin for number in numbers]
        if self.running or root is None or self._workspace.package is None or not origins:
            return
        run = ListRun(tuple(map(field_id, origins)), RunProgress(len(origins)))
        pipeline, overrides = self._workspace.pipeline(), dict(work_list.overrides)
        self.last, self.running, self.stopped, self.failure = run, True, False, None
        self._task = Task(
            done=lambda done: self._end(run, done),
            failed=lambda error: self._fail(run, error),
            stopped=lambda: self._stop(run),
            progressed=lambda event: self._take(run, event),
        )
        self._worker.start(
            lambda: run_listed(origins, pipeline, root, self._engines, replace=replace, overrides=overrides),
            self._task,
        )
        self.changed.emit()

    def cancel(self) -> None:
        """Stop the run, even inside the network; fields that are finished stay."""
        if self.running:
            self._task.stop()
            self._engines.cancel()

    def close(self) -> None:
        """Stop all work and let go of the network."""
        self.cancel()
        self._delay.stop()
        self._task, self.last = Task(), None
        self._engines.close()

    def _take(self, run: ListRun, event: RunEvent) -> None:
        run.progress.take(event)
        if isinstance(event, FieldOutcome):
            run.ended.add(run.ids[event.number - 1])
            self._list.take(event.row)
        else:
            run.share = event.progress.done / max(event.progress.total, 1)
        if not self._delay.isActive():
            self._delay.start()

    def _end(self, run: ListRun, done: RunResult) -> None:
        several = dict.fromkeys(notice for o in done.outcomes if not o.failed for notice in o.notices)
        run.notices = (*several, *done.notices)
        self._rest(run)

    def _stop(self, run: ListRun) -> None:
        self.stopped = True
        self._rest(run)

    def _fail(self, run: ListRun, error: BaseException) -> None:
        self.failure = failure_of(error)
        self._rest(run)

    def _rest(self, run: ListRun) -> None:
        self.running = False
        run.progress.end()
        self._delay.stop()
        self._list.refresh()
        self.changed.emit()
        self.ended.emit()

    def _forget(self) -> None:
        """Forget what became of another list; a run that is under way goes on."""
        if not self.running:
            self.last, self.failure = None, None
            self.changed.emit()
