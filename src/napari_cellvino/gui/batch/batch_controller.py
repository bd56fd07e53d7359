"""The ledger of a folder of results in the window: read again while it changes, and what a person decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from qtpy.QtCore import QTimer

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.gui.batch.drift_controller import DriftController
from napari_cellvino.gui.run.background_run import BackgroundRun
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.schema import COUNTS_NAME
from napari_cellvino.service.batch_status import (
    BatchField,
    BatchStatus,
    change_jobs,
    judge_fields,
    pause_work,
    read_status,
)
from napari_cellvino.storage.field_ledger import FieldState
from napari_cellvino.storage.ledger import JobState, Ledger
from napari_cellvino.storage.ledger_file import LEDGER_NAME
from napari_cellvino.storage.run_control import RunControl
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.run_again import run_again
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_progress import RunProgress

LOOK_EVERY_MS = 1000
MOST_FOLDERS = 50  # whose files are looked at each time

_Stamp = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class AgainRun:
    """A run over fields that failed or were rejected."""

    progress: RunProgress
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class BatchController(BackgroundRun[AgainRun]):
    """Follows one folder of results; changes of any process are seen within a second or two.

    Parameters
    ----------
    worker
        For runs over fields again.
    tables
        For reading ledgers.
    """

    def __init__(self, worker: SerialWorker, tables: SerialWorker) -> None:
        super().__init__(worker)
        self._tables = tables
        self.drift = DriftController(tables)
        self.root: Path | None = None
        self.status: BatchStatus | None = None
        self._stamp: _Stamp = ()
        self._reading = Task()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look)

    def close(self) -> None:
        """Stop looking and all work."""
        self._timer.stop()
        self._reading.stop()
        self.drift.close()
        super().close()

    def follow(self, root: Path) -> None:
        """Show the ledger of a folder of results from now on."""
        self.root, self.status, self._stamp, self.failure = root, None, (), None
        self._timer.start()
        self.look()

    def look(self) -> None:
        """Read the ledger now."""
        root = self.root
        if root is None:
            return
        self._reading.stop()
        self._stamp = self._now()
        self._reading = Task(done=self._take_status, failed=self._tell)
        self._tables.start(lambda: read_status(root), self._reading)

    def _look(self) -> None:
        if self._now() != self._stamp:
            self.look()

    def _now(self) -> _Stamp:
        """Return size and time of the files of the ledgers, of the first folders of results."""
        folders = {self.root, *(() if self.status is None else (field.folder for field in self.status.fields))}
        return _stamp([folder for folder in folders if folder is not None][:MOST_FOLDERS])

    def _take_status(self, status: BatchStatus) -> None:
        if status.root == self.root:
            self.status = status
            self.changed.emit()

    def _tell(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        self.changed.emit()

    # -- what a person decides

    @property
    def is_watched(self) -> bool:
        """Whether the folder has jobs of a watch, which it runs again itself."""
        return self.status is not None and bool(self.status.jobs)

    def pause(self, *, paused: bool) -> None:
        """Let the watch of the folder, or the runs that fill it, begin nothing further, or go on."""
        self._decide(lambda root: pause_work(root, paused=paused))

    def cancel_waiting(self) -> None:
        """Cancel the jobs of a watch that wait, or end the runs that fill the folder; what runs goes on."""
        if self.is_watched:
            self._decide(lambda root: change_jobs(root, JobState.CANCELLED, [JobState.WAITING]))
        else:
            self._decide(lambda root: RunControl(root).end_runs(time.time()))

    @property
    def is_filled(self) -> bool:
        """Whether a run of any process fills the folder just now, or is paused."""
        status = self.status
        return status is not None and (status.paused or status.counts[FieldState.RUNNING] > 0)

    def judge(self, fields: Sequence[BatchField], review: FieldState) -> None:
        """Accept or reject results."""
        self._decide(lambda _: judge_fields(fields, review))

    def retry(self) -> None:
        """Do again what failed."""
        if self.is_watched:
            self._decide(lambda root: change_jobs(root, JobState.WAITING, [JobState.FAILED], attempts=0))
        else:
            self._run_again(FieldState.FAILED, None)

    def rerun(self, recipe: Path) -> None:
        """Do again with another recipe what was rejected; a watch does the whole inputs again."""
        if self.is_watched:
            self._decide(partial(self._queue_rejected, recipe))
        else:
            self._run_again(FieldState.REJECTED, recipe)

    def _queue_rejected(self, recipe: Path, root: Path) -> None:
        load_recipe(recipe)
        fields = () if self.status is None else self.status.fields
        files = {f.record.file for f in fields if f.record.shown_state is FieldState.REJECTED}
        jobs = [job.source for job in Ledger(root).jobs() if job.source in files or job.state is JobState.REJECTED]
        Ledger(root).update(
            jobs, state=JobState.WAITING, recipe=str(recipe.absolute()), attempts=0, retry_at=0.0, error=""
        )

    def _run_again(self, state: FieldState, recipe: Path | None) -> None:
        root, status = self.root, self.status
        if self.running or root is None or status is None:
            return
        self._start(
            AgainRun(RunProgress(status.counts[state])),
            lambda: _steps(root, state, self._engines, recipe),
            lambda run, event: run.progress.take(event),
        )

    def _decide(self, change: Callable[[Path], object]) -> None:
        """Change the ledger of the folder, and show it."""
        if self.root is None:
            return
        self.failure = None
        try:
            change(self.root)
        except CellvinoError as error:
            self.failure = failure_of(error)
        self.look()
        self.changed.emit()

    def _on_rest(self, run: AgainRun) -> None:
        run.progress.end()
        self.look()


def _steps(
    root: Path, state: FieldState, engines: EngineProvider, recipe: Path | None
) -> Generator[RunEvent, None, RunResult]:
    results = yield from run_again(root, state, engines, None if recipe is None else load_recipe(recipe))
    outcomes, notices, remarks = (
        tuple(chain.from_iterable(parts))
        for parts in zip(*((result.outcomes, result.notices, result.remarks) for result in results), strict=True)
    )
    return RunResult(outcomes, notices, results[-1].info, remarks=remarks)


def _stamp(folders: Sequence[Path]) -> _Stamp:
    found = []
    for folder in sorted(folders):
        for name in (LEDGER_NAME, f"{LEDGER_NAME}-wal", COUNTS_NAME):
            with suppress(OSError):
                stat = (folder / name).stat()
                found.append((stat.st_size, stat.st_mtime_ns))
    return tuple(found)
