"""Each tool on small shapes: what it does, what it leaves alone, and what it says to bad use."""

import numpy as np
import pytest

from napari_cellvino.annotation import EditSession, ObjectRecord, pixel_runs
from napari_cellvino.annotation.pixel_runs import runs_of_objects
from napari_cellvino.annotation.tools.add import add_drawn, add_from_intensity, add_from_map
from napari_cellvino.annotation.tools.boxes import add_box, boxes_at, move_box, resize_box
from napari_cellvino.annotation.tools.brush import brush, erase
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.drawing import draw_line, draw_polygon, draw_stroke, ids_under
from napari_cellvino.annotation.tools.mark import accept, exclude, reject, set_class, set_note
from napari_cellvino.annotation.tools.merge import merge
from napari_cellvino.annotation.tools.outline import fill_holes, grow, redraw, shrink, smooth
from napari_cellvino.annotation.tools.planes import fill_planes, interpolate_mask
from napari_cellvino.annotation.tools.selection import below_score, inside, larger_than, smaller_than, touching_edge
from napari_cellvino.annotation.tools.split_line import split_by_line
from napari_cellvino.annotation.tools.split_seeds import split_at_waist, split_by_seeds
from napari_cellvino.core.errors import EditError, UnsureError
from napari_cellvino.core.objects import ObjectOrigin, ReviewState
from tests.annotation.conftest import annotate, boxed, check_index, state


def commit(annotation, edit):
    """Make an edit, check that all agrees, and that undo gives back what was."""
    before = state(annotation)
    session = EditSession(annotation)
    session.commit(edit)
    after = state(annotation)
    session.undo()
    assert state(annotation) == before
    session.redo()
    assert state(annotation) == after
    if annotation.labels is not None:
        check_index(annotation)
    return annotation


@pytest.fixture
def dumbbell(disc):
    """Two discs that overlap a little as #1, a disc that touches them as #2."""
    labels = np.zeros((50, 90), np.int32)
    labels[disc(labels.shape, (25, 20), 12) | disc(labels.shape, (25, 40), 12)] = 1
    labels[disc(labels.shape, (25, 65), 12) & (labels == 0)] = 2
    return annotate(labels)


@pytest.fixture
def stack(disc):
    """A rod #1 of two balls through ten planes, and a block #2 in planes 2 to 4."""
    labels = np.zeros((10, 30, 50), np.int32)
    labels[disc(labels.shape, (5, 15, 12), 4) | disc(labels.shape, (5, 15, 18), 4)] = 1
    labels[2:5, 5:9, 40:45] = 2
    return annotate(labels)


# -- delete and choose


def test_delete_takes_the_object_and_remembers_that_it_was_there(two):
    commit(two, delete(two, [1, 3]))
    assert set(two.records) == {2}
    assert two.deleted[3].box == (25, 40, 35, 50)
    assert two.deleted[3].review is ReviewState.REJECTED
    assert two.next_id == 4


def test_a_drawn_object_is_deleted_for_good():
    annotation = annotate(np.eye(4), origin=ObjectOrigin.DRAWN)
    commit(annotation, delete(annotation, [1]))
    assert not annotation.deleted


def test_runs_of_a_deletion_end_with_the_row_and_ascend():
    labels = np.array([[2, 0, 1], [1, 0, 2], [1, 1, 1]], np.int32)
    annotation = annotate(labels)
    edit = delete(annotation, [2, 1])
    assert edit.pixels.start.tolist() == [0, 2, 3, 5, 6]
    assert edit.pixels.length.tolist() == [1, 1, 1, 1, 3]
    assert edit.pixels.before.tolist() == [2, 1, 1, 2, 1]
    assert not commit(annotation, edit).labels.any()


def test_delete_in_one_plane(stack):
    commit(stack, delete(stack, [1], plane=5))
    assert not (stack.labels[5] == 1).any()
    assert (stack.labels[4] == 1).any()
    assert stack.records[1].review is ReviewState.EDITED
    flat = np.zeros((3, 4, 4), np.int32)
    flat[1, 1:3, 1:3] = 1
    flat = annotate(flat)
    commit(flat, delete(flat, [1], plane=1))
    assert 1 in flat.deleted
    with pytest.raises(EditError, match="#2 .*plane 9"):
        delete(stack, [2], plane=8)


