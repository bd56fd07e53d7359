"""What it costs to give tasks out: fields without work, on a cluster that has nothing else to do."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.results.schema import ResultKey, field_row
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord
from napari_cellvino.storage.ledger_file import this_worker
from napari_cellvino.workflows.cluster import ClusterExecutor
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask
from napari_cellvino.workflows.path_map import PathMap
from napari_cellvino.workflows.run_field import FieldWorker

FIELDS = 100_000
GOAL_MS = 3.0


def no_work(task: FieldTask, paths: PathMap, threads: int) -> FieldOutcome:
    return FieldOutcome(task.number, field_row(task.origin, task.folder.name, "done") | {"count": 1})


def measure_cluster(fields: int = FIELDS) -> list[Figure]:
    """Return what a field costs the scheduler, this process and the ledger together, and what memory grows by."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise NotMeasuredError("the extra 'cluster' is not installed") from error
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
        ExitStack() as held,
    ):
        executor = ClusterExecutor(client, FieldWorker(EngineProvider()), PathMap(), 1, run=no_work)
        started, ended, memory = time.process_time(), 0, 0
        ledger = held.enter_context(_ledger(Path(folder)))
        for event in executor.run(_begun(_tasks(fields, Path(folder)), ledger)):
            if isinstance(event, FieldOutcome):
                ledger.end(str(event.row["folder"]), state="done", cells=1)
            ended += isinstance(event, FieldOutcome)
            if ended == fields // 10 and not memory:
                memory = psutil.Process().memory_info().rss
        each = (time.process_time() - started) / fields * 1000
        grown = (psutil.Process().memory_info().rss - memory) / 1e6
    return [
        Figure("giving a field out, of the processor", each, "ms CPU", GOAL_MS),
        Figure("memory from the first tenth to the end", grown, "MB", 100.0),
    ]


@contextmanager
def _ledger(root: Path) -> Iterator[FieldLedger]:
    ledger = FieldLedger(root)
    with ledger.kept_open():
        yield ledger


def _begun(tasks: Iterator[FieldTask], ledger: FieldLedger) -> Iterator[FieldTask]:
    worker = this_worker()
    for task in tasks:
        ledger.begin(FieldRecord(task.folder.name, worker=worker), time.time())
        yield task


def _tasks(count: int, root: Path) -> Iterator[FieldTask]:
    recipe, key = Recipe(), ResultKey("/images/1.tif", "", 0, 0, "")
    for number in range(1, count + 1):
        origin = Origin(f"/images/{number}.tif")
        yield FieldTask(number, origin.name, origin, recipe, root / origin.name, key)
