"""What was added, deleted, split, merged, reshaped and reclassified is told from the two results alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.quality.corrections import KINDS, Boxes, Correction, compare, compare_boxes


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


def test_halves_of_an_object_are_part_of_one_alone():
    model, after = field(), field()
    model[2, 2], model[2, 4] = 20, 20  # a pixel of it in each of two others
    after[2, 4] = 8
    model[3, 2] = 21
    told = [id_ for c in compare(model, after).corrections for id_ in c.model]
    assert len(set(told)) == len(told)


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
    with pytest.raises(ImageValueError, match=r"\(29, 40\)"):
        compare(field(), field()[:-1])


def test_classes_that_changed():
    names = dict.fromkeys((3, 5, 8, 9), "living")
    after, _ = CASES["reshaped"]
    figures = compare(field(), after, (names, {**names, 3: "dead", 9: "dead"}))
    assert [(c.kind, c.model, c.classes) for c in figures.corrections] == [
        ("reclassified", (3,), ("living", "dead")),
        ("reclassified", (9,), ("living", "dead")),  # of another outline, too
    ]
    assert [c.iou for c in figures.corrections] == [1, 0.8]
    assert (figures.untouched, figures.match.matched[0]) == (2, 4)
    assert compare(field(), after, (names, names)).count("reclassified") == 0


# -- boxes


def side(*boxes, kinds="", score=None):
    names = {"l": "living", "d": "dead"}
    return Boxes(
        np.arange(1, len(boxes) + 1),
        np.array(boxes, float).reshape(-1, 4),
        tuple(names[letter] for letter in kinds.ljust(len(boxes), "l")),
        np.full(len(boxes), 0.9) if score is None else np.array(score),
    )


A, B, C = (0, 0, 10, 10), (20, 0, 30, 12), (40, 40, 50, 50)


def told(figures):
    return [(c.kind, c.model, c.corrected, c.classes) for c in figures.corrections]


def test_boxes_of_each_kind():
    same = compare_boxes(side(A, B, C), side(C, A, B))
    assert (same.untouched, same.corrections, same.match.matched) == (3, (), 3)
    figures = compare_boxes(side(A, B), side(B, C))
    assert told(figures) == [("added", (), (2,), ()), ("deleted", (1,), (), ())]
    figures = compare_boxes(side(A, B), side((0, 0, 10, 8), B, kinds="ld"))
    assert told(figures) == [("reclassified", (2,), (2,), ("living", "dead")), ("reshaped", (1,), (1,), ())]
    assert [c.iou for c in figures.corrections] == [1, 0.8]
    far = compare_boxes(side(A), side((0, 6, 10, 16)))  # moved so far that it is another cell
    assert [c.kind for c in far.corrections] == ["added", "deleted"]


def test_boxes_of_a_wrong_class_are_no_match():
    match = compare_boxes(side(A, B, C, kinds="lld"), side(A, B, C, kinds="ldd")).match
    assert (match.n_true, match.n_predicted, match.matched) == (3, 3, 2)


def test_of_two_boxes_at_one_place_the_one_of_its_class_is_kept():
    for kinds in ("ld", "dl"):
        figures = compare_boxes(side(A, A, kinds=kinds), side(A, kinds="d"))
        assert told(figures) == [("deleted", (kinds.index("l") + 1,), (), ())]


def test_fields_without_boxes():
    assert told(compare_boxes(side(), side(A))) == [("added", (), (1,), ())]
    assert told(compare_boxes(side(A), side())) == [("deleted", (1,), (), ())]
    empty = compare_boxes(side(), side())
    assert (empty.corrections, empty.untouched, empty.match.n_true) == ((), 0, 0)


places = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 9)] * 2)
corners = places.map(lambda c: (c[0], c[1], c[0] + c[2], c[1] + c[3]))


@given(*[st.lists(st.tuples(corners, st.sampled_from("ld")), max_size=6)] * 2)
def test_every_box_is_told_of_once(model, corrected):
    a, b = (side(*(box for box, _ in boxes), kinds="".join(k for _, k in boxes)) for boxes in (model, corrected))
    figures = compare_boxes(a, b)
    for place, boxes in ((0, a), (1, b)):
        ids = [id_ for c in figures.corrections for id_ in (c.model, c.corrected)[place]]
        assert len(set(ids)) == len(ids)
        assert len(ids) + figures.untouched == len(boxes.ids)
    assert sum(map(figures.count, KINDS)) == len(figures.corrections)
    assert figures.count("split") == figures.count("merged") == 0