@pytest.mark.parametrize(
    ("ids", "said"), [([], "no cell is chosen"), ([0], "only background"), ([1, 77], "there is no cell #77")]
)
def test_delete_says_what_is_wrong(two, ids, said):
    with pytest.raises(EditError, match=said):
        delete(two, ids)


def test_choices_are_counted_and_named_before_anything_happens():
    labels = np.zeros((30, 30), np.int32)
    labels[0:2, 5:7], labels[10:20, 10:20], labels[25, 25], labels[5:8, 28:30] = 1, 2, 3, 4
    annotation = annotate(labels)
    small = smaller_than(annotation, 5)
    assert (small.ids, small.count, str(small)) == ((1, 3), 2, "2 cells smaller than 5 px")
    assert larger_than(annotation, 99).ids == (2,)
    assert touching_edge(annotation).ids == (1, 4)
    assert below_score(annotation, 0.9).count == 0
    assert str(below_score(annotation, 0.95)) == "4 cells with a score below 0.95"
    assert inside(annotation, [(9, 9), (9, 28), (28, 28), (28, 9)]).ids == (2, 3)
    commit(annotation, accept(annotation, [3]))
    assert str(smaller_than(annotation, 5)) == "1 cell smaller than 5 px; 1 accepted one is spared"
    with pytest.raises(EditError, match="lasso.*three.* 2"):
        inside(annotation, [(0, 0), (3, 3)])


def test_a_lasso_in_a_stack_takes_what_is_in_the_plane(stack):
    everywhere = [(-1, -1), (-1, 60), (40, 60), (40, -1)]
    assert inside(stack, everywhere, plane=3).ids == (1, 2)
    assert inside(stack, everywhere, plane=6).ids == (1,)
    with pytest.raises(EditError, match="z-stack.*plane"):
        inside(stack, everywhere)
    with pytest.raises(EditError, match="plane 11.* 10"):
        inside(stack, everywhere, plane=10)


# -- merge


def test_merge_keeps_the_largest_and_says_where_it_came_from(two):
    two.labels[15, 15:25] = 2
    two = annotate(two.labels)
    commit(two, merge(two, [1, 2]))
    assert (two.labels == 2).sum() == 210
    merged = two.records[2]
    assert (merged.origin, merged.review, merged.sources) == (ObjectOrigin.MERGED, ReviewState.EDITED, (1, 2))
    assert set(two.records) == {2, 3}
    assert not two.deleted


def test_merge_by_a_stroke_across_neighbours(two):
    commit(two, merge(two, ids_under(two, draw_line(two, [(10, 2), (10, 30)]))))
    assert set(two.records) == {1, 3}
    with pytest.raises(EditError, match="two.*#3"):
        merge(two, ids_under(two, draw_stroke(two, [(30, 45)], 2)))
    with pytest.raises(EditError, match="two.*none"):
        merge(two, ids_under(two, draw_stroke(two, [(0, 0)], 2)))


def test_merge_of_what_does_not_touch_asks_first(two):
    with pytest.raises(UnsureError, match="#1 and #3"):
        merge(two, [1, 3])
    with pytest.raises(UnsureError, match="3 cells"):
        merge(two, [1, 2, 3])
    commit(two, merge(two, [1, 3], apart=True))
    assert two.geometry(1).area == 200
    with pytest.raises(EditError, match="only background"):
        merge(two, [0, 1])


def test_touching_by_a_corner_is_touching():
    annotation = annotate([[1, 0], [0, 2]])
    commit(annotation, merge(annotation, [1, 2]))
    assert annotation.geometry(1).area == 2


def test_merge_in_one_plane(stack):
    stack.labels[3, 9:12, 22:41] = 2
    stack = annotate(stack.labels)
    before = stack.labels.copy()
    with pytest.raises(UnsureError):
        merge(stack, [1, 2], plane=4)
    commit(stack, merge(stack, [1, 2], plane=3, apart=True))
    assert not (stack.labels[3] == 2).any()
    np.testing.assert_array_equal(np.delete(stack.labels, 3, 0), np.delete(before, 3, 0))
    assert 2 in stack.records


# -- split


