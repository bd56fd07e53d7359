"""The same tasks give the same results inline, in threads and in another process."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from executors import InlineExecutor, run_field_alone
from plate_images import write_plate

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.engine import EngineConnectionError
from napari_cellvino.io.plates import open_plate
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.results.schema import parse_content
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.common_size import FilmSizes
from napari_cellvino.workflows.executor import LateExecutor, ThreadsExecutor
from napari_cellvino.workflows.field_listing import list_fields
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask, PlateAddress, failed_outcome
from napari_cellvino.workflows.processes import ProcessPool, run_in_process
from napari_cellvino.workflows.run_field import FieldWorker
from napari_cellvino.workflows.run_folder import folder_tasks, run_folder
from napari_cellvino.workflows.run_plate import plate_tasks

Tree = dict[str, bytes]


def tree(root) -> Tree:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def field_tree(root) -> Tree:
    return {name: content for name, content in tree(root).items() if "/" in name}


def tasks_of(images, job) -> list[FieldTask]:
    recipe = job.pipeline.recipe
    fields = ((origin, stack, recipe) for origin, stack in list_fields(images, recipe))
    return list(folder_tasks(fields, job.pipeline, ResultStore(job.root), FilmSizes(job.pipeline, job.engines)))


def outcomes(executor, tasks) -> list[FieldOutcome]:
    return [news for news in executor.run(tasks) if isinstance(news, FieldOutcome)]


def test_tasks_hold_no_pixels_and_are_the_same_after_a_journey(images, job, tmp_path, wells):
    source = open_plate(write_plate(tmp_path / "p", wells, ("A01",)))
    address = PlateAddress(source.path)
    of_plate = plate_tasks(source, source.plate.fields, job.pipeline, job.root, PlateChoices(), address)
    for task in [*tasks_of(images, job), *of_plate]:
        packed = pickle.dumps(task)
        assert len(packed) < 5_000
        assert pickle.loads(packed) == task


def test_inline_and_threads_write_the_same_bytes(images, job):
    inline, threads = replace(job, root=job.root / "inline"), replace(job, root=job.root / "threads")
    for one, kind in ((inline, InlineExecutor), (threads, ThreadsExecutor)):
        finish(run_folder(images, one.pipeline, one.root, one.engines, executor=kind))
    assert field_tree(inline.root) == field_tree(threads.root)
    assert tree(inline.root)["counts.csv"] == tree(threads.root)["counts.csv"]


def test_another_process_gives_the_same_bytes(images, job):
    here, there = replace(job, root=job.root / "here"), replace(job, root=job.root / "there")
    done_here = outcomes(InlineExecutor(FieldWorker(here.engines)), tasks_of(images[:2], here))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        done_there = list(pool.map(run_field_alone, tasks_of(images[:2], there)))
    assert [o.row for o in done_there] == [o.row for o in done_here]
    assert not any(o.failed for o in done_there)
    assert field_tree(here.root) == field_tree(there.root)


def test_a_field_of_a_plate_is_done_in_another_process_too(job, tmp_path, wells):
    source = open_plate(write_plate(tmp_path / "p", wells, ("A01",)))
    pipeline = job.pipeline.with_choices(channel="2")
    address = PlateAddress(source.path)
    tasks = plate_tasks(source, source.plate.fields, pipeline, job.root, PlateChoices(ring_px=4), address)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(run_field_alone, tasks))
    assert [(o.failed, o.row["well"], o.row["folder"]) for o in done] == [
        (False, "A01", "A01_f1"),
        (False, "A01", "A01_f2"),
    ]
    assert all("ring_ratio_channel_1" in o.row for o in done)


def test_several_processes_write_the_same_bytes_in_the_same_order(images, job):
    one, two = replace(job, root=job.root / "one"), replace(job, root=job.root / "two")
    alone = finish(run_folder(images, one.pipeline, one.root, one.engines))
    with ProcessPool(2) as pool:
        together = finish(run_folder(images, two.pipeline, two.root, two.engines, executor=pool.executor))
        again = finish(run_folder(images, two.pipeline, two.root, two.engines, executor=pool.executor))
    assert [o.row for o in together.outcomes] == [o.row for o in alone.outcomes]
    assert field_tree(one.root) == field_tree(two.root)
    assert tree(one.root)["counts.csv"] == tree(two.root)["counts.csv"]
    assert all(o.kept for o in again.outcomes)


def test_what_processes_have_written_is_not_read_again(images, job, monkeypatch):
    read = []

    def parse(path):
        content = parse_content(path)  # fails where there is no result yet
        read.append(path)
        return content

    monkeypatch.setattr("napari_cellvino.results.field_folder.parse_content", parse)
    with ProcessPool(2) as pool:
        done = finish(run_folder(images, job.pipeline, job.root, job.engines, executor=pool.executor))
    assert read == []
    assert (job.root / "summary.html").is_file()
    fresh = ResultStore(job.root)
    assert [dict(o.row) for o in done.outcomes] == [fresh.row(job.root / str(o.row["folder"])) for o in done.outcomes]
    assert len(read) == len(images)


def test_the_process_that_gives_fields_out_imports_nothing_that_segments(images, job):
    code = f"""
