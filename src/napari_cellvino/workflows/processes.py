"""An executor of tasks in several processes, each with its own engines: one field runs whole in one of them.

Python computes in one thread of a process at a time, and about half of a field's time is Python's; several processes
keep all cores at work. Tasks carry paths and hashes and no pixels, so that sending one costs less than a millisecond.

A process that ends in the middle of a field (killed for its memory, a fault in a driver) takes nothing with it: fields
that were in hand are run again, each in a process of its own, and a field that ends that one as well has failed.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import parent_process
from types import TracebackType
from typing import Self

from napari_cellvino.core.errors import WorkerLostError
from napari_cellvino.core.memory import keep_memory
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.threads import import_ahead
from napari_cellvino.engines.provider import EngineProvider, limit_threads
from napari_cellvino.workflows.executor import NEEDED_LATER, RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, FieldTask, failed_outcome
from napari_cellvino.workflows.process_start import collect_seldom, process_context
from napari_cellvino.workflows.run_field import FieldWorker, run_field

AHEAD = 3  # tasks that wait for each process, so that none is idle behind one that takes long


class ProcessPool:
    """Processes that run fields, kept over several runs; they start with the first field.

    Parameters
    ----------
    workers
        How many.
    threads
        Threads that networks on the processor use in each.
    """

    def __init__(self, workers: int, threads: int = 1) -> None:
        self.workers, self._threads = workers, threads
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def executor(self, worker: FieldWorker) -> ProcessesExecutor:
        """Return an executor of a run's tasks; the ``worker`` of this process runs none, and has the results."""
        return ProcessesExecutor(self, worker)

    def submit(self, task: FieldTask) -> Future[FieldOutcome]:
        """Begin a task as soon as a process is free."""
        try:
            return self._started().submit(run_in_process, task)
        except BrokenProcessPool:
            self.close()
            return self._started().submit(run_in_process, task)

    def run_alone(self, task: FieldTask) -> FieldOutcome:
        """Return the outcome of a task in a process that runs nothing else; one that ends it has failed."""
        with ProcessPool(1, self._threads) as alone:
            try:
                return alone.submit(task).result()
            except BrokenProcessPool:
                return failed_outcome(task.number, task.origin, _lost(task), task.place)

    def close(self) -> None:
        """End the processes; fields in hand are finished first."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Threads of numpy's own would wait for a core that another process works on.
            os.environ.setdefault("OPENBLAS_NUM_THREADS", str(self._threads))
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=process_context(), initializer=_begin, initargs=(self._threads,)
            )
            import_ahead(*NEEDED_LATER)
        return self._pool


@dataclass(frozen=True, slots=True)
class _Begun:
    """A task and what becomes of it; without a task the outcome was known."""

    future: Future[FieldOutcome]
    task: FieldTask | None = None


class ProcessesExecutor:
    """Runs every field whole in a process of a pool; what it writes is known to the ``worker`` of this process."""

    def __init__(self, pool: ProcessPool, worker: FieldWorker) -> None:
        self._pool, self._worker = pool, worker

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[RunEvent, None, None]:
        """Yield progress and outcomes; see `Executor`."""
        begun: deque[_Begun] = deque()
        most = self._pool.workers * (1 + AHEAD)
        try:
            for task in tasks:
                if isinstance(task, FieldOutcome) and not begun:
                    yield task
                    continue
                begun.append(self._begin(task))
                if isinstance(task, FieldTask):
                    yield FieldProgress(task.number, task.name, Progress("fields", 0, 1))
                while begun and (len(begun) >= most or begun[0].future.done()):
                    yield from self._end(begun.popleft())
            while begun:
                yield from self._end(begun.popleft())
        finally:
            for left in begun:
                left.future.cancel()
            for left in begun:  # what was begun is on disk before the tables are written
                if not left.future.cancelled():
                    left.future.exception()

    def _begin(self, task: FieldTask | FieldOutcome) -> _Begun:
        if isinstance(task, FieldTask):
            return _Begun(self._pool.submit(task), task)
        future: Future[FieldOutcome] = Future()
        future.set_result(task)
        return _Begun(future)

    def _end(self, begun: _Begun) -> Generator[RunEvent, None, None]:
        """Yield the outcome of a task, once it is there."""
        try:
            outcome = begun.future.result()
            if begun.task is not None and outcome.written is not None:
                self._worker.store(begun.task).take(begun.task.folder, outcome.written)
            yield replace(outcome, written=None)
        except BrokenProcessPool:
            if begun.task is None:
                raise
            yield self._pool.run_alone(begun.task)


def run_in_process(task: FieldTask) -> FieldOutcome:
    """Return the outcome of a task, run in this process, and what is known of its result."""
    worker = _process_worker()
    outcome = finish(run_field(task, worker))
    return outcome if outcome.failed else replace(outcome, written=worker.store(task).known(task.folder))


@lru_cache(maxsize=1)
def _process_worker() -> FieldWorker:
    """Return what this process runs its tasks with: engines, models and files stay open from field to field."""
    return FieldWorker(EngineProvider())


def _begin(threads: int) -> None:
    """Set a new process up: few threads, the end with that of the run, and Ctrl+C left to the run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_threads(threads)
    collect_seldom()
    keep_memory()


def _end_with_parent() -> None:
    """End this process when the one that started it was killed; fields appear whole or not at all."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _lost(task: FieldTask) -> WorkerLostError:
    return WorkerLostError(
        f"the process that ran {task.name} ended in the middle of it, twice; the system may have ended it for the "
        "memory it took: close other programs, or use a computer with more, and run it again"
    )
