"""Executors of the tasks of a run, with measuring and writing in threads beside the network.

All executors yield outcomes in the order of the tasks, so that tables do not depend on timing. Executors for other
processes or computers can take the same tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from typing import Protocol

from napari_cellvino.core.threads import import_ahead
from napari_cellvino.engines.engine import EngineConnectionError
from napari_cellvino.segmentation.volume import StackMaps
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, FieldTask
from napari_cellvino.workflows.run_field import FieldWorker, SegmentedField, segment_field, write_result

WRITERS = 2  # threads that measure and write; more threads gain nothing
MAX_PENDING = 4  # fields held in memory at once
MAX_PENDING_BYTES = 300_000_000  # and their total memory
NEEDED_LATER = ("pandas", "jinja2")  # for tables and pages, imported while the first field is in the network
TO_DECODE = ("scipy.spatial",)  # before them

RunEvent = FieldProgress | FieldOutcome


class Executor(Protocol):
    """Executes tasks; outcomes among them, of unreadable fields, are passed on."""

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[RunEvent, None, None]:
        """Yield progress and the outcome of every task, in order. Closing the generator stops the run.

        Raises
        ------
        InferenceCancelledError
            If the network was cancelled.
        EngineConnectionError
            If the server that runs the network went.
        """
        ...


ExecutorMaker = Callable[[FieldWorker], Executor]
"""Makes the executor of a run; the worker has the engines, files and results of this process."""


class LateExecutor:
    """Makes the executor when the first task has to be executed: to choose one takes longer than to see what is done.

    Outcomes before that are passed on.
    """

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make = make

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[RunEvent, None, None]:
        """Yield progress and outcomes; see `Executor`."""
        coming = iter(tasks)
        for task in coming:
            if isinstance(task, FieldTask):
                yield from self._make().run(chain([task], coming))
                return
            yield task


class ThreadsExecutor:
    """Runs the network in the caller's thread, while other threads measure and write the previous fields.

    Both take about the same time. If pending fields take too much memory, they are written before the next one is read.
    """

    def __init__(self, worker: FieldWorker) -> None:
        self._worker, self._imports = worker, False

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[RunEvent, None, None]:
        """Yield progress and outcomes; see `Executor`."""
        pending: deque[tuple[Future[FieldOutcome], int]] = deque()
        writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="cellvino-write")
        try:
            for task in tasks:
                if isinstance(task, FieldOutcome) and not pending:
                    yield task
                    continue
                try:
                    pending.append((yield from self._start(task, writers)))
                except EngineConnectionError:
                    yield from (done.result() for done, _ in pending)  # what was found before is kept
                    raise
                while pending and (_queue_full(pending) or pending[0][0].done()):
                    yield pending.popleft()[0].result()
            while pending:
                yield pending.popleft()[0].result()
        finally:
            writers.shutdown(cancel_futures=True)

    def _start(
        self, task: FieldTask | FieldOutcome, writers: ThreadPoolExecutor
    ) -> Generator[FieldProgress, None, tuple[Future[FieldOutcome], int]]:
        """Run the network on a field and return the future of its outcome, and the memory held in bytes."""
        if isinstance(task, FieldOutcome):
            return _completed(task), 0
        found = yield from self._importing(segment_field(task, self._worker))
        if isinstance(found, FieldOutcome):
            return _completed(found), 0
        if _reads_again(found):
            return _completed(write_result(found, self._worker)), 0
        return writers.submit(write_result, found, self._worker), found.nbytes

    def _importing(
        self, running: Generator[FieldProgress, None, SegmentedField | FieldOutcome]
    ) -> Generator[FieldProgress, None, SegmentedField | FieldOutcome]:
        """Run on, and import what is needed later once the first field is read: before, both would wait for Python."""
        with closing(running):
            while True:
                try:
                    item = next(running)
                except StopIteration as ended:
                    found: SegmentedField | FieldOutcome = ended.value
                    return found
                if not self._imports and item.progress.done >= item.progress.total:
                    self._imports = True
                    import_ahead(*TO_DECODE, *NEEDED_LATER)
                yield item


def _reads_again(found: SegmentedField) -> bool:
    """Return whether measuring reads the image again, which only the reading thread may do."""
    return isinstance(found.prediction.raw, StackMaps)


def _queue_full(pending: Iterable[tuple[Future[FieldOutcome], int]]) -> bool:
    sizes = [size for _, size in pending]
    return len(sizes) >= MAX_PENDING or sum(sizes) > MAX_PENDING_BYTES


def _completed(done: FieldOutcome) -> Future[FieldOutcome]:
    future: Future[FieldOutcome] = Future()
    future.set_result(done)
    return future
