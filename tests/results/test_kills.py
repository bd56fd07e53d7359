"""Nothing that a person made is lost: not to a kill between two renames, nor to another host, nor to time or a race."""

import json
import os
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.mark import accept, reject
from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Origin, Plane
from napari_cellvino.results import field_writing
from napari_cellvino.results.field_folder import FieldFolder, read_annotation
from napari_cellvino.results.field_result import measured
from napari_cellvino.results.field_writing import ResultChangedError, write_corrections, write_result
from napari_cellvino.results.schema import ResultKey, field_row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage import atomic
from napari_cellvino.workflows.correction_report import report_corrections
from tests.processes import end, start
from tests.results.test_corrections import made_of

KEY = ResultKey("a.tif", "", 1, 2, "r")


def plane():
    return Plane(np.arange(40 * 60, dtype=np.uint16).reshape(1, 40, 60), np.zeros((1, 40, 60), np.uint16))


def labels(shift=0):
    labels = np.zeros((40, 60), np.int32)
    labels[5:15, 5:15], labels[5:15, 15:25], labels[25:35, 40:50] = 1, 2, 3
    return np.roll(labels, shift, axis=0)


def found(shift=0):
    return measured(made_of(labels(shift), plane()), plane())


def corrected(root, name="a"):
    """A result that a person corrected; returns its folder."""
    folder = root / name
    write_result(folder, found(), KEY)
    session = EditSession(read_annotation(folder))
    session.commit(accept(session.annotation, [1]))
    session.commit(reject(session.annotation, [2]))
    write_corrections(folder, session.snapshot(), plane())
    return folder


def save_until(folder, at, host):
    """Save further corrections as a process on ``host``, which ends before its folder's rename number ``at``."""
    rename, calls = os.replace, []

    def replace(source, target):
        if os.path.basename(source).startswith(".") or os.path.basename(target).startswith(".aside"):
            if len(calls) == at:
                os._exit(9)
            calls.append(1)
        rename(source, target)

    atomic.socket.gethostname = lambda: host
    session = EditSession(read_annotation(folder))
    session.commit(accept(session.annotation, [3]))
    snapshot = session.snapshot()
    atomic.os.replace = replace
    write_corrections(folder, snapshot, plane())


def reviewed(folder):
    return {id_ for id_, record in read_annotation(folder).records.items() if record.reviewed}


@pytest.mark.slow
@pytest.mark.parametrize("host", ["", "elsewhere"])
def test_a_kill_anywhere_in_a_save_leaves_corrections_that_the_next_run_keeps(tmp_path, host, monkeypatch):
    monkeypatch.setattr(atomic, "WAIT_S", 0.05)
    host = host or atomic.socket.gethostname()
    outcomes = []
    for at in range(30):
        folder = corrected(tmp_path / f"out-{at}")
        ended = end(start(save_until, folder, at, host))
        if ended != 9:
            break
        outcomes.append(folder.exists())
        for aside in tmp_path.glob(f"out-{at}/.aside-*"):  # found again a week later
            os.utime(aside, (time.time() - 7 * 86400,) * 2)
        store = ResultStore(tmp_path / f"out-{at}")
        store.save(folder, found(shift=1), ResultKey("a.tif", "", 1, 2, "other"), overwrite=True)
        assert {1, 2} <= reviewed(folder), f"killed before rename {at}"
        assert [p.name for p in folder.parent.iterdir() if p.name.startswith(".aside")] == []
    assert ended == 0
    assert False in outcomes, "one kill fell between the two renames"
    assert len(outcomes) > 3


def test_every_way_to_look_at_results_recovers_first(tmp_path):
    folder = corrected(tmp_path)
    aside = tmp_path / ".aside-elsewhere-1234-01234567-a"
    for look in (
        lambda: ResultStore.open(tmp_path).folders(),
        lambda: ResultStore.open(folder).folders(),
        lambda: [path for path, _ in ResultStore(tmp_path).summaries()],
        lambda: _left_out_of_report(tmp_path),
    ):
        os.replace(folder, aside)
        os.utime(aside, (1, 1))
        assert look() == [folder]
        assert {1, 2} <= reviewed(folder)


def _left_out_of_report(root):
    """Return the reviewed fields whose image is not there: a field that is passed over would not be among them."""
    unreadable = []
    with pytest.raises(ImageReadError):
        report_corrections(ResultStore(root), unreadable)
    return [lost.folder for lost in unreadable]