def test_a_line_splits_what_it_crosses(dumbbell):
    area = dumbbell.geometry(1).area
    commit(dumbbell, split_by_line(dumbbell, [(5, 30), (45, 30)]))
    assert set(dumbbell.records) == {1, 2, 3}
    assert dumbbell.geometry(1).area + dumbbell.geometry(3).area == area
    for id_ in (1, 3):
        record = dumbbell.records[id_]
        assert (record.origin, record.review, record.sources) == (ObjectOrigin.SPLIT, ReviewState.EDITED, (1,))
    assert abs(dumbbell.geometry(1).area - dumbbell.geometry(3).area) < 0.15 * area


def test_a_line_that_stops_just_short_splits_too(two):
    commit(two, split_by_line(two, [(26.6, 45), (33.4, 45)]))
    assert len(two.records) == 4


def test_a_line_across_two_cells_splits_both(two):
    edit = split_by_line(two, [(10, 0), (10, 30)])
    assert edit.name == "Split #1, #2"
    commit(two, edit)
    assert set(two.records) == {1, 2, 3, 4, 5}
    assert two.records[5].sources == (2,)


def test_a_bent_line_makes_three_parts(two):
    commit(two, split_by_line(two, [(20, 43), (40, 43), (40, 47), (20, 47)]))
    assert len(two.records) == 5


def test_split_lines_that_do_not_split_are_said(two):
    with pytest.raises(EditError, match="no cell"):
        split_by_line(two, [(0, 30), (3, 55)])
    with pytest.raises(EditError, match="#3"):
        split_by_line(two, [(22, 45), (29, 45)])
    with pytest.raises(EditError, match="two points"):
        split_by_line(two, [(3, 3)])
    with pytest.raises(EditError, match="outside the image"):
        split_by_line(two, [(-30, -30), (-20, -20)])
    with pytest.raises(EditError, match="has no place"):
        split_by_line(two, [(np.nan, 0), (3, 3)])


def test_a_line_splits_a_stack_whole_or_in_a_plane(stack):
    area = stack.geometry(1).area
    line = [(5, 15), (25, 15)]
    commit(stack, split_by_line(stack, line, plane=5))
    assert (stack.geometry(1).region.shape[0], stack.geometry(3).region.shape[0]) == (9, 9)
    assert stack.geometry(1).area + stack.geometry(3).area == area


def test_a_line_splits_in_this_plane_only(stack):
    before = stack.labels.copy()
    commit(stack, split_by_line(stack, [(5, 15), (25, 15)], plane=5, whole=False))
    assert stack.geometry(3).region.shape[0] == 1
    np.testing.assert_array_equal(np.delete(stack.labels, 5, 0), np.delete(before, 5, 0))


def test_seeds_split_where_it_is_narrowest(dumbbell):
    commit(dumbbell, split_by_seeds(dumbbell, [(25, 20), (25, 40)]))
    seam = dumbbell.labels[25, 10:50]
    assert np.flatnonzero(np.diff(seam)).tolist() == [20] or np.flatnonzero(np.diff(seam)).tolist() == [19]


def test_seeds_split_where_the_model_saw_least(two):
    foreground_probability = np.ones(two.shape, np.float16)
    foreground_probability[:, 43] = 0.2
    commit(two, split_by_seeds(two, [(30, 41), (30, 48)], foreground_probability=foreground_probability))
    assert sorted((two.geometry(3).area, two.geometry(4).area)) in ([30, 70], [40, 60])


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ([(10, 10)], "splitting takes two seeds or more, not 1"),
        ([(10, 10), (0, 0)], "a seed lies in the background"),
        ([(10, 10), (10, 20)], "the seeds lie in #1, #2; set all of them in one cell"),
        ([(10, 10), (10.2, 10.1)], "two seeds are in the same pixel"),
        ([(10, 10), (99, 1)], r"\(99, 1\) lies outside the image of 40 × 60 px"),
    ],
)
def test_bad_seeds_are_said(two, seeds, said):
    with pytest.raises(EditError, match=said):
        split_by_seeds(two, seeds)


def test_maps_of_another_image_are_said(two):
    with pytest.raises(EditError, match="do not fit an image of"):
        split_by_seeds(two, [(10, 10), (12, 12)], foreground_probability=np.ones((3, 3)))


