"""Every step is on the disk, small, and made again after a crash; what is torn is said."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.annotation import EditSession, Region, record_changes
from napari_cellvino.annotation.event_json import read_line, write_line
from napari_cellvino.annotation.journal import Journal, start_journal
from napari_cellvino.annotation.paint_strokes import Stroke, edit_region
from napari_cellvino.annotation.record import with_values
from napari_cellvino.annotation.record_json import record_dict
from napari_cellvino.annotation.recovery import find_unsaved, resume_session, start_session
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept, set_note
from napari_cellvino.core.errors import JournalError, OutputError
from napari_cellvino.core.objects import ReviewState
from tests.annotation.conftest import annotate, check_index, state
from tests.annotation.random_edits import box_scene, random_step, scene


@given(st.sampled_from([scene, box_scene]), st.integers(0, 50), st.integers(0, 10**6), st.integers(1, 40))
def test_replay_gives_the_last_state(tmp_path_factory, make, number, seed, steps):
    path = tmp_path_factory.mktemp("journal") / "a.corrections"
    annotation, chance = make(number), Random(seed)
    session = start_session(path, annotation, author="Ada")
    done = sum(random_step(session, chance) for _ in range(steps))
    session.close()
    resumed = resume_session(path, make(number))
    again = resumed.session.annotation
    assert state(again) == state(annotation)
    assert (resumed.steps, resumed.damage) == (session.unsaved, "")
    assert session.unsaved in (0, done), "0 where all steps were undone"
    assert again.next_id >= max([0, *again.records]) + 1
    history = resumed.session.history
    assert getattr(history.next_undo, "name", "") == getattr(session.history.next_undo, "name", "")
    while session.history.next_undo:
        session.undo()
        resumed.session.undo()
        assert state(again) == state(annotation)
    resumed.session.close()


def test_a_thousand_steps_are_replayed(tmp_path):
    path, chance = tmp_path / "a.corrections", Random(3)
    annotation = scene(1)
    session = start_session(path, annotation)
    done = 0
    while done < 1_000:
        done += random_step(session, chance)
    session.close()
    again = resume_session(path, scene(1)).session
    assert state(again.annotation) == state(annotation)
    check_index(again.annotation)
    again.close()


def test_work_goes_on_in_the_same_file_at_the_same_object(two, tmp_path):
    path = tmp_path / "a.corrections"
    saved = annotate(two.labels)
    session = start_session(path, two)
    session.commit(accept(two, [1]))
    session.commit(delete(two, [3]))
    session.close()
    left = find_unsaved(path, saved)
    assert (left.steps, left.last, left.damage, left.fits) == (2, "Delete #3", "", True)
    resumed = resume_session(path, saved)
    assert (resumed.at.name, resumed.at.region) == ("Delete #3", Region((25, 40), (35, 50)))
    assert resumed.session.unsaved == 2
    resumed.session.undo()
    resumed.session.commit(set_note(saved, [3], "kept"))
    resumed.session.close()
    third = annotate(np.where(two.labels == 0, saved.labels, two.labels))
    last = resume_session(path, third).session
    assert state(third) == state(saved)
    last.close()


def test_nothing_is_left_where_nothing_was_done(two, tmp_path):
    path = tmp_path / "a.corrections"
    assert find_unsaved(path, two) is None
    start_session(path, two).close()
    assert find_unsaved(path, two) is None


@pytest.mark.parametrize("lost", [1, 2, 20, 60])
def test_a_torn_last_step_is_dropped_and_said(two, tmp_path, lost):
    path, before = tmp_path / "a.corrections", two.labels.copy()
    session = start_session(path, two)
    session.commit(delete(two, [1]))
    session.commit(delete(two, [3]))
    session.close()
    path.write_bytes(path.read_bytes()[:-lost])
    saved = annotate(before)
    assert find_unsaved(path, saved).damage == "the last step was only half written and is left out"
    resumed = resume_session(path, saved)
    assert (resumed.steps, set(saved.records)) == (1, {2, 3})
    resumed.session.commit(accept(saved, [2]))
    resumed.session.close()
    assert resume_and_close(path, annotate(before)).damage == ""
    assert len(list(tmp_path.iterdir())) == 1


def resume_and_close(path, annotation):
    resumed = resume_session(path, annotation)
    resumed.session.close()
    return resumed


def test_damage_inside_is_said_and_a_copy_is_kept(two, tmp_path):
    path, before = tmp_path / "a.corrections", two.labels.copy()
    session = start_session(path, two)
    for id_ in (1, 2, 3):
        session.commit(accept(two, [id_]))
    session.close()
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:2], lines[2].replace(b"Accept", b"Bccept"), lines[3]])
    path.write_bytes(damaged)
    resumed = resume_and_close(path, annotate(before))
    assert resumed.steps == 1
    assert resumed.damage == "the journal is damaged: the last 2 steps cannot be read and are left out"
    assert (tmp_path / "a.corrections.damaged-1").read_bytes() == damaged


def test_a_journal_of_another_state_is_refused_and_set_aside(two, tmp_path):
    path = tmp_path / "a.corrections"
    session = start_session(path, two)
    session.commit(accept(two, [1]))
    session.close()
    other = annotate(np.eye(5))
    assert find_unsaved(path, other).fits is False
    with pytest.raises(JournalError, match="another state"):
        resume_session(path, other)
    written = path.read_bytes()
    start_session(path, other).close()
    assert (tmp_path / "a.corrections.old-1").read_bytes() == written
    start_session(path, other).close()
    assert (tmp_path / "a.corrections.old-2").exists()


@pytest.mark.parametrize("content", [b"thesis", b"\x00" * 99, b"00000000 {}\n", write_line({"journal": 99})])
def test_what_is_no_journal_is_said(two, tmp_path, content):
    path = tmp_path / "a.corrections"
    path.write_bytes(content)
    for read in (find_unsaved, resume_session):
        with pytest.raises(JournalError, match="no journal"):
            read(path, two)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"step": "dance", "name": "x"}, "cannot be read"),
        ({"step": "do", "name": "x", "runs": "%%"}, "cannot be read"),
        ({"step": "do", "name": "x", "records": [{"id": 0}]}, "the objects cannot be read"),
        ({"step": "do", "name": "x", "marks": {"ids": [1, 2, 3], "review": ["accepted"] * 2}}, "a value for each cell"),
        ({"step": "do", "name": "x", "marks": {"ids": [1], "review": ["loved"]}}, "marks of cells cannot be read"),
        ({"step": "do", "name": "x", "marks": {"ids": [9], "review": ["accepted"]}}, "there is no cell #9"),
        (
            {"step": "do", "name": "Delete #9", "removed": [9], "runs": "eJxjYIAAAAAIAAE="},
            "step 1 of .* cannot be made",
        ),
    ],
)
def test_steps_that_are_none_are_said(two, tmp_path, line, said):
    path = tmp_path / "a.corrections"
    start_session(path, two).close()
    with path.open("ab") as file:
        file.write(write_line(line))
    with pytest.raises(JournalError, match=said):
        resume_session(path, two)


def test_a_save_at_any_moment_leaves_a_journal_that_fits(two, tmp_path):
    path, before = tmp_path / "a.corrections", two.labels.copy()
    session = start_session(path, two)
    session.commit(delete(two, [1]))
    snapshot, on_disk = session.snapshot(), two.labels.copy()
    session.commit(delete(two, [3]))  # before the save begins
    crashed_before = annotate(before)
    crashed_after = annotate(on_disk)
    crashed_after._deleted.update({1: two.deleted[1]})
    with snapshot.saving():
        session.commit(accept(two, [2]))  # while it goes on
        session.journal.flush()
        assert find_unsaved(path, crashed_before).steps == 3
        assert crashed_after.fingerprint() == snapshot.annotation.fingerprint()
        assert find_unsaved(path, crashed_after).steps == 2
    assert session.unsaved == 2
    assert find_unsaved(path, crashed_after).steps == 2
    assert find_unsaved(path, crashed_before).fits is False
    for _ in range(3):
        session.undo()  # the last one an edit from before the save
    session.close()
    resumed = resume_and_close(path, crashed_after)
    np.testing.assert_array_equal(crashed_after.labels, before)
    assert resumed.steps == 5


def test_one_save_after_the_other_while_editing_goes_on(two, tmp_path):
    path = tmp_path / "a.corrections"
    session = start_session(path, two)
    session.commit(accept(two, [1]))
    first = session.snapshot()
    session.commit(accept(two, [2]))
    second = session.snapshot()
    session.commit(accept(two, [3]))
    for snapshot, left in ((first, 2), (second, 1)):
        with snapshot.saving():
            pass
        assert session.unsaved == left
        assert find_unsaved(path, snapshot.annotation).steps == left
    session.close()


def test_a_session_that_is_closed_lets_a_save_end(two, tmp_path):
    path = tmp_path / "a.corrections"
    session = start_session(path, two)
    session.commit(accept(two, [1]))
    snapshot = session.snapshot()
    session.close()
    with snapshot.saving():
        pass
    assert find_unsaved(path, snapshot.annotation) is None
    with pytest.raises(ValueError, match="closed file"):
        session.journal._file.tell()


def test_a_save_that_fails_leaves_the_steps(two, tmp_path):
    path, before = tmp_path / "a.corrections", annotate(two.labels)
    session = start_session(path, two)
    session.commit(accept(two, [1]))
    snapshot = session.snapshot()
    with pytest.raises(OutputError, match="full"), snapshot.saving():
        raise OutputError("full")
    assert session.unsaved == 1
    session.close()
    assert find_unsaved(path, before).steps == 1


def test_bytes_go_with_the_edit_and_not_with_the_image(tmp_path):
    sizes = []
    for side in (100, 2000):
        labels = np.zeros((side, side), np.int32)
        labels[20:50, 30:60] = 1
        annotation, path = annotate(labels), tmp_path / f"{side}.corrections"
        session = start_session(path, annotation)
        session.journal.flush()
        empty = path.stat().st_size
        session.commit(delete(annotation, [1]))
        session.close()
        sizes.append(path.stat().st_size - empty)
    assert max(sizes) < 600
    assert abs(sizes[0] - sizes[1]) < 50


def test_steps_reach_the_disk_without_being_asked(two, tmp_path):
    path = tmp_path / "a.corrections"
    session = start_session(path, two)
    size = path.stat().st_size
    session.commit(accept(two, [1]))
    while path.stat().st_size == size:  # the test's own time limit ends this
        time.sleep(0.01)
    session.close()


def test_a_disk_that_fails_is_said_and_tried_again(two, tmp_path, monkeypatch):
    path, heard = tmp_path / "a.corrections", []
    session = start_session(path, two)
    session.journal_failed.connect(heard.append)

    def full(fd):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        session.commit(accept(two, [1]))
        with pytest.raises(OutputError, match="a.corrections.*No space left"):
            session.journal.flush()
        session.commit(accept(two, [2]))
        assert len(heard) == 1
        assert "No space left" in str(heard[0])
    while session.journal.fault is not None:
        time.sleep(0.01)
    session.close()
    saved = annotate(two.labels)
    assert resume_and_close(path, saved).steps == 2
    assert state(saved) == state(two)


def test_no_folder_no_journal(two, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="corrections cannot be written to"):
        start_journal(tmp_path / "file" / "a.corrections", two.fingerprint())
    with pytest.raises(OutputError, match="corrections cannot be written to"):
        Journal(tmp_path / "absent.corrections")
    (tmp_path / "a.corrections").touch()  # the power went before its first line was on the disk
    assert find_unsaved(tmp_path / "a.corrections", two) is None


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none())), st.integers(0, 200))
def test_altered_lines_are_not_read(content, at):
    line = write_line(content)
    assert read_line(line) == content
    torn = bytearray(line)
    torn[at % (len(line) - 1)] ^= 1
    assert read_line(bytes(torn)) is None
    assert read_line(line[:-1]) is None


CHILD = """
import sys
from pathlib import Path
from random import Random
from napari_cellvino.annotation.recovery import start_session
from tests.annotation.random_edits import random_step, scene

