"""How the tasks of a run are worked on: one after the other, or with measuring and writing beside the network.

Whichever it is, outcomes come in the order of the tasks, so that no table depends on what was finished first. Other
processes and computers are executors too: they take the same tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from napari_cellvino.segmentation.volume import StackMaps
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, FieldTask
from napari_cellvino.workflows.run_field import FieldWorker, FoundField, find_cells, run_field, write_result

WRITERS = 2  # threads that measure and write; more only wait for each other
WAITING = 4  # fields whose pixels are held at once
WAITING_BYTES = 300_000_000  # and the memory that they may take together

News = FieldProgress | FieldOutcome


class Executor(Protocol):
    """Does tasks, or passes on outcomes of fields that never became one."""

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[News, None, None]:
        """Yield progress and the outcome of every task, in their order. Closing the generator stops the work.

        Raises
        ------
        InferenceCancelledError
            If the network was stopped from elsewhere.
        """
        ...


class InlineExecutor:
    """Does one field after the other in the caller's thread."""

    def __init__(self, worker: FieldWorker) -> None:
        self._worker = worker

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[News, None, None]:
        """Yield progress and outcomes; see `Executor`."""
        for task in tasks:
            yield task if isinstance(task, FieldOutcome) else (yield from run_field(task, self._worker))


class ThreadsExecutor:
    """Runs the network in the caller's thread, and measures and writes the fields before in threads of their own.

    Both take about as long; fields that would hold too much memory are written before the next one is read.
    """

    def __init__(self, worker: FieldWorker) -> None:
        self._worker = worker

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[News, None, None]:
        """Yield progress and outcomes; see `Executor`."""
        pending: deque[tuple[Future[FieldOutcome], int]] = deque()
        writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="cellvino-write")
        try:
            for task in tasks:
                pending.append((yield from self._start(task, writers)))
                while pending and (_too_many(pending) or pending[0][0].done()):
                    yield pending.popleft()[0].result()
            while pending:
                yield pending.popleft()[0].result()
        finally:
            writers.shutdown(cancel_futures=True)

    def _start(
        self, task: FieldTask | FieldOutcome, writers: ThreadPoolExecutor
    ) -> Generator[FieldProgress, None, tuple[Future[FieldOutcome], int]]:
        """Run the network on a field and return its end, which is awaited later, and the memory it holds."""
        if isinstance(task, FieldOutcome):
            return _settled(task), 0
        found = yield from find_cells(task, self._worker)
        if isinstance(found, FieldOutcome):
            return _settled(found), 0
        if _reads_again(found):
            return _settled(write_result(found, self._worker)), 0
        return writers.submit(write_result, found, self._worker), found.nbytes


def _reads_again(found: FoundField) -> bool:
    """Return whether measuring reads the image once more: readers are for one thread."""
    return isinstance(found.prediction.raw, StackMaps)


def _too_many(pending: Iterable[tuple[Future[FieldOutcome], int]]) -> bool:
    sizes = [size for _, size in pending]
    return len(sizes) >= WAITING or sum(sizes) > WAITING_BYTES


def _settled(done: FieldOutcome) -> Future[FieldOutcome]:
    future: Future[FieldOutcome] = Future()
    future.set_result(done)
    return future
