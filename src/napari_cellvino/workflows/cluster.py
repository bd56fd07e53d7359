"""An executor of tasks on a cluster, by dask: each field runs whole on one worker, which writes the result itself.

Tasks carry paths and hashes and never pixels; what comes back is the row of a table. Every worker keeps one set of
engines. A worker that dies is replaced by another, a field that kills several workers has failed alone, and where the
scheduler is lost this computer does the rest: what the workers had finished stands on disk and is kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cellvino.core.errors import OptionError, WorkerLostError
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.engines.provider import EngineProvider, limit_threads
from napari_cellvino.workflows.executor import RunEvent, ThreadsExecutor
from napari_cellvino.workflows.field_events import NO_WORKER, WAITING_EVERY_S
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, FieldTask, failed_outcome
from napari_cellvino.workflows.job_queue import job_queue
from napari_cellvino.workflows.path_map import PathMap
from napari_cellvino.workflows.run_field import FieldWorker, run_field
from napari_cellvino.workflows.sources import OpenSources
from napari_cellvino.workflows.worker_count import usable_cores

if TYPE_CHECKING:
    from distributed import Client, Future

_logger = logging.getLogger(__name__)

AHEAD = 4  # tasks that wait for each slot of the cluster
DEATHS = 2  # of workers, after which a field is not given to another one
# They print where a scheduler or a worker went, or a queue refused a job, which the run tells.
_TALKATIVE = ("distributed", "distributed.client", "asyncio", "tornado.application")
SCHEDULER_EVERY_S = 5.0  # at whether the scheduler is still there
SLOTS_EVERY_S = 5.0  # at how many workers there are

RunTask = Callable[[FieldTask, PathMap, int], FieldOutcome]


def run_on_worker(task: FieldTask, paths: PathMap, threads: int) -> FieldOutcome:
    """Return the outcome of a task, run in this worker; ``threads`` of 0 are its cores, shared by its slots."""
    here = replace(task, folder=Path(paths.there(str(task.folder))))
    return finish(run_field(here, _worker(threading.get_ident(), paths, threads)))


@lru_cache(maxsize=64)
def _worker(thread: int, paths: PathMap, threads: int) -> FieldWorker:
    """Return what a slot of a worker runs its tasks with: open files of its own, engines of all."""
    return FieldWorker(_engines(threads), OpenSources(paths))


@lru_cache(maxsize=1)
def _engines(threads: int) -> EngineProvider:
    from distributed import get_worker

    limit_threads(threads or max(1, usable_cores() // get_worker().state.nthreads))
    return EngineProvider()


@dataclass(frozen=True, slots=True)
class _Begun:
    """A task and what becomes of it, or an outcome that was known."""

    task: FieldTask | FieldOutcome
    future: Future[Any] | None = None


class ClusterExecutor:
    """Runs fields on the workers of a cluster.

    Parameters
    ----------
    client
        The connection to the scheduler.
    worker
        Runs what is left on this computer, where the scheduler is lost.
    paths
        Where files lie there.
    threads
        Of networks on the processor, for each task; 0: the cores of a worker, shared by its slots.
    run
        Runs a task on a worker.
    """

    def __init__(
        self,
        client: Client,
        worker: FieldWorker,
        paths: PathMap,
        threads: int = 0,
        run: RunTask = run_on_worker,
    ) -> None:
        self._client, self._worker, self._paths, self._threads, self._run = client, worker, paths, threads, run
        self.is_lost = False
        self._known_slots, self._asked_at = 0, -SLOTS_EVERY_S

    def run(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Generator[RunEvent, None, None]:
        """Yield progress and outcomes; see `Executor`."""
        begun: deque[_Begun] = deque()
        left = iter(tasks)
        try:
            yield from self._on_cluster(left, begun)
        finally:
            unfinished = [b.future for b in begun if b.future is not None]
            if unfinished and not self.is_lost:
                self._client.cancel(unfinished)
        if self.is_lost:
            yield from self._here([*(b.task for b in begun)], left)

    def _on_cluster(
        self, tasks: Iterator[FieldTask | FieldOutcome], begun: deque[_Begun]
    ) -> Generator[RunEvent, None, None]:
        """Yield the outcomes in order, until all are there or the scheduler is lost; then ``begun`` has the rest."""
        for task in tasks:
            begun.append(self._begin(task))
            if self.is_lost:
                return
            if isinstance(task, FieldTask):
                yield FieldProgress(task.number, task.name, Progress("fields", 0, 1))
                yield from self._until_there(task)
            while begun and (len(begun) >= AHEAD * max(1, self._slots()) or _is_done(begun[0])):
                yield from self._end(begun)
                if self.is_lost:
                    return
        while begun and not self.is_lost:
            yield from self._end(begun)

    def _until_there(self, task: FieldTask) -> Iterator[FieldProgress]:
        """Tell that there is no worker yet: those of a queue come one by one, when their turn is."""
        while not self._slots() and self._client.status == "running":
            yield FieldProgress(task.number, task.name, Progress(NO_WORKER, 0, 1))
            time.sleep(WAITING_EVERY_S)

    def _slots(self) -> int:
        """Return how many tasks run at once; workers come and go, and the scheduler is asked now and then."""
        now = time.monotonic()
        if now - self._asked_at > (SLOTS_EVERY_S if self._known_slots else 0.0):
            with suppress(OSError):  # the scheduler is lost; those who wait for a task find it out
                self._known_slots = int(sum(self._client.nthreads().values()))
            self._asked_at = now
        return self._known_slots

    def _begin(self, task: FieldTask | FieldOutcome) -> _Begun:
        if isinstance(task, FieldOutcome):
            return _Begun(task)
        try:
            return _Begun(task, self._client.submit(self._run, task, self._paths, self._threads, pure=False))
        except Exception:  # dask raises all kinds once its scheduler is gone; any other fault is raised again
            if self._client.status == "running":
                raise
            self.is_lost = True
            return _Begun(task)

    def _end(self, begun: deque[_Begun]) -> Generator[RunEvent, None, None]:
        """Yield the outcome of the first task and take it from ``begun``; it stays where the scheduler is lost."""
        first = begun[0]
        if isinstance(first.task, FieldOutcome) or first.future is None:
            begun.popleft()
            yield from [first.task] if isinstance(first.task, FieldOutcome) else []
            return
        beside = [b.future for b in begun if b.future is not None and b is not first]
        outcome = self._outcome(first.task, first.future, beside)
        if outcome is not None:
            begun.popleft()
            yield outcome

    def _outcome(self, task: FieldTask, future: Future[Any], beside: list[Future[Any]]) -> FieldOutcome | None:
        """Return the outcome of a task, or None where the scheduler is lost.

        Where a worker dies, dask blames every task that waited there. One that it gave up is run once more with nothing
        ``beside`` it, so that the fields fail that end workers, and no others.
        """
        from distributed import KilledWorker

        try:
            return self._awaited(task, future)
        except KilledWorker:
            self._wait_for(beside)
        alone = None if self.is_lost else self._begin(task).future
        if alone is None:
            return None
        try:
            return self._awaited(task, alone)
        except KilledWorker:
            return failed_outcome(task.number, task.origin, _poison(task), task.place, stage="segment")

    def _wait_for(self, futures: list[Future[Any]]) -> None:
        """Wait until tasks are done or given up, or the scheduler is lost."""
        from distributed import CancelledError, TimeoutError

        for future in futures:
            while not self.is_lost and not future.done():
                try:
                    future.exception(timeout=SCHEDULER_EVERY_S)
                except (TimeoutError, CancelledError):
                    self.is_lost = self._client.status != "running"

    def _awaited(self, task: FieldTask, future: Future[Any]) -> FieldOutcome | None:
        """Return the outcome of a task, or None where the scheduler is lost; `KilledWorker` where dask gave it up."""
        from distributed import CancelledError, KilledWorker, TimeoutError
        from distributed.comm import CommClosedError

        while True:
            try:
                done: FieldOutcome = future.result(timeout=SCHEDULER_EVERY_S)
                return done
            except TimeoutError:
                if self._client.status == "running":
                    continue
            except KilledWorker:
                raise
            except (CancelledError, CommClosedError, OSError):
                pass
            except Exception as error:  # of the worker itself: the field reports its own in its outcome
                if self._client.status == "running":
                    return failed_outcome(task.number, task.origin, error, task.place, stage="segment")
            _logger.warning("the scheduler of the cluster is lost; this computer does the rest")
            self.is_lost = True
            return None

    def _here(
        self, begun: list[FieldTask | FieldOutcome], left: Iterator[FieldTask | FieldOutcome]
    ) -> Generator[RunEvent, None, None]:
        def rest() -> Iterator[FieldTask | FieldOutcome]:
            yield from begun
            yield from left

        with closing(ThreadsExecutor(self._worker).run(rest())) as events:
            yield from events


def _is_done(begun: _Begun) -> bool:
    return begun.future is None or bool(begun.future.done())


def _poison(task: FieldTask) -> WorkerLostError:
    return WorkerLostError(
        f"{task.name} ended all {DEATHS + 1} workers that ran it: it may take more memory than a worker has; "
        "run it alone on a computer with more"
    )


@contextmanager
def cluster_client(where: str) -> Iterator[tuple[Client, int]]:
    """Yield a connection to a cluster, and the threads of a task (0: as the worker has).

    Parameters
    ----------
    where
        ``tcp://host:8786`` of a scheduler that runs, ``local:N`` for N processes here, or a YAML file of dask-jobqueue.

    Raises
    ------
    OptionError
        If there is no such cluster, or what is needed for it is not installed.
    """
    try:
        import dask

        dask.config.set(logging=dict.fromkeys(_TALKATIVE, "critical"))
        from distributed import Client
    except ImportError as error:
        raise OptionError(
            "--cluster needs dask.distributed; install it with: pip install 'napari-cellvino[cluster]'"
        ) from error
    with dask.config.set({"distributed.scheduler.allowed-failures": DEATHS}):
        if "://" in where:
            with _connected(Client, where) as client:
                yield client, 0
            return
        name, _, number = where.partition(":")
        if name == "local" and number.isdecimal() and int(number):
            made, threads = _local(int(number)), max(1, usable_cores() // int(number))
        elif Path(where).is_file():
            made, threads = job_queue(Path(where))
        else:
            raise OptionError(f"there is no cluster {where!r}; give tcp://host:8786, local:N or a YAML file")
        with made as cluster, Client(cluster, set_as_default=False) as client:
            yield client, threads


@contextmanager
def _connected(make: Callable[..., Client], address: str) -> Iterator[Client]:
    try:
        client = make(address, set_as_default=False, timeout="15s")
    except (OSError, ValueError) as error:
        raise OptionError(f"no scheduler answers at {address}: {error}; start it with 'dask scheduler'") from error
    with client:
        yield client


def _local(workers: int) -> AbstractContextManager[object]:
    from distributed import LocalCluster

    made: AbstractContextManager[object] = LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
    )
    return made
