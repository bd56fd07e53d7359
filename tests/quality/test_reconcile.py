"""Corrections survive a new run."""

import re
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import regionprops

from napari_cellvino.annotation import EditAction, EditSession
from napari_cellvino.annotation.event_json import event_dict, write_line
from napari_cellvino.annotation.prepared_step import StepBase
from napari_cellvino.annotation.tools.boxes import move_box
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept, reject
from napari_cellvino.annotation.tools.outline import grow
from napari_cellvino.core.errors import EditError, ImageValueError
from napari_cellvino.core.objects import Objects
from napari_cellvino.quality.reconcile import holds_for, prepare_merge, reconcile
from tests.annotation.conftest import annotate, boxed, check_index, state
from tests.annotation.random_edits import box_scene, random_edit, scene


def found(labels, score=0.5):
    """Return the objects of a label image as a run gives them."""
    props = regionprops(labels)
    table = Objects.found(
        score=np.full(len(props), score),
        box=np.array([p.bbox[:4] for p in props], int).reshape(-1, 4),
        centroid=np.array([p.centroid[:2] for p in props]).reshape(-1, 2),
        area_px=np.array([p.area for p in props], int),
    )
    object.__setattr__(table, "id", np.array([p.label for p in props], np.int32))
    return table


def squares(*corners, shape=(40, 60)):
    labels = np.zeros(shape, np.int32)
    for id_, (y, x) in enumerate(corners, 1):
        labels[y : y + 10, x : x + 10] = id_
    return labels


def test_what_is_kept_names_the_model_that_found_it_and_holds_for_models_of_one_class():
    annotation = annotate(squares((0, 0), (0, 15)))
    assert not holds_for(annotation, annotation)  # nobody corrected anything
    EditSession(annotation).commit(accept(annotation, [1]))
    new = squares((0, 0), (20, 15))
    annotation.apply(reconcile(annotation, new, found(new), before="old 1.0").edit)
    assert {id_: record.model for id_, record in annotation.records.items()} == {1: "old 1.0", 3: ""}
    other = annotate(squares((0, 0)))
    assert holds_for(annotation, other)
    other.classes = ("cell",)
    assert not holds_for(annotation, other)
    annotation.classes = ("nucleus",)
    assert holds_for(annotation, other)


def test_what_was_touched_stays_and_the_rest_is_replaced():
    annotation = annotate(squares((0, 0), (0, 15), (0, 30), (15, 0)))
    session = EditSession(annotation)
    session.commit(accept(annotation, [1]))
    session.commit(grow(annotation, 2))
    kept = annotation.labels.copy()
    new = squares((2, 2), (0, 19), (1, 31), (28, 40))
    result = reconcile(annotation, new, found(new))
    assert (result.kept, result.new, result.dropped) == (2, 2, 2)
    assert [int(number) for number in re.findall(r"\d+", str(result))] == [2, 2]  # kept, and left out for them
    before = state(annotation)
    session.commit(result.edit)
    np.testing.assert_array_equal(annotation.labels == 1, kept == 1)
    np.testing.assert_array_equal(annotation.labels == 2, kept == 2)
    np.testing.assert_array_equal(annotation.labels == 3, new == 3)  # the same cell, a little moved
    np.testing.assert_array_equal(annotation.labels == 5, new == 4)
    assert 4 not in annotation.records
    assert annotation.records[3].score == annotation.records[5].score == 0.5
    assert not annotation.records[3].reviewed
    check_index(annotation)
    session.undo()
    assert state(annotation) == before


@pytest.mark.parametrize(("shift", "stays"), [(4, False), (5, True), (6, True)])
def test_a_new_object_needs_half_of_itself(shift, stays):
    annotation = annotate(squares((0, 0)))
    EditSession(annotation).commit(accept(annotation, [1]))
    new = squares((shift, 0))
    result = reconcile(annotation, new, found(new))
    assert (result.new, result.dropped) == (int(stays), int(not stays))


def test_what_was_deleted_or_rejected_does_not_come_back():
    annotation = annotate(squares((0, 0), (0, 15), (20, 30)))
    session = EditSession(annotation)
    session.commit(delete(annotation, [1]))
    session.commit(reject(annotation, [2]))
    new = squares((1, 0), (0, 15), (20, 30))
    session.commit(reconcile(annotation, new, found(new)).edit)
    assert set(annotation.records) == {2, 3}
    session.undo()
    session.undo()
    session.undo()
    session.commit(reconcile(annotation, new, found(new)).edit)
    assert set(annotation.records) == {1, 2, 3}


@given(st.integers(0, 99), st.integers(0, 99), st.sets(st.integers(1, 12)), st.sampled_from([(48, 64), (3, 20, 24)]))
def test_any_run_leaves_any_touched_object(seed, other, touched, shape):
    annotation, new = scene(seed, shape), scene(other, shape).labels
    ids = sorted(touched & set(annotation.records))
    session = EditSession(annotation)
    if ids:
        session.commit(accept(annotation, ids))
    before = annotation.labels.copy()
    objects = annotate(new).objects
    result = reconcile(annotation, new, objects)
    assert result.kept == len(ids)
    if not result.edit.empty:
        session.commit(result.edit)
    for id_ in ids:
        np.testing.assert_array_equal(annotation.labels == id_, before == id_)
    free = ~np.isin(before, ids)
    for id_ in np.unique(new[new > 0]):
        there = annotation.labels[(new == id_) & free]
        assert len(np.unique(there)) <= 1, "one object of the run is one object after"
    check_index(annotation)


