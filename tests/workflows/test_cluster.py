"""The same fields on a cluster: equal results, files that lie elsewhere there, and what dies on the way."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.results.schema import ResultKey, field_row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows import cluster as cluster_module
from napari_cellvino.workflows.cluster import ClusterExecutor, cluster_client
from napari_cellvino.workflows.field_events import NO_WORKER
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask
from napari_cellvino.workflows.job_queue import job_queue
from napari_cellvino.workflows.path_map import PathMap
from napari_cellvino.workflows.run_folder import run_folder

distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
dask = pytest.importorskip("dask", reason="the extra 'cluster' is not installed")
NOWHERE = PathMap()


@pytest.fixture
def threads_cluster():
    """A cluster in threads of this process: one worker with one slot."""
    made = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    )
    with made as cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield cluster, client


def field_tree(root) -> dict[str, bytes]:
    files = (p for p in sorted(root.rglob("*")) if p.is_file() and p.parent != root)
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def test_paths_are_mapped_there_and_back():
    paths = PathMap.parse(["/mnt/lab=Z:", "/mnt/lab2=/data"])
    assert paths.there("/mnt/lab/plate 1/a.tif") == "Z:/plate 1/a.tif"
    assert paths.there("/mnt/lab2/a.tif") == "/data/a.tif"
    assert paths.there("/mnt/laboratory/a.tif") == "/mnt/laboratory/a.tif"
    assert paths.here("Z:\\plate 1\\a.tif") == "/mnt/lab/plate 1/a.tif"
    with pytest.raises(OptionError, match="no pair"):
        PathMap.parse(["/mnt/lab"])


@pytest.mark.parametrize("where", ["local:0", "nowhere.yaml", "host:8786"])
def test_cluster_that_cannot_be_is_refused(where):
    with pytest.raises(OptionError, match=where), cluster_client(where):
        pass


def test_file_of_no_job_queue_is_refused(tmp_path):
    file = tmp_path / "queue.yaml"
    file.write_text("slurm: {cores: 8}", encoding="utf-8")
    with pytest.raises(OptionError, match="jobqueue"), cluster_client(str(file)):
        pass


def test_cluster_writes_the_same_bytes_from_files_that_lie_elsewhere(threads_cluster, images, job, tmp_path):
    _, client = threads_cluster
    pair, named = np.stack([tifffile.imread(images[0])[:64, :64]] * 2), images[0].with_name("named.ome.tif")
    tifffile.imwrite(named, pair, metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}})
    images = [named, *images[1:]]
    here, there = replace(job, root=tmp_path / "here"), replace(job, root=tmp_path / "results")
    finish(run_folder(images, here.pipeline, here.root, here.engines))
    shutil.copytree(images[0].parent, tmp_path / "mounted" / "images", copy_function=shutil.copy2)
    (tmp_path / "mounted" / "results").mkdir()
    paths = PathMap(((str(tmp_path / "images"), str(tmp_path / "mounted" / "images")),))

    def on_cluster(worker):
        return ClusterExecutor(client, worker, paths)

    done = finish(run_folder(images, there.pipeline, there.root, there.engines, executor=on_cluster))
    assert [o.row["status"] for o in done.outcomes] == ["done"] * 3
    assert field_tree(here.root) == field_tree(there.root)
    assert "channel DAPI is taken for nuclei, by its name" in done.remarks[0]
    assert ResultStore(there.root).summary(there.root / "named").notices == "", "which is no doubt"
    assert all(o.kept for o in finish(run_folder(images, there.pipeline, there.root, there.engines)).outcomes)


@dataclass
class OneWorker:
    """What a client of dask shows of a cluster of one worker, which fields may end: all that wait there are blamed."""

    deadly: tuple[int, ...] = ()
    lost_after: int = 1_000  # fields, before the scheduler goes
    waiting: list[Promised] = field(default_factory=list)
    done: int = 0
    deaths: int = 0
    most: int = 0  # tasks that waited at once
    status: str = "running"

    def nthreads(self):
        return {"tcp://worker": 1}

    def submit(self, run, task, paths, threads, *, pure):
        assert not pure
        self.waiting.append(Promised(self, task))
        self.most = max(self.most, len(self.waiting))
        return self.waiting[-1]

    def cancel(self, futures):
        self.waiting = [other for other in self.waiting if other not in futures]

    def work(self):
        if self.done == self.lost_after:
            self.status = "closed"
            raise distributed.CancelledError("the scheduler went")
        if self.waiting[0].task.number in self.deadly:
            self.deaths += 1
            for blamed in self.waiting:
                blamed.error = distributed.KilledWorker(blamed.task.name, None, 2)
            self.waiting = []
            return
        first = self.waiting.pop(0)
        self.done += 1
        first.outcome = FieldOutcome(first.task.number, field_row(first.task.origin, first.task.name, "done"))


@dataclass(eq=False)
class Promised:
    """A future of dask; the worker works while it is waited for."""

    cluster: OneWorker
    task: FieldTask
    outcome: FieldOutcome | None = None
    error: Exception | None = None

    def done(self):
        return self.outcome is not None or self.error is not None

    def exception(self, timeout):
        while not self.done():
            self.cluster.work()
        return self.error

    def result(self, timeout):
        if self.exception(timeout) is not None:
            raise self.error
        return self.outcome


def some_tasks(count: int) -> Iterator[FieldTask]:
    recipe = Recipe(model="nuclei")
    for number in range(1, count + 1):
        origin = Origin(f"/images/{number}.tif", "")
        key = ResultKey.of(origin, recipe)
        yield FieldTask(number, f"field {number}", origin, recipe, Path(f"/results/{number}"), key)


@pytest.mark.parametrize("deadly", [(), (3,), (1, 2, 9), (6,)])
def test_only_a_field_that_ends_workers_fails_with_them(deadly):
    cluster = OneWorker(deadly)
    executor = ClusterExecutor(cluster, None, NOWHERE)
    outcomes = [news for news in executor.run(some_tasks(9)) if isinstance(news, FieldOutcome)]
    assert [o.number for o in outcomes] == [*range(1, 10)]
    assert [o.number for o in outcomes if o.failed] == [*deadly]
    assert all("ended all" in o.row["error"] and f"field {o.number}" in o.row["error"] for o in outcomes if o.failed)
    assert cluster.deaths <= 2 * len(deadly)


def test_where_the_scheduler_goes_this_computer_does_the_rest(images, job):
    def on_cluster(worker):
        return ClusterExecutor(OneWorker(lost_after=0), worker, NOWHERE)

    done = finish(run_folder(images, job.pipeline, job.root, job.engines, executor=on_cluster))
    assert [o.row["status"] for o in done.outcomes] == ["done"] * 3
    assert all((job.root / str(o.row["folder"]) / "annotation.json").is_file() for o in done.outcomes)


class Job:
    """A job of a queue, which refuses those of the partition "nope"."""

    def __init__(self, queue):
        self.queue = queue

    def __await__(self):
        if self.queue == "nope":
            raise RuntimeError("Command exited with non-zero exit code.\nstderr:\nsbatch: invalid partition\n\n")
        yield from ()


class SLURMCluster:
    """What dask-jobqueue has of a cluster of Slurm, as far as it is asked for."""

    def __init__(self):
        self.choices, self.workers, self.is_closed = dask.config.get("jobqueue.slurm"), {}, False

    def scale(self, workers):
        self.workers = {number: Job(self.choices["queue"]) for number in range(workers)}

    def sync(self, work, cluster):
        asyncio.run(work(cluster))

    def __await__(self):
        yield from ()

    def close(self):
        self.is_closed = True


@pytest.fixture
def queue_file(tmp_path, monkeypatch):
    """Return a function that writes a file of dask-jobqueue, whose package is imitated."""
    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=SLURMCluster))
    defaults = {"slurm": dict.fromkeys(("cores", "memory", "queue", "job-cpu", "walltime"))}

    def write(text: str) -> Path:
        (tmp_path / "queue.yaml").write_text(text, encoding="utf-8")
        return tmp_path / "queue.yaml"

    with dask.config.set(jobqueue=defaults):
        yield write


@pytest.mark.parametrize(("more", "threads"), [("", 1), (", job_cpu: 8", 4)])
def test_file_of_a_queue_says_how_many_jobs_there_are_and_the_threads_of_each_field(queue_file, more, threads):
    file = queue_file(f"workers: 3\njobqueue:\n  slurm: {{cores: 2, memory: 2GB{more}}}")
    cluster, found = job_queue(file)
    assert (len(cluster.workers), found, cluster.choices["memory"]) == (3, threads, "2GB")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobqueue: {slurm: {cores: 2, memory: 2GB, queue: nope}}", "are not taken: sbatch: invalid partition$"),
        ("jobqueue: {slurm: {cors: 2, memory: 2GB}}", "knows no 'cors' of slurm; there are cores, job-cpu, memory"),
        ("jobqueue: {slurm: {memory: 2GB}}", "needs a number of cores"),
        ("jobqueue: {slurm: {cores: many, memory: 2GB}}", "needs a number of cores"),
        ("jobqueue: {slurms: {cores: 2}}", "knows slurm"),
        ("workers: 0\njobqueue: {slurm: {cores: 2, memory: 2GB}}", "0 workers"),
        ("worker: 3\njobqueue: {slurm: {cores: 2, memory: 2GB}}", "'worker', which nothing reads"),
    ],
)
def test_file_of_a_queue_that_cannot_be_used_is_refused(queue_file, text, said):
    with pytest.raises(OptionError, match=said):
        job_queue(queue_file(text))


def test_tasks_are_given_to_workers_that_come_later(monkeypatch):
    monkeypatch.setattr(cluster_module, "WAITING_EVERY_S", 0.0)
    monkeypatch.setattr(cluster_module, "SLOTS_EVERY_S", 0.0)
    cluster = OneWorker()
    there = iter([{}, {}, {"a": 1}])
    monkeypatch.setattr(cluster, "nthreads", lambda: next(there, {"a": 1, "b": 4}))
    news = list(ClusterExecutor(cluster, None, NOWHERE).run(some_tasks(30)))
    told = [event.progress.noun for event in news if not isinstance(event, FieldOutcome)]
    assert told[:3] == ["fields", NO_WORKER, NO_WORKER]
    assert told.count(NO_WORKER) == 2
    assert cluster.most == 20, "four for each of the five slots"
    assert sum(isinstance(event, FieldOutcome) for event in news) == 30