def test_a_clear_waist_splits_itself(dumbbell):
    commit(dumbbell, split_at_waist(dumbbell, 1))
    assert len(dumbbell.records) == 3
    with pytest.raises(EditError, match="#2.*waist"):
        split_at_waist(dumbbell, 2)


def test_three_in_a_row_have_two_waists(disc):
    labels = np.zeros((30, 80), np.int32)
    for x in (15, 35, 55):
        labels[disc(labels.shape, (15, x), 11)] = 1
    annotation = annotate(labels)
    commit(annotation, split_at_waist(annotation, 1))
    assert len(annotation.records) == 3


def test_seeds_and_waists_in_a_stack(disc):
    labels = np.zeros((25, 30, 60), np.int32)
    for x in (14, 32):
        labels[disc(labels.shape, (12, 15, x), 10)] = 1
    for split in (
        lambda a: split_by_seeds(a, [(15, 14), (15, 32)], plane=12),
        lambda a: split_at_waist(a, 1),
        lambda a: split_at_waist(a, 1, sampling=(2, 1, 1)),
    ):
        annotation = annotate(labels)
        commit(annotation, split(annotation))
        assert [annotation.geometry(i).region.shape[0] for i in (1, 2)] == [21, 21]
        annotation = annotate(labels)
    commit(annotation, split_at_waist(annotation, 1, plane=12))
    assert annotation.geometry(2).region.shape[0] == 1


# -- add


def test_add_leaves_the_neighbours(two):
    commit(two, add_drawn(two, draw_polygon(two, [(10, 20), (10, 38), (20, 38), (20, 20)]), class_index=1))
    assert (two.geometry(2).area, two.records[4].class_index) == (100, 1)
    assert two.labels[12, 30] == 4
    assert two.records[4].origin is ObjectOrigin.DRAWN
    with pytest.raises(EditError, match="no room"):
        add_drawn(two, draw_stroke(two, [(10, 10)], 2))


def test_add_by_a_click_from_the_map(two, disc):
    blob = disc(two.shape, (30, 15), 7)
    foreground_probability = np.full(two.shape, 0.02, np.float16)
    foreground_probability[blob] = 0.4
    commit(two, add_from_map(two, (31, 14), foreground_probability))
    np.testing.assert_array_equal(two.labels == 4, blob)


def test_a_click_in_a_field_of_doubt_takes_no_more_than_a_few_cells(two, disc):
    y, x = np.ogrid[:40, :60]
    foreground_probability = np.exp(-((y - 30) ** 2 + (x - 15) ** 2) / 300)
    commit(two, add_from_map(two, (30, 15), foreground_probability, level=0.01))
    assert two.geometry(4).area <= 600


@pytest.mark.parametrize("sign", [1, -1])
def test_add_by_a_click_from_intensity(two, disc, sign):
    blob = disc(two.shape, (30, 15), 7)
    pixels = np.random.default_rng(0).normal(100, 2, two.shape) + sign * 60 * blob
    commit(two, add_from_intensity(two, (30, 15), pixels.astype(np.uint8)))
    both = ((two.labels == 4) & blob).sum()
    assert both / ((two.labels == 4) | blob).sum() > 0.9


def test_clicks_that_add_nothing_are_said(two):
    foreground_probability = np.full(two.shape, 0.02)
    with pytest.raises(EditError, match=r"0\.02"):
        add_from_map(two, (30, 15), foreground_probability)
    with pytest.raises(EditError, match="#1"):
        add_from_map(two, (10, 10), foreground_probability)
    with pytest.raises(EditError, match="background"):
        add_from_intensity(
            two, (30, 15), np.random.default_rng(0).normal(100, 5, two.shape) * (foreground_probability > 0) + 0
        )
    with pytest.raises(EditError, match="does not fit a plane of"):
        add_from_map(two, (30, 15), foreground_probability[1:])


def test_add_in_a_plane_of_a_stack(stack, disc):
    blob = disc(stack.shape[1:], (20, 40), 5)
    commit(stack, add_from_map(stack, (20, 40), blob.astype(np.float16), plane=7))
    np.testing.assert_array_equal(stack.labels[7] == 3, blob)
    assert stack.geometry(3).area == blob.sum()
    with pytest.raises(EditError, match="say which plane"):
        add_from_map(stack, (20, 40), blob.astype(np.float16))


