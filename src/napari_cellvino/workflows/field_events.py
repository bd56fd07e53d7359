"""The events of the fields of a run: what stands is told, what another run does awaited, what may pass retried."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain

from napari_cellvino.core.errors import RunEndedError
from napari_cellvino.core.progress import Progress
from napari_cellvino.workflows.executor import Executor, RunEvent
from napari_cellvino.workflows.field_log import FieldLog, FieldSelection
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, FieldTask
from napari_cellvino.workflows.run_field import FieldWorker, kept_outcome

WAITING_EVERY_S = 0.3  # at fields that another run does, and at whether a pause has ended
PAUSED = "paused, until 'cellvino jobs resume'"
NO_WORKER = "waiting for a worker of the cluster"
HELD_UP = (PAUSED, NO_WORKER)  # said in a log, too


def field_events(
    tasks: Iterable[FieldTask | FieldOutcome],
    executor: Executor,
    log: FieldLog,
    worker: FieldWorker,
    selection: FieldSelection,
) -> Generator[RunEvent, None, None]:
    """Yield progress and one outcome for every field that is chosen.

    Fields that another run does come last, once they are done there. A field whose cause of failure may be gone is
    tried again at the end, after a while that doubles; what cannot pass is not.

    Raises
    ------
    InferenceCancelledError
        If the network was cancelled.
    RunEndedError
        If another process ended the run.
    """
    failed: list[FieldTask] = []
    attempts = selection.retries
    yield from _whole(log.chosen(tasks), executor, log, worker, failed if attempts else None)
    while log.held:
        yield FieldProgress(log.held[0].number, log.held[0].name, Progress("fields of another run", 0, len(log.held)))
        time.sleep(WAITING_EVERY_S)
        held, log.held = log.held, []
        yield from _whole(held, executor, log, worker, failed if attempts else None)
    wait_s = selection.wait_s
    while failed:
        attempts -= 1
        yield FieldProgress(failed[0].number, failed[0].name, Progress("fields tried again", 0, len(failed)))
        time.sleep(wait_s)
        again, failed, wait_s = failed, [], 2 * wait_s
        yield from _whole(again, executor, log, worker, failed if attempts > 0 else None)


def _whole(
    tasks: Iterable[FieldTask | FieldOutcome],
    executor: Executor,
    log: FieldLog,
    worker: FieldWorker,
    failed: list[FieldTask] | None,
) -> Generator[RunEvent, None, None]:
    """Yield the events of all tasks, as `_pass`; while the run is paused, what was begun is finished and told."""
    left = iter(tasks)
    while True:
        yield from _pass(left, executor, log, worker, failed)
        if log.halted_at is None:
            return
        first, log.halted_at = log.halted_at, None
        left = chain([first], left)
        while log.orders.halted:
            if log.orders.ended:
                raise RunEndedError(
                    "the run was ended by 'cellvino jobs cancel' or in the window; what is done is kept, and the same "
                    "command goes on where it was"
                )
            yield FieldProgress(first.number, first.name, Progress(PAUSED, 0, 1))
            time.sleep(WAITING_EVERY_S)


def _pass(
    tasks: Iterable[FieldTask | FieldOutcome],
    executor: Executor,
    log: FieldLog,
    worker: FieldWorker,
    failed: list[FieldTask] | None,
) -> Generator[RunEvent, None, None]:
    """Yield the events of tasks; those whose failure may pass go to ``failed``, where there is a next attempt."""
    begun: dict[int, FieldTask] = {}
    with closing(executor.run(_begun(tasks, log, worker, begun))) as events:
        for event in events:
            if isinstance(event, FieldOutcome):
                log.end(event)
                task = begun.pop(event.number, None)
                if failed is not None and task is not None and event.failed and event.can_pass:
                    failed.append(task)
                    continue
            yield event


def _begun(
    tasks: Iterable[FieldTask | FieldOutcome], log: FieldLog, worker: FieldWorker, begun: dict[int, FieldTask]
) -> Iterator[FieldTask | FieldOutcome]:
    """Yield the outcomes of what stands already, and the tasks that are this run's to do, until the run is halted."""
    for task in tasks:
        if log.orders.halted:
            log.halted_at = task
            return
        known = task if isinstance(task, FieldOutcome) else kept_outcome(task, worker)
        if known is not None:
            yield known
        elif isinstance(task, FieldTask) and log.begin(task):
            begun[task.number] = task
            yield task
