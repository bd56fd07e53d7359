"""A batch does what it can, says what it could not, and never does a thing twice or by half."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from executors import InlineExecutor

from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.engine import EngineTileError, InferenceCancelledError
from napari_cellvino.quality.accuracy import match_field, summarise
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage import atomic, input_ledger
from napari_cellvino.workflows import field_events, field_listing, known_inputs, run_folder
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress
from napari_cellvino.workflows.run_folder import list_inputs, run_listed
from napari_cellvino.workflows.work_list import read_work_list

WRITTEN = {"labels.tif", "objects.csv", "qc.png", "annotation.json"}


def ran(files, job, **choices):
    return run_folder.run_folder(files, job.pipeline, job.root, job.engines, overwrite=job.overwrite, **choices)


def finished(files, job, **choices):
    return [news for news in ran(files, job, **choices) if isinstance(news, FieldOutcome)]


def counts(root):
    return pd.read_csv(root / "counts.csv", keep_default_na=False)


def tree(root):
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and p.name not in ("run.json", "ledger.sqlite")
    }


def leftovers(root):
    return [p.name for p in root.rglob(".*")]


# -- which files


def test_results_in_a_folder_of_images_are_no_news_and_alone_are_named(tmp_path):
    (tmp_path / "a").mkdir()
    files = ("counts.csv", "run.json", "recipe.yaml", "ledger.sqlite", "a/annotation.json", "a/labels.tif")
    for name in (*files, "a.corrections", "a.corrections.old-1"):
        (tmp_path / name).touch()
    assert [type(said) for said in run_folder.describe_inputs([tmp_path])] == [str], "only how it is taken"
    assert "holds results of an earlier run and no images" in str(field_listing._no_images(tmp_path))
    (tmp_path / "run.json").unlink()
    assert any("not taken" in said for said in run_folder.describe_inputs([tmp_path])), "of somebody else"


def test_label_image_in_a_folder_is_not_counted_and_one_that_is_named_is(images, job):
    y, x = np.mgrid[:128, :128]
    cells = np.hypot(y % 32 - 16, x % 32 - 16) < 9
    tifffile.imwrite(images[1], (cells * (1 + y // 32 * 4 + x // 32)).astype(np.uint16))
    folder = images[0].parent
    done = finished(images[:2], job, named=[folder])
    assert [outcome.failed for outcome in done] == [False, True]
    assert "looks like a mask or a label image" in str(done[1].row["error"])
    listed = [field.origin for field in read_work_list([folder], ResultStore(job.root))][:2]
    again = finish(run_listed(listed, job.pipeline, job.root, job.engines, named=[folder])).outcomes
    assert [(one.failed, one.row["error"]) for one in again] == [(one.failed, one.row["error"]) for one in done]
    (done,) = finished(images[1:2], job, named=[images[1]])
    assert not done.failed
    assert any("a mask or a label image?" in notice for notice in done.notices)


def test_each_input_is_run_once(images, monkeypatch):
    folder = images[0].parent
    (folder / "notes.txt").touch()
    monkeypatch.chdir(folder)
    again = [images[1], folder, Path("field 1.tif"), folder / ".." / "images" / "field 3.tif"]
    assert list_inputs(again) == [images[1], images[0], images[2]]


def test_of_a_file_and_a_link_to_it_the_file_is_taken(images):
    before = list_inputs([images[0].parent])
    (images[0].parent / "a link.tif").symlink_to(images[1])
    assert list_inputs([images[0].parent]) == before


def test_folder_without_images_stands_for_itself(tmp_path, job):
    (tmp_path / "empty").mkdir()
    (tmp_path / "nested" / "inner").mkdir(parents=True)
    done = finished(list_inputs([tmp_path / "empty", tmp_path / "nested", tmp_path / "missing.tif"]), job)
    reasons = [d.row["error"] for d in done]
    assert "empty holds no images" in reasons[0]
    assert "the folders in it are not searched" in reasons[1]
    assert "there is no file" in reasons[2]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user")
def test_folder_that_may_not_be_read_costs_no_other_input(tmp_path, images, job):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        done = finished(list_inputs([closed, images[0]]), job)
    finally:
        closed.chmod(0o700)
    assert [d.failed for d in done] == [True, False]
    assert "permission" in done[0].row["error"]


# -- one run


def test_broken_file_is_named_and_the_rest_is_done(images, job):
    images[1].write_bytes(images[1].read_bytes()[:300])
    done = finished(images, job)
    assert [d.failed for d in done] == [False, True, False]
    assert [d.number for d in done] == [1, 2, 3]
    table = counts(job.root)
    assert table["status"].tolist() == ["done", "failed", "done"]
    assert table["error"].str.contains("field 2.tif").tolist() == [False, True, False]
    assert table["folder"].tolist() == ["field 1", "", "field 3"]
    assert [int(n) for n in table["count"][[0, 2]]] == [d.row["count"] for d in done if not d.failed]
    assert all(0 < int(n) < 40 for n in table["count"][[0, 2]])
    assert {p.name for p in (job.root / "field 1").iterdir()} == WRITTEN
    assert not (job.root / "field 2").exists()


def test_news_of_a_field_come_before_its_end(images, job, monkeypatch):
    monkeypatch.setattr(atomic, "recover", lambda path: path.parent != job.root or path.suffix or pytest.fail("listed"))
    news = list(ran(images[:1], job))
    assert [n.progress.noun for n in news[:-1]] == ["planes", "tiles"]
    assert all(isinstance(n, FieldProgress) and n.name == "field 1" for n in news[:-1])
    assert news[-1].engine.device == "CPU"


def test_every_position_of_a_file_is_a_field(tmp_path, wells, job):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for well in wells[:2]:
            writer.write(well[:128, :128], metadata={"axes": "YX"})
    done = finished([path], job)
    assert len(done) == len({d.row["folder"] for d in done}) == 2
    assert len({d.row["position"] for d in done}) == 2
    assert all(not d.failed for d in done)


def test_bug_on_one_image_costs_no_other_and_keeps_its_traceback(images, job, engine):
    def stumble(what, _tile):
        if what == "infer" and engine.tiles == 1:
            engine.tiles += 1
            raise ZeroDivisionError("a bug")

    engine.fault = stumble
    done = finished(images, job)
    assert [d.failed for d in done] == [False, True, False]
    assert "unexpected ZeroDivisionError: a bug" in done[1].row["error"]
    assert "in stumble" in done[1].traceback


# -- again


def test_second_run_runs_no_network_and_changes_no_byte(images, job, engine):
    images[2].write_bytes(b"broken")
    first = finished(images, job)
    before, tiles = tree(job.root), engine.tiles
    second = finished(images, job)
    assert engine.tiles == tiles
    assert [d.kept for d in second] == [True, True, False]
    assert [d.row for d in second] == [d.row for d in first]
    assert tree(job.root) == before


def test_files_of_done_fields_are_not_opened_and_no_result_of_other_pixels_is_kept(images, job, wells, monkeypatch):
    looked = []
    monkeypatch.setattr(known_inputs, "SETTLED_NS", 10**15)
    finished(images, job)
    real = known_inputs.load_saved_field
    monkeypatch.setattr(known_inputs, "load_saved_field", lambda *of: looked.append(of[0].name) or real(*of))
    assert all(done.kept for done in finished(images, job))
    assert len(looked) == 3, "they were written just before they were opened: their pixels are compared"
    monkeypatch.setattr(known_inputs, "SETTLED_NS", 0)
    finished(images, job)
    with monkeypatch.context() as here:
        here.setattr(input_ledger, "FEW", 0)  # all that is known is read at once
        assert [done.kept for done in finished(images, job)] == [True] * 3
    with monkeypatch.context() as here:
        here.setattr(run_folder.OpenSources, "image", lambda *_: pytest.fail("a file was opened"))
        here.setattr(field_events, "kept_outcome", lambda *_: pytest.fail("a result was looked at again"))
        kept = finished(images, job)
    assert [(done.kept, done.row["folder"]) for done in kept] == [(True, f"field {n}") for n in (1, 2, 3)]
    looked.clear()
    before = images[0].stat()
    tifffile.imwrite(images[0], wells[4][:128, :128])
    os.utime(images[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert images[0].stat().st_size == before.st_size
    for _ in range(2):  # it is not forgotten either
        done = finished(images, job)
        assert [(d.failed, d.kept) for d in done] == [(True, False), (False, True), (False, True)]
        assert "image that changed since" in str(done[0].row["error"])
    assert looked == ["field 1"] * 2
    assert [done.kept for done in finished(images, job, replace=True)] == [False, True, True]
    assert [done.kept for done in finished(images, job)] == [True] * 3


def test_repaired_image_is_done_beside_those_kept(images, job, wells):
    images[1].write_bytes(b"broken")
    finished(images, job)
    tifffile.imwrite(images[1], wells[4][:128, :128])
    assert [(d.kept, d.failed) for d in finished(images, job)] == [(True, False), (False, False), (True, False)]


def test_changed_recipe_is_refused_before_the_network_runs(images, job, engine):
    finished(images, job)
    before, tiles = tree(job.root), engine.tiles
    changed = job.choosing(channel="1")
    done = finished(images, changed)
    assert engine.tiles == tiles
    assert all("made with other choices" in d.row["error"] for d in done)
    after, told = tree(job.root), ("counts.csv", "summary.html")
    assert {k: v for k, v in after.items() if k not in told} == {k: v for k, v in before.items() if k not in told}
    assert counts(job.root)["status"].tolist() == ["failed"] * 3


def test_changed_recipe_replaces_results_when_asked(images, job):
    finished(images, job)
    stricter = job.choosing(parameters={"confidence": 0.95})
    done = finished(images, replace(stricter, overwrite=True))
    assert not any(d.failed or d.kept for d in done)
    assert "confidence: 0.95" in (job.root / "recipe.yaml").read_text()
    assert counts(job.root)["status"].tolist() == ["done"] * 3


def test_changed_image_is_noticed(images, job, wells):
    finished(images[:1], job)
    tifffile.imwrite(images[0], wells[3][:128, :128])
    assert "from an image that changed since" in finished(images[:1], job)[0].row["error"]
    assert not finished(images[:1], replace(job, overwrite=True))[0].failed


def test_a_film_that_cannot_be_opened_has_one_row(tmp_path, wells, job):
    film = tmp_path / "film.tif"
    tifffile.imwrite(film, np.stack([well[:128, :128] for well in wells[:2]]), imagej=True, metadata={"axes": "TYX"})
    assert [d.row["frame"] for d in finished([film], job.choosing(frame=0))] == [1, 2]
    film.write_bytes(b"broken")
    finished([film], job.choosing(frame=0))
    assert counts(job.root)["status"].tolist() == ["failed"]


def test_result_that_lost_a_file_is_made_again(images, job):
    finished(images[:1], job)
    whole = tree(job.root)
    (job.root / "field 1" / "labels.tif").unlink()
    assert not finished(images[:1], job)[0].kept
    assert tree(job.root) == whole


def test_counts_keep_fields_of_earlier_runs(images, job):
    finished(images[1:], job)
    finished(images[:1], job)
    assert counts(job.root)["folder"].tolist() == ["field 1", "field 2", "field 3"]


# -- ended early


def test_cancelled_run_keeps_and_counts_what_is_finished(images, job):
    running = ran(images, job)
    for news in running:
        if isinstance(news, FieldProgress) and news.number == 2:
            break
    running.close()
    assert counts(job.root)["folder"].tolist() == ["field 1"]
    assert leftovers(job.root) == []
    assert [d.kept for d in finished(images, job)] == [True, False, False]


def test_cancel_inside_the_network_ends_the_run(images, job, engine):
    def cancel(what, _tile):
        if what == "infer" and engine.tiles == 1:
            raise InferenceCancelledError("the run was cancelled")

    engine.fault = cancel
    with pytest.raises(InferenceCancelledError):
        finished(images, job)
    assert counts(job.root)["folder"].tolist() == ["field 1"]


def test_full_disk_leaves_nothing_half_written_and_the_rest_goes_on(images, job, monkeypatch):
    full = []
    real = os.fsync

    def fsync(file):
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    monkeypatch.setattr("napari_cellvino.storage.atomic.os.fsync", fsync)
    done = []
    for news in ran(images, job, executor=InlineExecutor):
        if isinstance(news, FieldOutcome):
            full.clear()
            done.append(news)
        elif news.number == 2:
            full.append(True)
    assert [d.failed for d in done] == [False, True, False]
    assert "the disk is full" in done[1].row["error"]
    assert sorted(p.name for p in job.root.iterdir() if p.is_dir()) == ["field 1", "field 3"]
    assert leftovers(job.root) == []
    monkeypatch.undo()
    assert [d.kept for d in finished(images, job)] == [True, False, True]


# -- too little memory


@pytest.fixture(scope="module")
def large_image(tmp_path_factory) -> Path:
    """The projection of the sample stack, 448 x 512 px: one tile where memory allows."""
    path = tmp_path_factory.mktemp("large") / "nuclei.tif"
    tifffile.imwrite(path, tifffile.imread(shipped_folder("sample_data") / "nuclei_stack.ome.tif").max(0))
    return path


@pytest.mark.parametrize("moment", ["load", "infer"])
@pytest.mark.parametrize("error", [EngineTileError("out of device memory"), MemoryError()])
def test_smaller_tiles_are_used_where_large_ones_do_not_fit(large_image, job, engine, moment, error):
    def limited(what, tile):
        if what == moment and tile > 256:
            raise error

    (free,) = finished([large_image], job)
    engine.fault, engine.loaded = limited, []
    (tight,) = finished([large_image], replace(job, root=job.root.parent / "tight"))
    assert not tight.failed
    assert engine.loaded[-1] <= 256
    (notice,) = tight.notices
    assert "did not run" in notice
    assert f"went on with {engine.loaded[-1]} px" in notice
    assert free.notices == ()
    whole, tiled = (tifffile.imread(root / "nuclei" / "labels.tif") for root in (job.root, job.root.parent / "tight"))
    assert summarise([match_field(whole, tiled)]).f1_50 > 0.97


@pytest.mark.parametrize(
    ("error", "words"), [(EngineTileError("no room"), "no room"), (MemoryError(), "not enough memory")]
)
def test_field_that_fits_on_no_tile_fails_with_its_reason(images, job, engine, error, words):
    def never(_what, _tile):
        raise error

    engine.fault = never
    done = finished(images[:2], job)
    assert all(words in d.row["error"] for d in done)
    engine.fault = None
    assert not any(d.failed for d in finished(images[:2], job))


# -- the same again


def test_results_do_not_depend_on_what_ran_before(images, job, tmp_path):
    finished(images, job)
    alone = replace(job, root=tmp_path / "alone")
    for image in reversed(images):
        finished([image], alone)
    results = [{k: v for k, v in tree(b.root).items() if not k.startswith("counts")} for b in (job, alone)]
    assert results[0] == results[1]


def test_recipe_that_a_run_wrote_is_the_one_it_ran(images, job):
    finished(images[:1], job)
    assert load_recipe(job.root / "recipe.yaml") == job.pipeline.recipe


def test_image_without_cells_is_a_result(tmp_path, job):
    path = tmp_path / "dark.tif"
    tifffile.imwrite(path, np.full((96, 160), 100, np.uint16))
    (done,) = finished([path], job)
    assert done.row["count"] == 0
    assert tifffile.imread(job.root / "dark" / "labels.tif").max() == 0
    assert len((job.root / "dark" / "objects.csv").read_text().splitlines()) == 1


def test_a_field_finished_as_the_run_stops_is_counted(images, job, monkeypatch):
    """Ctrl-C may fall between a field's last write and its row."""
    whole = ResultStore.save

    def save_and_stop(*args, **choices):
        whole(*args, **choices)
        raise KeyboardInterrupt

    monkeypatch.setattr(ResultStore, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        finished(images, job, executor=InlineExecutor)
    assert list(counts(job.root)["status"]) == ["done"]


def test_a_channel_that_its_name_tells_is_a_remark_of_the_run_and_no_doubt(images, tmp_path, job):
    pair, film = np.stack([tifffile.imread(images[0])[:64, :64]] * 2), tmp_path / "named.ome.tif"
    tifffile.imwrite(film, pair, metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}})
    for kept in (False, True):
        result = finish(ran([film, images[0]], job))
        (said,) = result.remarks
        assert "channel DAPI is taken for nuclei, by its name" in said
        assert said in result.notices
        assert result.outcomes[0].kept == kept
    assert ResultStore(job.root).summary(job.root / "named").notices == ""


def test_what_may_make_counts_wrong_stands_in_the_notices_of_the_run_and_beside_the_counts(images, tmp_path, job):
    film = np.stack([np.stack([tifffile.imread(images[0])] * 2)] * 2)
    tifffile.imwrite(tmp_path / "film.tif", film, imagej=True, metadata={"axes": "TCYX"})
    result = finish(ran([images[0], tmp_path / "film.tif"], job))
    said = [notice for notice in result.notices if notice.startswith("film")]
    assert any("time point 1 of 2 was counted" in notice for notice in said)
    assert any("no name of" in notice for notice in said)
    assert result.info["notices"] == list(result.notices)
    plain, doubted = counts(job.root)["notices"]
    assert plain == ""
    assert "no name of" in doubted
    assert "time point" not in doubted, "that is of the run: the same field is one of --frame all"
    (_, kept) = finish(ran([images[0], tmp_path / "film.tif"], job)).outcomes
    assert kept.kept
    assert kept.notices[-1] == doubted
    assert "time point 1 of 2" in kept.notices[0]