def test_corrections_set_aside_take_the_place_of_a_fresh_result_again(tmp_path):
    """As a version before this one left it: with another host name, a run wrote where it found nothing."""
    folder = corrected(tmp_path)
    (folder / "notes.txt").write_text("mine")
    os.replace(folder, tmp_path / ".aside-elsewhere-1234-01234567-a")
    os.utime(tmp_path / ".aside-elsewhere-1234-01234567-a", (1, 1))
    (tmp_path / "b").mkdir()
    write_result(tmp_path / "b" / "a", found(shift=2), KEY)
    os.replace(tmp_path / "b" / "a", folder)
    assert ResultStore(tmp_path).summary(ResultStore.open(tmp_path).folders()[0]).reviewed == 2
    assert reviewed(folder) == {1, 2}
    assert (folder / "notes.txt").read_text() == "mine"
    assert FieldFolder(folder / "set-aside-1").annotation().labels[7, 5] == 1
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_corrections_set_aside_beside_other_corrections_are_kept_in_them(tmp_path):
    folder = corrected(tmp_path)
    os.replace(folder, tmp_path / ".aside-elsewhere-1234-01234567-a")
    os.utime(tmp_path / ".aside-elsewhere-1234-01234567-a", (1, 1))
    other = tmp_path / "b" / "a"
    write_result(other, found(), KEY)
    session = EditSession(read_annotation(other))
    session.commit(accept(session.annotation, [3]))
    write_corrections(other, session.snapshot(), plane())
    os.replace(other, folder)
    for _ in range(2):
        ResultStore.open(tmp_path)
        assert reviewed(folder) == {3}
        assert reviewed(folder / "set-aside-1") == {1, 2}
        assert not (folder / "set-aside-2").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    write_result(folder, found(shift=1), ResultKey("a.tif", "", 1, 2, "other"))
    assert reviewed(folder / "set-aside-1") == {1, 2}, "another run keeps it"


def test_corrections_saved_while_a_run_writes_are_not_replaced(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    write_result(folder, found(), KEY)
    fill, tries = field_writing.fill_folder, []

    def slow(part, result, key):
        content = fill(part, result, key)
        if not tries:
            tries.append(1)
            session = EditSession(read_annotation(folder))
            session.commit(accept(session.annotation, [3]))
            write_corrections(folder, session.snapshot(), plane())
            tries.append(2)
        return content

    monkeypatch.setattr(field_writing, "fill_folder", slow)
    write_result(folder, found(), ResultKey("a.tif", "", 1, 2, "other"))
    assert reviewed(folder) == {3}


def test_a_result_that_others_write_all_the_time_is_told(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    write_result(folder, found(), KEY)
    fill = field_writing.fill_folder

    def disturbed(part, result, key):
        fill(part, result, key)
        path = folder / "annotation.json"
        path.write_text(path.read_text() + " ")

    monkeypatch.setattr(field_writing, "fill_folder", disturbed)
    with pytest.raises(ResultChangedError):
        write_result(folder, found(), KEY)


def write_results(root, names):
    """Write a result of each name as a run does, and one of a name that both runs have."""
    store, rows, taken = ResultStore(root), [], set()
    assert store.counts is not None
    store.write_run_info({"complete": False})
    for name in [*names, "shared"]:
        origin = Origin(f"/images/{name}.tif")
        if name.startswith("bad"):
            rows.append(field_row(origin, "", "failed", "no image"))
            continue
        folder = store.choose_folder(origin, taken)
        taken.add(folder)
        result = found()
        result.annotation.provenance = replace(result.annotation.provenance, origin=origin)
        store.save(folder, result, ResultKey(origin.path, "", 0, 0, "r"), overwrite=True)
        rows.append(store.row(folder))
        store.write_counts(rows)
    store.write_counts(rows)


def test_two_runs_into_one_folder_lose_no_row_and_share_a_fields_folder(tmp_path):
    inputs = [["a1", "a2", "bad1", "a3", "a4"], ["b1", "b2", "bad2", "b3", "b4"]]
    running = [start(write_results, tmp_path / "out", names) for names in inputs]
    assert [end(process) for process in running] == [0, 0]
    table = pd.read_csv(tmp_path / "out" / "counts.csv", keep_default_na=False)
    files = [name.rpartition("/")[2].removesuffix(".tif") for name in table["file"]]
    names = [*inputs[0], *inputs[1], "shared"]
    assert sorted(files) == sorted(names)
    folders = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert folders == sorted(name for name in names if not name.startswith("bad"))
    assert list(table["status"]).count("failed") == 2


def test_failures_of_an_earlier_run_do_not_stay(tmp_path):
    first = ResultStore(tmp_path)
    first.write_counts([field_row(Origin("/i/z.tif"), "", "failed", "no image")])
    second = ResultStore(tmp_path)
    second.write_counts([field_row(Origin("/i/y.tif"), "", "failed", "no image")])
    assert pd.read_csv(tmp_path / "counts.csv")["file"].tolist() == ["/i/y.tif"]


def test_unsaved_corrections_are_counted(tmp_path):
    from napari_cellvino.annotation.recovery import start_session

    folder = corrected(tmp_path)
    session = start_session(FieldFolder(folder).journal, read_annotation(folder))
    session.commit(accept(session.annotation, [3]))
    session.close()
    write_result(tmp_path / "b", found(), KEY)
    assert ResultStore(tmp_path).unsaved() == {folder: 1}


def test_a_damaged_result_does_not_hide_the_others(tmp_path):
    corrected(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "annotation.json").write_text(json.dumps({"objects": "x", "result_key": 3}))
    assert [row["folder"] for row in ResultStore(tmp_path).rows()] == ["a"]
