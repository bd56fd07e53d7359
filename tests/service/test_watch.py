"""What is written into a watched folder is run once, by its rule, when it is written to its end; nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time

import numpy as np
import pandas as pd
import pytest
import tifffile
from plate_images import write_plate

from napari_cellvino.core.errors import DeviceError, OptionError, OutputError
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.results.store import ResultStore
from napari_cellvino.service.folder_changes import told_of_changes
from napari_cellvino.service.inputs import Input, UnchangedSince, folder_stamp
from napari_cellvino.service.rules import InputKind, Rule, RuleBook
from napari_cellvino.service.summary import write_summary
from napari_cellvino.service.watch import Watch
from napari_cellvino.service.watch_events import Idle, JobEnded, JobQueued, WatchPlan
from napari_cellvino.storage.ledger import JobState
from napari_cellvino.workflows.field_task import FieldOutcome


def ended(events):
    return {e.job.source.rsplit("/", 1)[-1]: e.job for e in events if isinstance(e, JobEnded)}


def fields_of(events):
    return [e for e in events if isinstance(e, FieldOutcome)]


def test_files_are_run_once_and_new_ones_later(make_watch, inbox, crops, run_once):
    (inbox / "day 1").mkdir()
    tifffile.imwrite(inbox / "day 1" / "a.tif", crops[0])
    first = run_once(make_watch())
    assert ended(first)["a.tif"].state is JobState.DONE
    pair = np.stack([crops[1]] * 2)
    tifffile.imwrite(inbox / "b.ome.tif", pair, metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}})
    watch = make_watch()
    second = run_once(watch)
    assert list(ended(second)) == ["b.ome.tif"]
    (field,) = fields_of(second)
    assert "channel DAPI is taken for nuclei, by its name" in field.remarks[0]
    assert ResultStore(watch.plan.root).summary(watch.plan.root / "b").notices == "", "which is no doubt"
    assert (watch.plan.root / "day 1" / "a" / "labels.tif").is_file()
    table = pd.read_csv(watch.plan.root / "jobs.csv")
    assert set(table["state"]) == {"done"}
    page = (watch.plan.root / "summary.html").read_text(encoding="utf-8")
    assert f"{table['cells'].sum():,} cells in 2 fields" in page


def test_file_that_is_still_written_is_not_read():
    settled = UnchangedSince(file_s=5.0, folder_s=60.0)

    def look(size, now):
        return settled.look(Input("f.tif", "f.tif", (size, 0)), now)

    assert look(10, 0.0) == 5.0
    assert look(20, 4.0) == 5.0
    assert look(20, 8.0) == 1.0
    assert look(20, 9.0) == 0.0
    assert settled.look(Input("plate", "plate", (1, 1), folder=True), 0.0) == 60.0


def test_slow_copy_is_read_at_its_end(make_watch, inbox, crops, tmp_path, engines):
    whole = tmp_path / "whole.tif"
    tifffile.imwrite(whole, crops[0])
    data = whole.read_bytes()

    def copy():
        with (inbox / "slow.tif").open("wb", buffering=0) as file:
            for start in range(0, len(data), len(data) // 6):
                file.write(data[start : start + len(data) // 6])
                time.sleep(0.1)

    stop, events = threading.Event(), []
    writer = threading.Thread(target=copy)
    writer.start()
    for event in make_watch(settle_s=0.5).run(stop, engines):
        events.append(event)
        if isinstance(event, JobEnded):
            stop.set()
    writer.join()
    assert ended(events)["slow.tif"].state is JobState.DONE
    assert len(fields_of(events)) == 1


def test_file_that_changed_is_run_again(make_watch, inbox, crops, run_once):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    before = ended(run_once(make_watch()))["a.tif"]
    tifffile.imwrite(inbox / "a.tif", crops[5])
    after = ended(run_once(make_watch()))["a.tif"]
    assert after.state is JobState.DONE
    assert after.digest != before.digest


def test_same_content_is_not_run_twice(make_watch, inbox, crops, run_once):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    run_once(make_watch())
    shutil.copy(inbox / "a.tif", inbox / "copy.tif")
    job = ended(run_once(make_watch()))["copy.tif"]
    assert job.state is JobState.SKIPPED
    assert "a.tif" in job.error


def test_copies_that_come_together_are_run_once(make_watch, inbox, crops, run_once):
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(inbox / name, crops[0])
    events = run_once(make_watch())
    assert len(fields_of(events)) == 1
    assert [(name, job.state.value) for name, job in ended(events).items()] == [("a.tif", "done"), ("b.tif", "skipped")]


def test_name_that_is_no_text_is_passed_over(make_watch, inbox, crops, run_once):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    try:
        (inbox / "a.tif").rename(inbox / os.fsdecode(b"\xff.tif"))
    except OSError:
        pytest.skip("this disk takes names that are text only")
    tifffile.imwrite(inbox / "b.tif", crops[1])
    assert list(ended(run_once(make_watch()))) == ["b.tif"]


def test_recipe_that_cannot_be_used_fails_at_once(make_watch, inbox, crops, run_once, tmp_path):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    run_once(make_watch())
    (tmp_path / "wrong.yaml").write_text("zoom: 3", encoding="utf-8")
    watch, recipe = make_watch(), str(tmp_path / "wrong.yaml")
    watch.ledger.update([str(inbox / "a.tif")], state=JobState.WAITING, recipe=recipe, attempts=0)
    job = ended(run_once(watch))["a.tif"]
    assert (job.state, job.attempts) == (JobState.FAILED, 1)
    assert "zoom" in job.error


def test_device_that_is_not_there_ends_the_watch_and_the_jobs_wait(make_watch, inbox, crops, run_once):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    watch = make_watch(base=Recipe(device="GPU.7"))
    with pytest.raises(DeviceError):
        run_once(watch)
    assert [job.state for job in watch.ledger.jobs()] == [JobState.WAITING]


def test_bad_file_fails_for_good_and_the_others_go_on(make_watch, inbox, crops, run_once):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    (inbox / "bad.tif").write_bytes((inbox / "a.tif").read_bytes()[:100])
    watch = make_watch()
    jobs = ended(run_once(watch))
    assert (jobs["a.tif"].state, jobs["bad.tif"].state) == (JobState.DONE, JobState.FAILED)
    assert jobs["bad.tif"].error
    assert "bad.tif" in (watch.plan.root / "summary.html").read_text(encoding="utf-8")
    tifffile.imwrite(inbox / "later.tif", crops[1])
    run_once(watch)
    table = pd.read_csv(watch.plan.root / "counts.csv")
    assert sorted(zip(table["file"].map(os.path.basename), table["status"], strict=True)) == [
        ("a.tif", "done"), ("bad.tif", "failed"), ("later.tif", "done"),
    ]  # fmt: skip


def test_what_may_pass_is_tried_again_later(make_watch, inbox, crops, monkeypatch, run_once, engines):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    watch = make_watch()
    import napari_cellvino.workflows.run_field as module

    def away(*_, **__):
        raise OSError(112, "Host is down")

    monkeypatch.setattr(module, "predict_field", away)
    stop, events = threading.Event(), []
    for event in watch.run(stop, engines):
        events.append(event)
        if isinstance(event, JobEnded):
            stop.set()
    job = ended(events)["a.tif"]
    assert (job.state, job.attempts) == (JobState.WAITING, 1)
    assert job.retry_at > time.time()
    monkeypatch.undo()
    watch.ledger.update([job.source], retry_at=0.0)
    assert ended(run_once(make_watch()))["a.tif"].state is JobState.DONE


@pytest.mark.parametrize("share_goes", [True, False])
def test_share_that_is_away_is_waited_for_without_end(
    make_watch, inbox, crops, run_once, engines, tmp_path, monkeypatch, share_goes
):
    monkeypatch.setattr("napari_cellvino.service.watch.MOST_ATTEMPTS", 1)
    for number, name in enumerate(("a.tif", "b.tif")):
        tifffile.imwrite(inbox / name, crops[number])
    watch, stop, told = make_watch(), threading.Event(), []
    for event in watch.run(stop, engines):
        if isinstance(event, JobQueued) and (inbox / "a.tif").exists():
            (inbox if share_goes else inbox / "a.tif").rename(tmp_path / "away")
        elif isinstance(event, JobEnded) and event.job.source.endswith("a.tif"):
            assert event.job.state is (JobState.WAITING if share_goes else JobState.FAILED)
            if not share_goes:
                stop.set()
        elif isinstance(event, Idle):
            told.append(event.reason)
            stop.set()
    if share_goes:
        assert f"{inbox}: it cannot be read" in told[0]
        (tmp_path / "away").rename(inbox)
        watch.ledger.update([str(inbox / "a.tif")], retry_at=0.0)
        assert {job.state for job in ended(run_once(make_watch())).values()} == {JobState.DONE}
        assert len(ResultStore(watch.plan.root).find_folders()) == 2


def test_rules_choose_by_path_and_metadata(make_watch, inbox, crops, run_once):
    for name, channels in (("two.ome.tif", ["DNA", "Actin"]), ("one.ome.tif", ["Actin", "x"])):
        pixels = [crops[0], crops[1]]
        tifffile.imwrite(inbox / name, pixels, metadata={"axes": "CYX", "Channel": {"Name": channels}})
    tifffile.imwrite(inbox / "note.tif", crops[2])
    dna = Rule(name="dna", channels=("DNA",), choices={"channel": "DNA"}, out="dna")
    book = RuleBook(
        rules=(dna, Rule(name="rest", match=("*note*",), skip=True), Rule(name="actin", match="*.ome.tif", out="actin"))
    )
    jobs = ended(run_once(make_watch(book)))
    assert {name: job.rule for name, job in jobs.items()} == {"two.ome.tif": "dna", "one.ome.tif": "actin"}


def test_plate_is_one_input(make_watch, inbox, crops, run_once):
    write_plate(inbox / "plate 7", crops)
    watch = make_watch()
    (found,) = watch.folders.list()
    assert found.plate
    job = ended(run_once(watch))["plate 7"]
    assert (job.kind, job.state, job.failed) == ("plate", JobState.DONE, 0)
    assert (watch.plan.root / "plate 7" / "wells.csv").is_file()
    (as_images, *_) = make_watch(RuleBook(rules=(Rule(take=InputKind.IMAGES),))).folders.list()
    assert not as_images.plate


def test_watched_folder_that_is_a_plate_is_run_as_one(make_watch, inbox, crops, run_once):
    write_plate(inbox / "plate 7", crops)
    watch = make_watch()
    watch.folders.folders = (inbox / "plate 7",)
    (found,) = watch.folders.list()
    assert (found.plate, found.relative) == (True, "plate 7")
    assert ended(run_once(watch))["plate 7"].kind == "plate"
    assert (watch.plan.root / "plate 7" / "wells.csv").is_file()


def test_results_inside_a_watched_plate_do_not_make_it_a_new_input(tmp_path):
    (tmp_path / "A01.tif").write_text("an image")
    size, _ = folder_stamp(tmp_path, tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "counts.csv").write_text("of the results")
    stamp = folder_stamp(tmp_path, tmp_path / "out")
    (tmp_path / "out" / "counts.csv").write_text("of more results")
    assert folder_stamp(tmp_path, tmp_path / "out") == stamp
    assert stamp[0] == size


def test_results_of_a_run_in_a_watched_folder_are_no_images(make_watch, inbox, crops, run_once):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    field, film = inbox / "old" / "a", inbox / "film"
    for folder, marks, pictures in (
        (field, ("annotation.json", "objects.csv"), ("labels.tif", "qc.tif")),
        (film, ("film.json", "tracks.csv"), ("film.tif", "ctc/mask000.tif")),
        (inbox / "old", ("run.json", "counts.csv"), ("heatmap_count.png", "b.tif")),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*marks, *pictures):
            (folder / name).parent.mkdir(exist_ok=True)
            tifffile.imwrite(folder / name, crops[1])
    assert set(ended(run_once(make_watch()))) == {"a.tif", "b.tif"}  # people do put images beside counts.csv


def test_results_among_the_images_and_folders_watched_twice_are_refused(inbox, tmp_path):
    (inbox / "x").mkdir()
    with pytest.raises(OptionError, match="results would lie among the images"):
        Watch(WatchPlan((inbox,), inbox))
    for folders in ((inbox, inbox), (inbox / "x", inbox)):
        with pytest.raises(OptionError, match="would be watched twice"):
            Watch(WatchPlan(folders, tmp_path / "out"))


def test_pause_hours_and_full_disk_hold_back_what_waits(make_watch, inbox, crops, run_once, engines):
    tifffile.imwrite(inbox / "a.tif", crops[0])

    def reason(watch):
        stop, said = threading.Event(), ""
        for event in watch.run(stop, engines):
            if isinstance(event, Idle):
                said = event.reason
                stop.set()
        return said

    watch = make_watch(RuleBook(keep_free_gb=1e9))
    assert "1e+09 GB" in reason(watch)
    at = time.localtime()
    closed = f"{(at.tm_hour + 2) % 24}:00-{(at.tm_hour + 3) % 24}:00"
    assert closed in reason(make_watch(RuleBook(hours=closed)))
    watch.ledger.paused = True
    assert "paused" in reason(make_watch())
    watch.ledger.paused = False
    assert ended(run_once(make_watch()))["a.tif"].state is JobState.DONE


def test_stop_gives_back_what_has_not_ended(make_watch, inbox, crops, run_once, engines):
    for number in range(4):
        tifffile.imwrite(inbox / f"{number}.tif", crops[number])
    stop = threading.Event()
    watch = make_watch()
    for event in watch.run(stop, engines):
        if isinstance(event, FieldOutcome):
            stop.set()
    assert {job.state for job in watch.ledger.jobs()} == {JobState.WAITING}
    assert {job.state for job in ended(run_once(make_watch())).values()} == {JobState.DONE}
    assert len(ResultStore(watch.plan.root).find_folders()) == 4


def test_results_that_go_are_waited_for_and_nothing_is_done_twice(make_watch, inbox, crops, engines, tmp_path):
    for number in range(2):
        tifffile.imwrite(inbox / f"{number}.tif", crops[number])
    watch, stop, events = make_watch(), threading.Event(), []
    away = tmp_path / "away"
    for event in watch.run(stop, engines):
        events.append(event)
        if isinstance(event, JobEnded) and len(ended(events)) == 2:
            watch.plan.root.rename(away)  # and with it the summary that is due
            watch.plan.root.mkdir()  # an empty mount point
            tifffile.imwrite(inbox / "2.tif", crops[2])
        elif isinstance(event, Idle):
            assert "is gone" in event.reason
            assert list(watch.plan.root.glob("*/")) == []
            shutil.rmtree(watch.plan.root)
            away.rename(watch.plan.root)
        elif len(ended(events)) == 3:
            stop.set()
    assert [path.name for path in sorted(inbox.iterdir())] == sorted(ended(events))
    assert len(fields_of(events)) == 3


def test_full_disk_is_waited_for(make_watch, inbox, crops, engines, monkeypatch):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    watch, stop, told = make_watch(), threading.Event(), []
    writing = iter([None, OutputError("the disk is full"), OutputError("the disk is full")])

    def write(root, jobs):
        error = next(writing, None)
        if error is not None:
            raise error
        return write_summary(root, jobs)

    monkeypatch.setattr("napari_cellvino.service.watch.write_summary", write)
    for event in watch.run(stop, engines):
        if isinstance(event, JobEnded) and event.job.source.endswith("a.tif"):
            tifffile.imwrite(inbox / "b.tif", crops[1])
        elif isinstance(event, JobEnded):
            tifffile.imwrite(inbox / "c.tif", crops[2])
        elif isinstance(event, Idle):
            told.append(event.reason)
        if len(watch.ledger.jobs([JobState.DONE])) == 3:
            stop.set()
    assert told == ["the disk is full"]


def test_two_watches_on_one_folder_share_the_work(make_watch, inbox, crops, run_once):
    for number in range(6):
        tifffile.imwrite(inbox / f"{number}.tif", crops[number])
    events: list = []

    def work():
        events.extend(run_once(make_watch()))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.row["file"] for outcome in fields_of(events)) == [str(inbox / f"{n}.tif") for n in range(6)]
    assert len([e for e in events if isinstance(e, JobQueued)]) == 6


def test_folders_are_listed_where_the_system_has_no_watcher_left(tmp_path, monkeypatch):
    def no_more():
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr("watchdog.observers.Observer", no_more)
    with told_of_changes([tmp_path], threading.Event()):
        pass
