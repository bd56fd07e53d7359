"""Whatever was done is undone and redone exactly, in one order, and heard of."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.annotation import Edit, EditAction, EditSession, Region
from napari_cellvino.annotation.history import History
from napari_cellvino.annotation.paint_strokes import Stroke, edit_region
from napari_cellvino.annotation.tools.boxes import move_box
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.objects import ReviewState
from tests.annotation.conftest import boxed, check_index, state
from tests.annotation.random_edits import box_scene, random_edit, random_step, scene

SCENES = st.one_of(
    st.integers(0, 99).map(scene),
    st.integers(0, 99).map(lambda seed: scene(seed, (4, 20, 24))),
    st.integers(0, 99).map(box_scene),
)


def edit_often(session, chance, tries):
    for _ in range(tries):
        edit = random_edit(session.annotation, chance)
        if edit is not None:
            session.commit(edit)


@given(SCENES, st.integers(0, 10**6), st.integers(1, 40))
def test_undo_all_and_redo_all(annotation, seed, tries):
    before = state(annotation)
    session = EditSession(annotation)
    edit_often(session, Random(seed), tries)
    after = state(annotation)
    while session.history.next_undo:
        session.undo()
    assert state(annotation) == before
    while session.history.next_redo:
        session.redo()
    assert state(annotation) == after
    if annotation.labels is not None:
        check_index(annotation)


def test_a_thousand_edits_and_as_many_undos(two):
    session = EditSession(two)
    before, chance = state(two), Random(7)
    done = 0
    while done < 1_000:
        edit = random_edit(two, chance)
        if edit is not None:
            session.commit(edit)
            done += 1
    after = state(two)
    check_index(two)
    for _ in range(1_000):
        session.undo()
    assert state(two) == before
    for _ in range(1_000):
        session.redo()
    assert state(two) == after


@given(SCENES, st.integers(0, 10**6))
def test_every_step_says_what_changed(annotation, seed):
    heard = []
    session = EditSession(annotation)
    session.changed.connect(heard.append)
    chance = Random(seed)
    for _ in range(30):
        labels = None if annotation.labels is None else annotation.labels.copy()
        records = dict(annotation.records)
        count = len(heard)
        if not random_step(session, chance):
            assert len(heard) == count
            continue
        news = heard[-1]
        assert len(heard) == count + 1
        assert set(news.added) == set(annotation.records) - set(records)
        assert set(news.removed) == set(records) - set(annotation.records)
        both = set(records) & set(annotation.records)
        assert set(news.changed) == {id_ for id_ in both if records[id_] != annotation.records[id_]}
        if labels is not None:
            outside = labels != annotation.labels
            assert outside.any() == news.pixels
            if news.pixels:
                outside[news.region.slices] = False
                assert not outside.any()


def test_who_and_when_is_noted_and_comes_back(two):
    times = iter(("10:00", "10:05"))
    session = EditSession(two, author="Ada", clock=lambda: next(times))
    session.commit(accept(two, [1]))
    session.commit(accept(two, [2]))
    assert [(two.records[i].by, two.records[i].at) for i in (1, 2, 3)] == [("Ada", "10:00"), ("Ada", "10:05"), ("", "")]
    session.undo()
    assert two.records[2].by == ""
    session.redo()
    assert two.records[2].at == "10:05"


def test_news_name_what_comes_next_and_where(two):
    session = EditSession(two)
    first = session.commit(delete(two, [3]))
    assert (first.step, first.name, first.undo, first.redo) == (EditAction.DO, "Delete #3", "Delete #3", "")
    assert (first.region, first.removed, first.pixels) == (Region((25, 40), (35, 50)), (3,), True)
    second = session.commit(accept(two, [1]))
    assert (second.region, second.changed, second.pixels) == (Region((5, 5), (15, 15)), (1,), False)
    back = session.undo()
    assert (back.step, back.name, back.undo, back.redo) == (EditAction.UNDO, "Accept #1", "Delete #3", "Accept #1")
    assert session.undo().added == (3,)
    again = session.redo()
    assert (again.step, again.removed, again.redo) == (EditAction.REDO, (3,), "Accept #1")
    assert session.unsaved == 5


def test_a_new_edit_ends_what_could_be_redone(two):
    session = EditSession(two)
    session.commit(accept(two, [1]))
    session.undo()
    session.commit(accept(two, [2]))
    with pytest.raises(EditError, match="redo"):
        session.redo()
    session.undo()
    with pytest.raises(EditError, match="undo"):
        session.undo()
    assert two.records[1].review is ReviewState.UNSEEN


def test_an_edit_of_nothing_is_refused(two):
    with pytest.raises(EditError, match="Paint changes nothing"):
        EditSession(two).commit(edit_region(two, "Paint", Region((0, 0), (2, 2)), np.zeros((2, 2), np.int32)))


@given(st.integers(0, 99), st.booleans(), st.data())
def test_outside_paint_is_one_of_the_edits(seed, written_already, data):
    annotation = scene(seed)
    labels = annotation.labels
    before, session = state(annotation), EditSession(annotation)
    session.commit(accept(annotation, [min(annotation.records)]))
    strokes, canvas = [], labels.copy()
    for _ in range(data.draw(st.integers(1, 5))):
        y, x = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 50))
        at = tuple(axis.ravel() for axis in np.mgrid[y : y + 5, x : x + 4])
        new = data.draw(st.sampled_from([0, 1, 2, 50]))
        strokes.append(Stroke(at, canvas[at], new))
        canvas[at] = new
    expected = canvas.copy()
    if written_already:
        labels[...] = canvas
    change = session.commit_paint("Paint", strokes)
    np.testing.assert_array_equal(annotation.labels, expected)
    assert annotation.labels is labels
    check_index(annotation)
    for _ in range(2 if change else 1):
        session.undo()
    assert state(annotation) == before


def test_history_is_bounded_by_bytes_and_keeps_the_last(two):
    one = delete(two, [1]).nbytes
    session = EditSession(two, history_bytes=3 * one)
    for n in range(10):
        session.commit(edit_region(two, f"Paint {n}", Region((5, 5), (15, 15)), np.full((10, 10), n % 2 + 2, np.int32)))
    assert session.history.nbytes <= 3 * one
    undone = 0
    while session.history.next_undo:
        session.undo()
        undone += 1
    assert 1 <= undone < 10
    tiny = History(limit=1)
    tiny.push(Edit("large"))
    tiny.push(delete(two, [2]))
    assert tiny.next_undo.name == "Delete #2"
    tiny.mark_undone()
    assert (tiny.next_undo, tiny.next_redo.name) == (None, "Delete #2")


def test_edits_are_small(two):
    assert delete(two, [3]).pixels.nbytes <= 10 * 20  # ten rows


def test_a_box_that_moved_is_news_of_both_places():
    annotation = boxed((0, 0, 10, 10))
    change = EditSession(annotation).commit(move_box(annotation, 1, (20, 30)))
    assert change.region == Region((0, 0), (30, 40))


def test_what_is_to_be_saved_are_the_edits_that_differ(two):
    session = EditSession(two)
    for id_ in (1, 2, 3):
        session.commit(accept(two, [id_]))
    with session.snapshot().saving():
        session.undo()
    assert session.to_save == 1
    session.redo()
    assert (session.to_save, session.unsaved) == (0, 2)
    session.undo()
    session.undo()
    session.commit(delete(two, [3]))
    assert session.to_save == 3  # two that are saved are gone, and one is new
    for _ in range(2):
        session.undo()
    assert session.to_save == 3


@given(SCENES, st.integers(0, 10**6))
def test_snapshots_are_the_annotation_of_their_moment(annotation, seed):
    session, chance = EditSession(annotation), Random(seed)
    taken = []
    for number in range(6):
        edit_often(session, chance, 5)
        snapshot = session.snapshot()
        assert snapshot.first is not any(saved for _, _, saved in taken)
        saved = session.unsaved > 0 and number % 3 != 1
        if saved:
            with snapshot.saving():
                assert state(snapshot.annotation) == state(annotation)
                edit_often(session, chance, 3)  # while it is saved
                check_twin(snapshot.annotation)
            assert session.unsaved <= 3
        taken.append((snapshot, state(annotation), saved))
        if number % 2:
            snapshot.drop()


def check_twin(annotation):
    if annotation.labels is not None:
        check_index(annotation)


def test_a_snapshot_copies_what_changed_and_no_more(two):
    session = EditSession(two)
    session.commit(accept(two, [1]))
    first = session.snapshot()
    with first.saving():
        pass
    labels = first.annotation.labels
    labels[-1, -1] = 77  # nobody's place: a mark that the pixel was not copied again
    session.commit(delete(two, [1]))
    again = session.snapshot()
    assert again.annotation.labels is labels
    assert labels[-1, -1] == 77
    assert not (labels == 1).any()
    held = labels.copy()
    session.commit(delete(two, [2]))
    while_held = session.snapshot()  # the one before is still being saved
    np.testing.assert_array_equal(labels, held)
    np.testing.assert_array_equal(while_held.annotation.labels, two.labels)