# -- brush, outlines


def test_brush_does_not_overwrite_neighbours(two):
    drawing = draw_stroke(two, [(10, 10), (10, 30)], 6)
    commit(two, brush(two, 1, drawing))
    assert two.geometry(2).area == 100
    assert two.labels[10, 33] == 1
    assert two.records[1].origin is ObjectOrigin.EDITED
    with pytest.raises(EditError, match="nothing to add to #1"):
        brush(two, 1, draw_stroke(two, [(10, 20)], 2))


def test_eraser_spares_what_was_accepted(two):
    commit(two, accept(two, [1]))
    commit(two, erase(two, draw_stroke(two, [(10, 15)], 4)))
    assert two.geometry(1).area == 100
    assert two.geometry(2).area < 100
    with pytest.raises(EditError, match="#1.*accepted"):
        erase(two, draw_stroke(two, [(10, 8)], 2))
    with pytest.raises(EditError, match="erase"):
        erase(two, draw_stroke(two, [(0, 0)], 2))
    with pytest.raises(EditError, match="nothing of #3 is here"):
        erase(two, draw_stroke(two, [(10, 8)], 2), id_=3)
    commit(two, erase(two, draw_stroke(two, [(10, 8)], 2), id_=1))
    assert two.geometry(1).area < 100


def test_erasing_all_of_an_object_takes_it_away(two):
    commit(two, erase(two, draw_stroke(two, [(30, 45)], 20)))
    assert 3 not in two.records


def test_holes_are_filled_but_not_the_cell_in_them():
    labels = np.zeros((12, 12), np.int32)
    labels[1:11, 1:11], labels[3:5, 3:5], labels[6:9, 6:9], labels[7, 7] = 1, 0, 0, 2
    annotation = annotate(labels)
    commit(annotation, fill_holes(annotation, 1))
    assert (annotation.geometry(1).area, annotation.geometry(2).area) == (99, 1)
    with pytest.raises(EditError, match="#1 has no holes"):
        fill_holes(annotation, 1)


def test_holes_in_a_stack_are_those_of_planes():
    labels = np.ones((3, 5, 5), np.int32)
    labels[:, 2, 2] = 0
    annotation = annotate(labels)
    commit(annotation, fill_holes(annotation, 1, plane=1))
    assert annotation.geometry(1).area == 73
    commit(annotation, fill_holes(annotation, 1))
    assert annotation.geometry(1).area == 75


def test_smoothing_takes_thorns_away(disc):
    labels = disc((40, 40), (20, 20), 10).astype(np.int32)
    labels[20, 28:39] = 1
    annotation = annotate(labels)
    commit(annotation, smooth(annotation, 1))
    assert not annotation.labels[20, 33:].any()
    assert abs(annotation.geometry(1).area - disc((40, 40), (20, 20), 10).sum()) < 15
    thin = annotate(np.eye(20))
    with pytest.raises(EditError, match="left of #1"):
        smooth(thin, 1)