class Lines:
    """A journal in memory."""

    def __init__(self):
        self.lines, self.fault = [], None

    def append(self, event, line=b""):
        self.lines.append(line or write_line(event_dict(event)))


def corrected(make, seed, steps):
    """Return a session in which a person has marked, deleted, merged and drawn."""
    session = EditSession(make(seed), journal=Lines(), author="ada", clock=lambda: "2026-01-01T00:00:00+00:00")
    chance = Random(seed)
    for _ in range(steps):
        edit = random_edit(session.annotation, chance)
        if edit is not None:
            session.commit(edit)
    return session


def base_of(session, undone=None):
    annotation = session.annotation
    labels = None if annotation.labels is None else annotation.labels.copy()
    return StepBase(annotation, annotation.version, labels, undone, session.stamp)


@settings(max_examples=40)
@given(
    st.sampled_from([scene, box_scene, lambda seed: scene(seed, (3, 20, 24))]),
    st.integers(0, 99),
    st.lists(st.integers(0, 99), min_size=1, max_size=3),
    st.integers(1, 30),
)
def test_a_merge_that_a_thread_prepares_is_the_very_same(make, seed, sliders, steps):
    ours, theirs = (corrected(make, seed, steps) for _ in range(2))
    reran, heard = False, []
    ours.changed.connect(heard.append)
    for other in sliders:
        new = make(other)
        undone = ours.history.next_undo if reran else None
        merge = prepare_merge(base_of(ours, undone), new)
        before = ours.annotation.labels
        change = ours.take_over(merge.step)
        if reran:
            theirs.undo()
        done = reconcile(theirs.annotation, new.labels, new.objects, records=new.records)
        reran = not done.edit.empty
        if reran:
            theirs.commit(done.edit)
        a, b = ours.annotation, theirs.annotation
        assert (state(a), a.next_id, a.states) == (state(b), b.next_id, b.states)
        assert [*a.records] == [*b.records], "in the same order"
        assert ours.journal.lines == theirs.journal.lines
        assert (ours.unsaved, ours.to_save) == (theirs.unsaved, theirs.to_save)
        assert (merge.done.kept, merge.done.new, merge.done.dropped) == (done.kept, done.new, done.dropped)
        assert heard == [change] * (change is not None)
        heard.clear()
        if change is not None:
            assert (change.step is EditAction.DO) == reran
            assert change.replaced == (a.labels is not None) == (a.labels is not before)
        if a.labels is not None:
            check_index(a)
    while theirs.history.next_undo:
        ours.undo()
        theirs.undo()
    assert state(ours.annotation) == state(theirs.annotation)


def test_what_a_thread_prepared_is_dropped_where_cells_were_edited_meanwhile():
    session = corrected(scene, 3, 5)
    annotation, new = session.annotation, scene(4)
    stale = prepare_merge(base_of(session), new)
    kept = max(annotation.records)
    session.commit(reject(annotation, [kept]))
    before, lines = state(annotation), list(session.journal.lines)
    with pytest.raises(EditError, match="changed since"):
        session.take_over(stale.step)
    assert (state(annotation), session.journal.lines) == (before, lines)
    session.take_over(prepare_merge(base_of(session), new).step)
    assert annotation.records[kept].review.name == "REJECTED"


def test_nothing_found_leaves_what_was_touched():
    annotation = annotate(squares((0, 0), (0, 15)))
    EditSession(annotation).commit(accept(annotation, [2]))
    EditSession(annotation).commit(reconcile(annotation, squares(), found(squares())).edit)
    assert set(annotation.records) == {2}


def test_boxes_survive_too():
    annotation = boxed((0, 0, 10, 10), (20, 20, 30, 30), (50, 50, 60, 60), (70, 70, 80, 80))
    session = EditSession(annotation)
    session.commit(move_box(annotation, 1, (2, 0)))
    session.commit(delete(annotation, [4]))
    new = Objects.found(
        score=np.full(4, 0.5),
        box=np.array([(1, 1, 11, 11), (20, 20, 30, 31), (90, 90, 99, 99), (71, 70, 80, 80)]),
        centroid=np.zeros((4, 2)),
        area_px=np.ones(4, int),
    )
    result = reconcile(annotation, None, new)
    assert (result.kept, result.new, result.dropped) == (1, 2, 2)
    session.commit(result.edit)
    assert sorted(r.box for r in annotation.records.values()) == [(2, 0, 12, 10), (20, 20, 30, 31), (90, 90, 99, 99)]


def test_runs_that_do_not_fit_are_said(two):
    with pytest.raises(ImageValueError, match=r"\(3, 3\)"):
        reconcile(two, np.eye(3, dtype=np.int32), Objects.none())
    with pytest.raises(ImageValueError, match="boxes and outlines"):
        reconcile(two, None, Objects.none())


@pytest.fixture
def two():
    return annotate(squares((5, 5), (5, 15)))