path, seed = Path(sys.argv[1]), int(sys.argv[2])
session, chance = start_session(path, scene(seed)), Random(seed)
done = 0
while True:
    done += random_step(session, chance)
    if chance.random() < 0.2:
        session.journal.flush()
        print(done, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_nothing_that_was_on_the_disk_is_lost(tmp_path, root):
    chance = Random(11)
    for seed in range(4):
        path = tmp_path / f"{seed}.corrections"
        command = [sys.executable, "-c", CHILD, str(path), str(seed)]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
            first = process.stdout.readline()
            time.sleep(chance.uniform(0, 0.1))
            process.kill()
            said = [first, *process.stdout.read().splitlines()]
        on_disk = max(int(line) for line in said if line.strip())
        resumed = resume_and_close(path, scene(seed))
        assert resumed.steps >= on_disk > 0
        expected, again = EditSession(scene(seed)), Random(seed)
        done = 0
        while done < resumed.steps:
            done += random_step(expected, again)
            again.random()  # as the child asks whether to flush
        assert pixels_and_states(resumed.session.annotation) == pixels_and_states(expected.annotation)


def pixels_and_states(annotation):
    """Return what does not depend on when it was done."""
    return annotation.labels.tobytes(), {i: (r.review, r.note, r.class_index) for i, r in annotation.records.items()}


def test_paint_is_replayed_too(two, tmp_path):
    path, before = tmp_path / "a.corrections", two.labels.copy()
    session = start_session(path, two)
    session.commit(edit_region(two, "Paint", Region((0, 0), (9, 9)), np.full((9, 9), 70, np.int32)))
    session.close()
    saved = annotate(before)
    resume_and_close(path, saved)
    assert state(saved) == state(two)
    assert saved.next_id == 71


@pytest.mark.parametrize("ahead", [False, True])
def test_what_is_being_painted_is_in_no_snapshot(two, tmp_path, ahead):
    path, before = tmp_path / "a.corrections", annotate(two.labels)
    session = start_session(path, two)
    if ahead:
        session.copy_ahead(before.labels)
    for number in (1, 2):  # a whole copy, then one of what changed
        session.commit(accept(two, [number]))
        strokes = []
        for label in (3, 9):  # the second, of a new cell, crosses the first
            place = (np.array([30, 31]), np.array([20 + label, 24]))
            strokes.append(Stroke(place, two.labels[place], label))
            two.labels[place] = label
        snapshot = session.snapshot(strokes)
        np.testing.assert_array_equal(snapshot.annotation.labels, before.labels)
        with snapshot.saving():
            pass
        for stroke in reversed(strokes):  # it is refused
            two.labels[stroke.coordinates] = stroke.before
    session.commit_paint("Paint #9", strokes)
    snapshot = session.snapshot()
    np.testing.assert_array_equal(snapshot.annotation.labels, two.labels)
    snapshot.drop()
    session.close()


def test_a_journal_that_was_away_while_a_save_ended_is_written_on(two, tmp_path, monkeypatch):
    folder, away = tmp_path / "results", tmp_path / "away"
    session = start_session(folder / "a.corrections", two)
    session.commit(accept(two, [1]))
    replace, first = os.replace, session.snapshot()

    def lose(*_):  # the disk goes when the journal is about to be replaced
        folder.rename(away)
        raise OSError("Stale file handle")

    monkeypatch.setattr(os, "replace", lose)
    with pytest.raises(OutputError, match="corrections cannot be written"), first.saving():
        pass
    monkeypatch.setattr(os, "replace", replace)
    session.commit(accept(two, [2]))
    with pytest.raises(OutputError, match="corrections cannot be written"), session.snapshot().saving():
        pass
    away.rename(folder)
    while session.journal.fault is not None:  # it is tried again
        time.sleep(0.05)
    with session.snapshot().saving():
        session.commit(accept(two, [3]))
    folder.rename(away)
    with pytest.raises(OutputError, match="corrections cannot be written"), session.snapshot().saving():
        pass
    away.rename(folder)
    session.close()
    assert find_unsaved(folder / "a.corrections", first.annotation).fits is False
    assert [read_line(line)["name"] for line in steps_of(folder / "a.corrections")] == ["Accept #3"]


def steps_of(path):
    return [line for line in path.read_bytes().splitlines(keepends=True) if "step" in read_line(line)]


def test_a_journal_goes_on_beside_the_result_that_was_saved_elsewhere(two, tmp_path):
    here, there = tmp_path / "here" / "a.corrections", tmp_path / "there" / "a.corrections"
    start_session(there, annotate(two.labels)).close()
    session = start_session(here, two)
    session.commit(accept(two, [1]))
    snapshot = session.snapshot()
    with snapshot.saving(there):
        session.commit(accept(two, [2]))
    session.commit(accept(two, [3]))
    session.close()
    assert not here.exists()
    assert find_unsaved(there, snapshot.annotation).steps == 2
    assert [path.name for path in there.parent.iterdir() if path != there] == ["a.corrections.old-1"]


@pytest.mark.parametrize("mark", [accept, delete])
def test_an_edit_of_many_cells_is_short_and_makes_each_record_once(tmp_path, monkeypatch, mark):
    labels, path, made = np.arange(1, 1001).reshape(20, 50), tmp_path / "a.corrections", []

    def counted(rows, values):
        made.extend(rows)
        return with_values(rows, values)

    monkeypatch.setattr(record_changes, "with_values", counted)
    annotation = annotate(labels)
    session, before = start_session(path, annotation, author="Ada"), state(annotation)
    session.commit(mark(annotation, range(1, 901)))
    assert len(made) == 900
    session.undo()
    assert state(annotation) == before
    session.redo()
    assert len(made) == 900, "undo and redo make none"
    session.close()
    assert path.stat().st_size < 3 * 900 * 45  # three steps; whole records take 130 bytes each
    again = annotate(labels)
    resumed = resume_session(path, again).session
    assert state(again) == state(annotation)
    resumed.undo()
    assert state(again) == before
    resumed.close()


def test_a_journal_of_an_earlier_format_is_gone_on_with_in_this_one(two, tmp_path):
    path, saved = tmp_path / "a.corrections", annotate(two.labels)
    whole = record_dict(replace(saved.record(1), review=ReviewState.ACCEPTED))
    step = {"step": "do", "name": "Accept #1", "records": [whole]}
    path.write_bytes(write_line({"journal": 1, "base": saved.fingerprint()}) + write_line(step))
    resumed = resume_session(path, saved)
    resumed.session.commit(accept(saved, [2]))
    resumed.session.close()
    assert [read_line(line).get("journal") for line in path.read_bytes().splitlines(keepends=True)] == [2, None, None]
    assert resume_and_close(path, two).steps == 2
    assert [two.record(id_).review for id_ in (1, 2, 3)] == [ReviewState.ACCEPTED] * 2 + [ReviewState.UNSEEN]


def test_steps_after_a_mark_of_an_earlier_version_are_found(two, tmp_path):
    path = tmp_path / "a.corrections"
    session = start_session(path, two)
    session.commit(accept(two, [1]))
    session.journal._enqueue({"saved": two.fingerprint()})
    snapshot = session.snapshot()
    session.commit(accept(two, [2]))
    session.commit(accept(two, [3]))
    snapshot.drop()
    session.close()
    assert find_unsaved(path, snapshot.annotation).steps == 2
    assert resume_and_close(path, snapshot.annotation).steps == 2
    assert state(snapshot.annotation) == state(two)


def test_what_is_written_is_logged_with_its_field(two, tmp_path, caplog):
    with caplog.at_level(logging.DEBUG, "napari_cellvino.annotation"):
        journal = start_journal(tmp_path / "A01_s1.corrections", two.fingerprint())
        journal.mark_saving("x", 0)
        journal.close()
    (record,) = caplog.records
    assert (record.stage, record.field) == ("journal", "A01_s1")
    assert record.seconds > 0