def test_grow_and_shrink_by_a_pixel(two):
    commit(two, grow(two, 1))
    assert (two.geometry(1).area, two.geometry(2).area) == (130, 100)
    commit(two, shrink(two, 3))
    assert two.geometry(3).area == 64
    tiny = annotate([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    with pytest.raises(EditError, match="left of #1"):
        shrink(tiny, 1)
    full = annotate([[1, 2], [2, 2]])
    with pytest.raises(EditError, match="Grow #1"):
        grow(full, 1)


def test_the_edge_of_the_image_is_no_outline():
    annotation = annotate(np.pad(np.ones((5, 5)), ((0, 3), (0, 3))))
    commit(annotation, shrink(annotation, 1))
    assert annotation.geometry(1).area == 16


def test_growing_in_a_stack_stays_in_its_planes(stack):
    commit(stack, grow(stack, 2))
    assert stack.geometry(2).region.shape == (3, 6, 7)
    commit(stack, shrink(stack, 2, plane=3))
    assert stack.geometry(2).area == 2 * 38 + 20


def test_redraw_gives_another_outline(two):
    commit(two, redraw(two, 1, draw_polygon(two, [(7, 2), (7, 17), (13, 17), (13, 2)])))
    assert (two.geometry(1).region.low, two.geometry(1).region.high) == ((7, 2), (14, 15))
    assert two.geometry(2).area == 100
    with pytest.raises(EditError, match="left of #1"):
        redraw(two, 1, draw_stroke(two, [(10, 20)], 2))
    with pytest.raises(EditError, match="outline.*three.* 2"):
        draw_polygon(two, [(0, 0), (1, 1)])


def test_redraw_in_a_stack_changes_its_plane(stack):
    before = stack.labels.copy()
    commit(stack, redraw(stack, 2, draw_polygon(stack, [(20, 38), (20, 46), (26, 42)], plane=4)))
    np.testing.assert_array_equal(stack.labels[:4], before[:4])
    assert not (stack.labels[4, :19] == 2).any()
    assert (stack.labels[4, 20:] == 2).any()


def test_drawings_off_the_image_and_tiny_ones(two):
    with pytest.raises(EditError, match="outside the image"):
        draw_polygon(two, [(-9, -9), (-9, -5), (-5, -5)])
    assert draw_polygon(two, [(3.2, 3.2), (3.3, 3.2), (3.2, 3.3)]).mask.sum() == 1
    assert draw_stroke(two, [(3.4, 3.4)], 0.1).mask.sum() == 1
    with pytest.raises(EditError, match="a radius above 0"):
        draw_stroke(two, [(3, 3)], 0)
    with pytest.raises(EditError, match="plane 2"):
        draw_stroke(two, [(3, 3)], 2, plane=2)
    assert ids_under(two, draw_line(two, [(10, 0), (10, 59)])) == [1, 2]


# -- planes


def test_planes_between_two_drawn_ones_are_filled(disc):
    labels = np.zeros((9, 40, 40), np.int32)
    labels[1][disc((40, 40), (20, 12), 4)] = 1
    labels[7][disc((40, 40), (20, 28), 10)] = 1
    labels[4, 18:23, 18:23] = 2
    annotation = annotate(labels)
    commit(annotation, fill_planes(annotation, 1))
    areas = [(annotation.labels[z] == 1).sum() for z in range(9)]
    assert areas[0] == areas[8] == 0
    assert areas[1] < areas[2] < areas[3] < areas[5] < areas[6] < areas[7]
    assert annotation.geometry(2).area == 25
    middle = np.argwhere(annotation.labels[3] == 1).mean(axis=0)
    assert abs(middle[1] - (12 + 16 / 3)) < 1
    with pytest.raises(EditError, match="#1"):
        fill_planes(annotation, 1)


def test_shapes_go_over_into_each_other(disc):
    small, large = disc((40, 40), (20, 20), 5), disc((40, 40), (20, 20), 11)
    np.testing.assert_array_equal(interpolate_mask(small, small, 0.5), small)
    assert abs(interpolate_mask(small, large, 0.5).sum() - disc((40, 40), (20, 20), 8).sum()) < 25


def test_planes_of_a_single_plane_are_no_planes(two):
    with pytest.raises(EditError, match="one plane"):
        fill_planes(two, 1)


# -- words


def test_what_is_said_of_objects(two):
    commit(two, set_class(two, [1, 2], 1))
    commit(two, reject(two, [2]))
    commit(two, exclude(two, [3]))
    commit(two, set_note(two, [3], "mitosis?"))
    assert [(r.class_index, r.review.name, r.excluded, r.counted) for r in two.records.values()] == [
        (1, "EDITED", False, True),
        (1, "REJECTED", False, False),
        (0, "EDITED", True, False),
    ]
    assert two.records[3].note == "mitosis?"
    commit(two, exclude(two, [3], excluded=False))
    assert two.records[3].counted
    assert accept(two, [1, 2]).name == "Accept 2 cells"


def test_a_class_that_a_cell_has_already_is_accepted_and_no_edit(two):
    commit(two, set_class(two, [1, 2], 0))
    assert [two.records[id_].review.name for id_ in (1, 2)] == ["ACCEPTED", "ACCEPTED"]


def test_words_that_change_nothing_or_fit_nothing_are_said(two):
    commit(two, accept(two, [1]))
    with pytest.raises(EditError, match="Accept #1"):
        accept(two, [1])
    with pytest.raises(EditError, match="class 3.*1 living, 2 dead"):
        set_class(two, [1], 2)
    with pytest.raises(EditError, match="no cell"):
        reject(two, [])
    with pytest.raises(EditError, match="only background"):
        accept(two, [0])
    with pytest.raises(EditError, match="20,000"):
        set_note(two, [1], "x" * 20_000)


# -- boxes


def test_boxes_are_added_moved_resized_marked_and_deleted():
    annotation = boxed((10, 10, 20, 30), (50, 50, 60, 60))
    commit(annotation, add_box(annotation, (80, 90), (70.4, 110), class_index=1))
    assert annotation.records[3].box == (70, 90, 80, 110)
    commit(annotation, move_box(annotation, 1, (-3.6, 200)))
    assert annotation.records[1].box == (6, 100, 16, 120)
    commit(annotation, resize_box(annotation, 2, (40, 40), (300, 70)))
    assert annotation.records[2].box == (40, 40, 100, 70)
    assert annotation.records[2].origin is ObjectOrigin.EDITED
    commit(annotation, set_class(annotation, [2], 1))
    assert boxes_at(annotation, (75, 95)) == [3]
    assert touching_edge(annotation).ids == (1, 2)
    commit(annotation, delete(annotation, [2, 3]))
    assert set(annotation.records) == {1}
    assert set(annotation.deleted) == {2}


def test_bad_use_of_boxes_is_said(two):
    annotation = boxed((10, 10, 20, 30))
    with pytest.raises(EditError, match="box.*no pixel"):
        add_box(annotation, (3, 3), (3.2, 9))
    with pytest.raises(EditError, match="class 8.* 2"):
        add_box(annotation, (3, 3), (9, 9), class_index=7)
    with pytest.raises(EditError, match="Move changes nothing"):
        move_box(annotation, 1, (0.2, 0))
    with pytest.raises(EditError, match="there is no cell #5"):
        resize_box(annotation, 5, (0, 0), (5, 5))
    with pytest.raises(EditError, match="outlines.*boxes"):
        move_box(two, 1, (3, 3))
    with pytest.raises(EditError, match="boxes.*outlines"):
        split_by_line(annotation, [(0, 0), (30, 30)])
    with pytest.raises(EditError, match="boxes.*outlines"):
        merge(annotation, [1, 1])


def test_records_know_what_counts():
    assert ObjectRecord(1).counted
    assert not ObjectRecord(1, review=ReviewState.REJECTED).counted


def test_seeds_in_a_flat_map_part_a_cell_halfway_between_them():
    labels = np.zeros((60, 60), np.int32)
    y, x = np.indices(labels.shape)
    labels[(y - 30) ** 2 + (x - 30) ** 2 <= 400] = 1
    noise = np.random.default_rng(3).uniform(0.99, 1, labels.shape).astype(np.float16)
    annotation = annotate(labels)
    EditSession(annotation).commit(split_by_seeds(annotation, [(30, 20), (30, 41)], foreground_probability=noise))
    right = annotation.labels == annotation.labels[30, 41]
    assert not right[:, :28].any()
    assert right[:, 34:].sum() == (labels[:, 34:] == 1).sum()


@pytest.mark.parametrize("shape", [(7, 9), (6, 1), (3, 5, 4), (4, 3, 1)])
@pytest.mark.parametrize("few", [0, pixel_runs.FEW])  # looked at together, or one by one
def test_runs_of_many_objects_are_those_of_their_pixels(shape, few, monkeypatch):
    monkeypatch.setattr(pixel_runs, "FEW", few)
    labels = np.random.default_rng(2).integers(0, 4, shape).astype(np.int32)
    annotation = annotate(labels)
    ids = [3, 1]
    places = annotation.index.places(ids)
    runs = runs_of_objects(annotation.pixels, places.low, places.high, ids, 9)
    runs.write(annotation.pixels)
    np.testing.assert_array_equal(annotation.pixels, np.where(np.isin(labels, ids), 9, labels))
    assert set(runs.before.tolist()) == set(ids)
    before = np.pad(labels, [(0, 0)] * (len(shape) - 1) + [(1, 0)])
    assert len(runs) == sum(((before[..., 1:] == i) & (before[..., :-1] != i)).sum() for i in ids)


@pytest.mark.parametrize("shape", [(37, 50), (9, 14, 21), (1, 300)])
def test_bands_of_a_large_region_and_parts_of_many_runs_are_those_of_the_whole(shape, monkeypatch):
    monkeypatch.setattr(pixel_runs, "FEW", 0)
    labels = np.random.default_rng(4).integers(0, 9, shape).astype(np.int32)
    ids, made = [7, 2, 3], []
    for large, many in ((pixel_runs.LARGE_PX, pixel_runs.MANY), (1, 5)):
        monkeypatch.setattr(pixel_runs, "LARGE_PX", large)
        monkeypatch.setattr(pixel_runs, "MANY", many)
        annotation = annotate(labels)
        places = annotation.index.places(ids)
        runs = runs_of_objects(annotation.pixels, places.low, places.high, ids, 0)
        made.append((runs.start, runs.length, runs.before, runs.after))
        assert runs.write_over(annotation.pixels)
        np.testing.assert_array_equal(annotation.pixels, np.where(np.isin(labels, ids), 0, labels))
        assert not runs.holds(annotation.pixels)
        assert runs.inverse().holds(annotation.pixels)
        wrong = labels.copy()
        wrong.reshape(-1)[runs.start[-1]] += 1
        assert not runs.write_over(wrong), "the last part does not fit: nothing of the others is written"
        assert (wrong != labels).sum() == 1
        runs.inverse().write(annotation.pixels)
        np.testing.assert_array_equal(annotation.pixels, labels)
    for whole, parts in zip(*made, strict=True):
        np.testing.assert_array_equal(whole, parts)
        assert whole.dtype == parts.dtype


@pytest.mark.parametrize("plane", [None, 1])
def test_deleting_many_at_once_writes_the_same_runs_as_one_by_one(plane, monkeypatch):
    monkeypatch.setattr("napari_cellvino.annotation.session.now", lambda: "2026-01-01T00:00:00+00:00")
    rng = np.random.default_rng(5)
    labels = np.kron(rng.integers(0, 40, (3, 9, 8)), np.ones((1, 3, 4), int)).astype(np.int32)
    there = [id_ for id_ in range(1, 40) if (labels[1] == id_).any()]
    made = {}
    for few in (0, pixel_runs.FEW):
        monkeypatch.setattr(pixel_runs, "FEW", few)
        annotation = annotate(labels)
        session = EditSession(annotation)
        session.commit(delete(annotation, there[::-1], plane=plane))
        made[few] = session.history.next_undo.pixels, annotation.fingerprint()
        session.undo()
        np.testing.assert_array_equal(annotation.labels, labels)
    (together, after), (apart, after_too) = made.values()
    assert after == after_too
    for column in ("start", "length", "before", "after"):
        np.testing.assert_array_equal(getattr(together, column), getattr(apart, column))
        assert getattr(together, column).dtype == getattr(apart, column).dtype


def test_cells_of_another_plane_do_not_widen_what_is_deleted_in_one(monkeypatch):
    monkeypatch.setattr(pixel_runs, "FEW", 0)
    labels = np.zeros((4, 6, 6), np.int32)
    labels[:, :2, :2], labels[3, 4:, 4:] = 1, 2
    annotation = annotate(labels)
    with pytest.raises(EditError, match="#2 is not in plane 1"):
        delete(annotation, [1, 2], plane=0)
    places = annotation.index.places([1, 2])
    high = np.minimum(places.high, [1, 6, 6])
    runs = runs_of_objects(labels, places.low, np.maximum(high, places.low), [1, 2], 0)
    assert runs.length.sum() == 4, "the pixels of #1 in the first plane only"


def test_runs_are_written_over_what_they_were_made_for_only():
    labels = np.zeros((4, 6), np.int32)
    labels[1, 1:4] = labels[2, 2:5] = 3
    places = annotate(labels).index.places([3])
    runs = runs_of_objects(labels, places.low, places.high, [3], 0)
    other = labels.copy()
    other[2, 4] = 5
    before = other.copy()
    assert not runs.write_over(other)
    np.testing.assert_array_equal(other, before)
    assert runs.write_over(labels)
    assert not labels.any()