import sys
sys.path[:] = {sys.path!r}
from napari_cellvino.cli import main
if __name__ == "__main__":
    main(["run", *{[str(path) for path in images]!r}, "--out", {str(job.root)!r}, "--workers", "2", "--device", "CPU"])
    print(*(name for name in ("openvino", "scipy.spatial", "scipy.ndimage") if name in sys.modules))
"""
    script = job.root.parent / "run.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert "2 processes" in done.stderr
    assert done.stdout.split() == []


def end_at_field_2(task: FieldTask) -> FieldOutcome:
    """Run a field, but end the whole process at the second one, as a fault in a driver would."""
    if task.number == 2:
        os._exit(9)
    return run_in_process(task)


def test_field_that_ends_its_process_fails_alone(images, job, monkeypatch):
    monkeypatch.setattr("napari_cellvino.workflows.processes.run_in_process", end_at_field_2)
    with ProcessPool(2) as pool:
        done = outcomes(pool.executor(FieldWorker(job.engines)), tasks_of(images, job))
    assert [(o.number, o.failed) for o in done] == [(1, False), (2, True), (3, False)]
    assert "ended in the middle of it" in str(done[1].row["error"])


@pytest.mark.parametrize("kind", [InlineExecutor, ThreadsExecutor])
def test_outcomes_keep_the_order_of_the_tasks(images, job, kind):
    unreadable = failed_outcome(2, Origin("/gone.tif"), ImageReadError("it is gone"))
    first, second, third = tasks_of(images, job)
    mixed = [first, unreadable, replace(second, number=3), replace(third, number=4)]
    done = outcomes(kind(FieldWorker(job.engines)), mixed)
    assert [(o.number, o.failed) for o in done] == [(1, False), (2, True), (3, False), (4, False)]


def test_a_late_executor_is_made_with_the_first_field_that_has_to_be_run(images, job):
    made: list[InlineExecutor] = []

    def make() -> InlineExecutor:
        made.append(InlineExecutor(FieldWorker(job.engines)))
        return made[-1]

    gone = [failed_outcome(n, Origin("/gone.tif"), ImageReadError("it is gone")) for n in (1, 2, 4)]
    assert [o.number for o in outcomes(LateExecutor(make), gone)] == [1, 2, 4]
    assert made == []
    first, second, _ = tasks_of(images, job)
    mixed = [*gone[:2], replace(first, number=3), gone[2], replace(second, number=5)]
    done = outcomes(LateExecutor(make), mixed)
    assert [(o.number, o.failed) for o in done] == [(1, True), (2, True), (3, False), (4, True), (5, False)]
    assert len(made) == 1


def test_fields_that_take_much_memory_wait_for_those_before(images, job, monkeypatch):
    monkeypatch.setattr("napari_cellvino.workflows.executor.MAX_PENDING_BYTES", 1)
    order: list[str] = []
    executor = ThreadsExecutor(FieldWorker(job.engines))

    def watched(tasks):
        for task in tasks:
            order.append(f"start {task.number}")
            yield task

    for news in executor.run(watched(tasks_of(images, job))):
        if isinstance(news, FieldOutcome):
            order.append(f"end {news.number}")
    assert order == [f"{what} {n}" for n in (1, 2, 3) for what in ("start", "end")]


def test_a_model_of_another_version_is_not_taken(images, job):
    (task,) = tasks_of(images[:1], job)
    stale = replace(task, recipe=task.recipe.model_copy(update={"model_sha256": "0" * 64}))
    (done,) = outcomes(InlineExecutor(FieldWorker(job.engines)), [stale])
    assert done.failed
    assert "0" * 12 in str(done.row["error"])
    assert not task.folder.exists()


def test_labels_do_not_depend_on_where_they_were_made(images, job):
    from napari_cellvino.io.label_tiff import read_labels

    done = outcomes(InlineExecutor(FieldWorker(job.engines)), tasks_of(images[:1], job))
    labels, _ = read_labels(job.root / "field 1" / "labels.tif")
    assert len(np.unique(labels)) - 1 == done[0].row["count"]


@pytest.mark.parametrize("kind", [InlineExecutor, ThreadsExecutor])
def test_a_server_that_goes_ends_the_run_and_what_was_found_before_is_kept(images, job, engine, kind):
    loads = []

    def gone(step, tile):
        loads.extend([tile] * (step == "infer"))
        if len(loads) > 2:
            raise EngineConnectionError("bench-2 does not answer")

    engine.fault = gone
    running = run_folder(images, job.pipeline, job.root, job.engines, executor=kind)
    with pytest.raises(EngineConnectionError, match="bench-2"):
        finish(running)
    engine.fault = None
    done = finish(run_folder(images, job.pipeline, job.root, job.engines, executor=kind))
    assert [outcome.kept for outcome in done.outcomes[:3]] == [True, True, False]
    assert not done.failed
