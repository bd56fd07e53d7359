"""The same fields on a cluster: equal results, files that lie elsewhere there, and what dies on the way."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.workflows.cluster import ClusterExecutor, cluster_client
from napari_cellvino.workflows.path_map import PathMap
from napari_cellvino.workflows.run_folder import run_folder

distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
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
    assert all(o.kept for o in finish(run_folder(images, there.pipeline, there.root, there.engines)).outcomes)
