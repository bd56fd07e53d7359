"""Boxes from grids of which every cell is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.model_package.spec import Diameter
from napari_cellvino.segmentation.heads.box_overlap import keep_best, overlaps
from napari_cellvino.segmentation.heads.grid import GridHead

from ..scenes import raw_maps

HEAD = GridHead(classes=2, stride=4, diameter=Diameter(reference=12, smallest=6, largest=40), sized=True)
VALUES = {"confidence": 0.5, "overlap": 0.3}


def maps_of(shape, *cells):
    """Return maps of a grid with cells (row, column, class, probability, dy, dx, height, width)."""
    maps = np.zeros((6, *shape), np.float16)
    for row, column, number, probability, *rest in cells:
        maps[number, row, column] = probability
        maps[2:, row, column] = rest
    return maps


def iou(a, b):
    both = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def greedy(boxes, limit):
    kept = []
    for number, box in enumerate(boxes):
        if all(iou(box, boxes[other]) <= limit for other in kept):
            kept.append(number)
    return kept


box_lists = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 30), st.integers(1, 30)), max_size=25
)


@given(box_lists, st.sampled_from([0.0, 0.1, 0.3, 0.7]))
def test_suppression_in_rounds_is_that_of_one_by_one(sides, limit):
    boxes = np.array([(y, x, y + h, x + w) for y, x, h, w in sides]).reshape(-1, 4)
    assert np.flatnonzero(keep_best(boxes, limit)).tolist() == greedy(boxes.tolist(), limit)


@given(box_lists)
def test_every_overlap_is_found(sides):
    boxes = np.array([(y, x, y + h, x + w) for y, x, h, w in sides]).reshape(-1, 4)
    pairs, values = overlaps(boxes)
    expected = {
        (a, b): iou(boxes[a], boxes[b]) for a, b in combinations(range(len(boxes)), 2) if iou(boxes[a], boxes[b]) > 0
    }
    assert {tuple(pair): pytest.approx(value) for pair, value in zip(pairs.tolist(), values, strict=True)} == expected


def test_a_cell_of_the_grid_becomes_a_box_in_px():
    objects = HEAD.decode(raw_maps(maps_of((20, 30), (5, 7, 1, 0.75, 2, -1, 10, 20)), stride=4), VALUES).objects
    assert len(objects) == 1
    assert objects.class_index.tolist() == [1]
    assert objects.score.tolist() == [0.75]
    np.testing.assert_allclose(objects.centroid, [[5.5 * 4 - 0.5 + 2, 7.5 * 4 - 0.5 - 1]])
    assert objects.box.tolist() == [[19, 19, 29, 39]]
    assert objects.area_px.tolist() == [200]


def test_boxes_are_scaled_to_the_plane():
    maps = maps_of((20, 30), (5, 7, 0, 0.9, 0, 0, 10, 20))
    objects = HEAD.decode(raw_maps(maps, shape=(160, 60), stride=4), VALUES).objects
    np.testing.assert_allclose(objects.centroid, [[22 * 2 - 0.5, 30 / 2 - 0.5]])
    assert objects.box.tolist() == [[34, 10, 54, 20]]


def test_without_sizes_boxes_are_squares_of_the_reference():
    head = GridHead(classes=1, stride=16, diameter=HEAD.diameter, sized=False)
    maps = np.zeros((3, 9, 9), np.float16)
    maps[0, 4, 4] = 0.9
    assert head.decode(raw_maps(maps, stride=16), VALUES).objects.box.tolist() == [[66, 66, 78, 78]]


def test_boxes_stay_within_the_plane_and_centres_beyond_it_are_mirror_images():
    maps = maps_of((5, 5), (0, 0, 0, 0.9, 0, 0, 12, 12), (4, 4, 0, 0.9, 0, 0, 12, 12), (2, 4, 0, 0.9, 0, 0, 12, 12))
    raw = replace(
        raw_maps(maps, stride=4), shape=(17, 17), input_shape=(17, 17)
    )  # the last row and column reach beyond it
    assert HEAD.decode(raw, VALUES).objects.box.tolist() == [[0, 0, 8, 8]]


def test_one_maximum_is_one_cell_and_the_likeliest_class_is_its_class():
    maps = maps_of((9, 9), (4, 4, 0, 0.8, 0, 0, 12, 12), (4, 5, 1, 0.9, 0, 0, 12, 12))
    maps[4:, 4:6, 4:6] = 12
    maps[0, 5, 4] = maps[0, 5, 5] = 0.6
    objects = HEAD.decode(raw_maps(maps, stride=4), VALUES).objects
    assert objects.class_index.tolist() == [1]
    assert objects.score == pytest.approx([0.9], abs=1e-3)


def test_a_plateau_is_one_cell():
    maps = maps_of((9, 9), *((r, c, 0, 1.0, 0, 0, 12, 12) for r in (3, 4) for c in (3, 4)))
    assert len(HEAD.decode(raw_maps(maps, stride=4), VALUES | {"overlap": 1.0}).objects) == 1


@pytest.mark.parametrize(("overlap", "count"), [(0.0, 1), (0.3, 1), (0.4, 2), (1.0, 2)])
def test_overlap_decides_what_is_one_cell(overlap, count):
    maps = maps_of((9, 9), (4, 2, 0, 0.8, 0, 0, 16, 16), (4, 4, 0, 0.9, 0, 0, 16, 16))  # IoU 1/3
    assert len(HEAD.decode(raw_maps(maps, stride=4), VALUES | {"overlap": overlap}).objects) == count


@given(st.integers(0, 100), st.floats(0.05, 0.9))
def test_more_confidence_only_takes_away(seed, confidence):
    rng = np.random.default_rng(seed)
    maps = rng.random((6, 16, 16)).astype(np.float16)
    maps[4:] = maps[4:] * 20 + 6
    low, high = (
        HEAD.decode(raw_maps(maps, stride=4), VALUES | {"confidence": c}).objects
        for c in (confidence, confidence + 0.1)
    )
    kept = low.select(low.score >= np.float32(confidence + 0.1))
    np.testing.assert_array_equal(kept.box, high.box)
    assert (np.diff(low.centroid[:, 0]) >= 0).all()
    np.testing.assert_array_equal(low.id, np.arange(1, len(low) + 1))


def test_sizes_beyond_belief_are_not_believed():
    maps = maps_of((60, 60), (30, 30, 0, 0.9, 0, 0, -5, 9000))
    assert HEAD.decode(raw_maps(maps, stride=4), VALUES).objects.box.tolist() == [[121, 82, 124, 162]]
