"""What was added, deleted, split, merged and reshaped is told from the two label images alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_cellvino.analysis.corrections import KINDS, Correction, compare
from napari_cellvino.errors import ImageValueError


def field():
    labels = np.zeros((30, 40), np.int32)
    labels[2:10, 2:10], labels[2:10, 14:22], labels[15:25, 2:22], labels[15:25, 28:38] = 3, 5, 8, 9
    return labels


def changed(labels, *strokes):
    after = labels.copy()
    for place, value in strokes:
        after[place] = value
    return after


CASES = {
    "deleted": (changed(field(), (np.s_[2:10, 2:10], 0)), Correction("deleted", (3,), (), 0)),
    "added": (changed(field(), (np.s_[2:10, 28:34], 12)), Correction("added", (), (12,), 0)),
    "split": (changed(field(), (np.s_[15:25, 12:22], 20)), Correction("split", (8,), (8, 20), 0.5)),
    "merged": (changed(field(), (np.s_[2:10, 2:22], 3)), Correction("merged", (3, 5), (3,), 0.4)),
    "reshaped": (changed(field(), (np.s_[15:25, 36:38], 0)), Correction("reshaped", (9,), (9,), 0.8)),
}


@pytest.mark.parametrize("kind", CASES)
def test_each_kind(kind):
    after, expected = CASES[kind]
    figures = compare(field(), after)
    (found,) = figures.corrections
    assert (found.kind, found.model, found.corrected) == (expected.kind, expected.model, expected.corrected)
    assert found.iou == pytest.approx(expected.iou)
    assert figures.count(kind) == 1
    assert (figures.model_count, figures.corrected_count) == (4, len(np.unique(after)) - 1)


def test_split_by_a_line_that_is_background():
    after = changed(field(), (np.s_[15:25, 12], 0), (np.s_[15:25, 13:22], 20))
    assert [c.kind for c in compare(field(), after).corrections] == ["split"]


def test_ids_do_not_matter():
    after = np.where(field() > 0, field() + 100, 0)
    figures = compare(field(), after)
    assert (figures.corrections, figures.untouched) == ((), 4)


def test_the_model_is_scored_against_the_corrected():
    after, _ = CASES["added"]
    match = compare(field(), after).match
    assert (match.n_true, match.n_predicted, match.matched[0]) == (5, 4, 4)


@given(arrays(np.int32, (2, 7, 8), elements=st.integers(0, 4)))
def test_every_object_is_told_of_once(pair):
    model, corrected = pair
    figures = compare(model, corrected)
    told = [(side, id_) for c in figures.corrections for side, ids in enumerate((c.model, c.corrected)) for id_ in ids]
    assert len(set(told)) == len(told)
    for side, labels in enumerate(pair):
        here = sum(place == side for place, _ in told)
        assert here + figures.untouched == len(np.unique(labels[labels != 0]))
    assert sum(map(figures.count, KINDS)) == len(figures.corrections)


def test_stacks_and_shapes():
    stack = np.stack([field(), field()])
    assert compare(stack, stack).untouched == 4
    with pytest.raises(ImageValueError, match="not one field"):
        compare(field(), field()[:-1])
