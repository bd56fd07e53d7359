"""The document knows where its objects lie, whatever was done to it, and what does not belong together."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import regionprops

from napari_cellvino.annotation import Annotation, ObjectRecord, Region
from napari_cellvino.annotation.document import LAST_ID, make_edit
from napari_cellvino.annotation.paint_strokes import Stroke, edit_from_strokes, edit_region, stroke_of_region
from napari_cellvino.annotation.tools.mark import exclude
from napari_cellvino.core.errors import EditError, ImageValueError
from napari_cellvino.core.objects import ObjectOrigin, Objects, ReviewState
from tests.annotation.conftest import CLASSES, PROVENANCE, annotate, boxed, check_index

LABELS = hnp.arrays(np.int32, st.sampled_from([(5, 7), (1, 1), (3, 4, 5), (2, 1, 6)]), elements=st.integers(0, 5))


@given(LABELS)
def test_index_agrees_with_regionprops(labels):
    annotation = annotate(labels)
    found = {p.label: p for p in regionprops(labels)}
    assert annotation.index.ids() == sorted(found)
    for id_, props in found.items():
        place = annotation.geometry(id_)
        assert (place.area, (*place.region.low, *place.region.high)) == (props.area, props.bbox)
        np.testing.assert_allclose(place.centroid, props.centroid)


@given(LABELS, st.data())
def test_index_follows_any_repainting(labels, data):
    annotation = annotate(labels)
    low = tuple(data.draw(st.integers(0, n - 1)) for n in labels.shape)
    high = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(low, labels.shape, strict=True))
    region = Region(low, high)
    after = data.draw(hnp.arrays(np.int32, region.shape, elements=st.integers(0, 6)))
    edit = edit_region(annotation, "Paint", region, after)
    annotation.apply(edit)
    np.testing.assert_array_equal(annotation.labels[region.slices], after)
    check_index(annotation)
    annotation.apply(edit.inverse())
    np.testing.assert_array_equal(annotation.labels, labels)
    check_index(annotation)


def test_objects_are_what_the_model_found():
    labels = np.zeros((9, 9), np.int32)
    labels[1:3, 2:6], labels[5:9, 5:6] = 1, 2
    props = regionprops(labels)
    found = Objects.found(
        score=np.array([0.5, 0.25]),
        box=np.array([p.bbox for p in props]),
        centroid=np.array([p.centroid for p in props]),
        area_px=np.array([p.area for p in props]),
        class_index=np.array([1, 0]),
    )
    annotation = Annotation.found(labels, found, CLASSES, PROVENANCE, shape=labels.shape)
    untouched = len(annotation.records), annotation.states, annotation.corrected, annotation.next_id, annotation.objects
    with ThreadPoolExecutor(4) as pool:  # whoever comes first makes the records of all
        made = list(pool.map(lambda _: annotation.all_records(), range(8)))
    kept = [*annotation.records.values()]
    assert all(one is other for records in made for one, other in zip(records, kept, strict=True))
    again = Annotation(labels, annotation.all_records(), CLASSES, PROVENANCE, shape=labels.shape)
    assert untouched[:4] == (2, again.states, again.corrected, again.next_id) == (2, again.states, False, 3)
    for back, name in product((untouched[4], annotation.objects, again.objects), Objects.__slots__):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name), name)
        assert getattr(back, name).dtype == getattr(found, name).dtype
    boxes = Annotation.found(None, found, CLASSES, PROVENANCE, shape=labels.shape)
    assert [r.box for r in boxes.records.values()] == [(1, 2, 3, 6), (5, 5, 9, 6)]
    np.testing.assert_array_equal(boxes.objects.area_px, [8, 4])
    np.testing.assert_array_equal(boxes.objects.centroid, found.centroid)


def test_nothing_is_an_annotation_too():
    assert len(annotate(np.zeros((4, 4))).objects) == len(boxed().objects) == 0
    assert annotate(np.zeros((3, 4, 4))).objects.box.shape == (0, 6)


def test_labels_and_records_must_belong_together():
    labels = np.eye(3, dtype=np.int32)
    with pytest.raises(ImageValueError, match="object 1.*labels.*records"):
        Annotation(labels, [], (), PROVENANCE, shape=(3, 3)).index.ids()
    with pytest.raises(ImageValueError, match="object 2.*records.*labels"):
        Annotation(labels, [ObjectRecord(1), ObjectRecord(2)], (), PROVENANCE, shape=(3, 3)).index.ids()
    with pytest.raises(ImageValueError, match="do not fit an image of"):
        Annotation(labels, [ObjectRecord(1)], (), PROVENANCE, shape=(3, 4))


def test_records_follow_from_pixels(two):
    edit = edit_region(two, "Paint", Region((5, 5), (15, 16)), np.full((10, 11), 7, np.int32))
    after = dict(zip(edit.ids, edit.records.after, strict=True))
    assert after[1] is None
    assert (after[2].origin, after[2].review) == (ObjectOrigin.EDITED, ReviewState.EDITED)
    assert (after[7].origin, after[7].review) == (ObjectOrigin.DRAWN, ReviewState.EDITED)
    assert np.isnan(after[7].score)
    two.apply(edit)
    assert two.next_id == 8


def test_an_edit_for_another_state_is_refused_and_changes_nothing(two):
    stale = edit_region(two, "Paint", Region((5, 5), (6, 6)), np.zeros((1, 1), np.int32))
    two.apply(edit_region(two, "Paint", Region((0, 0), (20, 30)), np.zeros((20, 30), np.int32)))
    before = two.labels.copy()
    with pytest.raises(EditError, match="Paint"):
        two.apply(stale)
    np.testing.assert_array_equal(two.labels, before)
    check_index(two)


@pytest.mark.parametrize("number", [-1, LAST_ID, LAST_ID + 1])
def test_impossible_numbers_are_refused(two, number):
    with pytest.raises(EditError, match=f"Brush.*{number}"):
        edit_from_strokes(two, "Brush", [Stroke((np.array([0]), np.array([0])), 0, number)])
    two.next_id = LAST_ID
    with pytest.raises(EditError, match="Add needs a cell of number"):
        make_edit(two, "Add", None, [ObjectRecord(two.next_id)])


def test_paint_outside_the_image_is_refused(two):
    for y, x in ((-1, 0), (40, 0), (0, 60)):
        with pytest.raises(EditError, match="outside"):
            edit_from_strokes(two, "Brush", [Stroke((np.array([y]), np.array([x])), 0, 1)])
    with pytest.raises(EditError, match="outside"):
        edit_from_strokes(two, "Brush", [Stroke((np.array([0]),), 0, 1)])


def test_crossing_strokes_are_one_change(two):
    at = (np.array([0, 0]), np.array([1, 2]))
    strokes = [
        Stroke(at, 0, 4),
        Stroke((np.array([0]), np.array([2])), 4, 1),
        Stroke((np.array([0]), np.array([1])), 4, 0),
    ]
    edit = edit_from_strokes(two, "Brush", strokes)
    assert edit.ids == (1,)
    two.apply(edit)
    assert two.labels[0, :4].tolist() == [0, 0, 1, 0]


def test_a_region_before_and_after_is_a_stroke(two):
    before = two.labels[4:8, 4:8].copy()
    after = before.copy()
    after[0, :], after[3, 3] = 9, 0
    two.apply(edit_from_strokes(two, "Fill", [stroke_of_region(Region((4, 4), (8, 8)), before, after)]))
    np.testing.assert_array_equal(two.labels[4:8, 4:8], after)
    check_index(two)


def test_background_and_absent_objects_are_said(two):
    with pytest.raises(EditError, match="background"):
        two.record(0)
    with pytest.raises(EditError, match="#99"):
        two.geometry(99)
    with pytest.raises(EditError, match="these cells are boxes"):
        boxed((0, 0, 3, 3)).pixels  # noqa: B018


def test_fingerprint_knows_pixels_and_records(two):
    first = two.fingerprint()
    assert annotate(two.labels).fingerprint() == first
    assert annotate(two.labels, note="x").fingerprint() != first
    two.apply(edit_region(two, "Paint", Region((0, 0), (1, 1)), np.ones((1, 1), np.int32)))
    assert two.fingerprint() != first


def test_it_is_known_which_objects_are_excluded_before_and_after_records_are_made():
    labels = np.zeros((4, 9), np.int32)
    labels[1:3, 1:3], labels[1:3, 5:8] = 7, 2
    props = regionprops(labels)
    columns = {name: np.array([getattr(p, name) for p in props]) for name in ("bbox", "centroid", "area")}
    found = Objects.found(
        score=np.ones(2), box=columns["bbox"], centroid=columns["centroid"], area_px=columns["area"],
    )  # fmt: skip
    found = replace(found, id=np.array([2, 7], np.int32))
    annotation = Annotation.found(labels, found, CLASSES, PROVENANCE, shape=labels.shape)
    assert annotation.excluded.tolist() == [False, False]
    assert annotation._found is not None  # no record was made for it
    annotation.apply(exclude(annotation, [7], excluded=True))
    assert annotation.objects.id.tolist() == [2, 7]
    assert annotation.excluded.tolist() == [False, True]
