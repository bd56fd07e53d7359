"""One run over many fields on a thread of its own: how it stands, its end, and how it is stopped.

What the runs over a plate and over the work list have in common; each says what it works on and takes what fields give.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from qtpy.QtCore import QObject, Signal

from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.gui.widgets.delay import throttler
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task, Work
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.run_fields import RunResult

DRAW_EVERY_MS = 150  # fields that are kept come in by the hundred


class RunStatus(Protocol):
    """What is known of a run; its notices, and what it only remarks, come with its end."""

    notices: tuple[str, ...]
    remarks: tuple[str, ...]


Run = TypeVar("Run", bound=RunStatus)


class BackgroundRun(QObject, Generic[Run]):
    """At most one run at a time; panels draw it when `changed` says so."""

    changed = Signal()
    ended = Signal()  # a run, however

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker = worker
        self._engines = EngineProvider()  # apart from those of the Run panel, which may be used meanwhile
        self.last: Run | None = None
        self.running = False
        self.stopped = False  # whether the last run was, before its end
        self.failure: Failure | None = None
        self._task = Task()
        self._delay = throttler(self, DRAW_EVERY_MS, self.changed.emit)

    @property
    def under_way(self) -> Run | None:
        """The run that is under way."""
        return self.last if self.running else None

    def cancel(self) -> None:
        """Stop the run, even inside the network; fields that are finished stay."""
        if self.running:
            self._task.stop()
            self._engines.cancel()

    def close(self) -> None:
        """Stop all work and let go of the network."""
        self.cancel()
        self._delay.cancel()
        self._task, self.last = Task(), None
        self._engines.close()

    def _start(self, run: Run, work: Work, take: Callable[[Run, RunEvent], None]) -> None:
        """Begin a run on the thread; ``take`` is given all that it yields."""

        def on_event(event: RunEvent) -> None:
            take(run, event)
            self._delay.throttle()

        self.last, self.running, self.stopped, self.failure = run, True, False, None
        self._task = Task(
            done=lambda done: self._end(run, done),
            failed=lambda error: self._fail(run, error),
            stopped=lambda: self._stop(run),
            progressed=on_event,
        )
        self._worker.start(work, self._task)
        self.changed.emit()

    def _end(self, run: Run, done: RunResult) -> None:
        run.notices = tuple(notice for notice in done.notices if notice not in done.remarks)
        run.remarks = done.remarks
        self._rest(run)

    def _stop(self, run: Run) -> None:
        self.stopped = True
        self._rest(run)

    def _fail(self, run: Run, error: BaseException) -> None:
        self.failure = failure_of(error)
        self._rest(run)

    def _rest(self, run: Run) -> None:
        self.running = False
        self._delay.cancel()
        self._on_rest(run)
        self.changed.emit()
        self.ended.emit()

    def _on_rest(self, run: Run) -> None:
        """Take in that a run is over."""
        raise NotImplementedError

    def _forget_last(self) -> None:
        """Forget the run before; one that is under way goes on."""
        if not self.running:
            self.last, self.failure = None, None
            self.changed.emit()
