"""Outlines follow the pixels, and neighbours differ."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.segmentation import find_boundaries

from napari_cellvino.core.objects import Doubt, Objects
from napari_cellvino.figures.outlines import object_colours, paint_outlines
from napari_cellvino.figures.palette import AT_EDGE, DOUBTFUL, HUES


def objects_with(ids, doubts=None):
    n = len(ids)
    found = Objects.found(score=np.ones(n), box=np.zeros((n, 4)), centroid=np.zeros((n, 2)), area_px=np.ones(n, int))
    return replace(found, id=np.array(ids), doubts=np.zeros(n, int) if doubts is None else np.array(doubts))


def painted(labels, objects, *, thickness=1):
    picture = np.zeros((*labels.shape, 3), np.uint8)
    paint_outlines(picture, labels, objects, thickness=thickness)
    return picture


def random_labels(seed, size=40):
    coarse = np.random.default_rng(seed).integers(0, 6, (size // 4, size // 4))
    return np.kron(coarse, np.ones((4, 4), int))


@pytest.mark.parametrize("seed", range(3))
def test_outline_is_the_inner_boundary(seed):
    labels = random_labels(seed)
    shown = painted(labels, objects_with([1, 2, 3, 4, 5])).any(axis=-1)
    np.testing.assert_array_equal(shown, find_boundaries(labels, connectivity=1, mode="inner"))


@pytest.mark.parametrize(("id_", "kind"), [(65_535, np.uint16), (3_000_000_000, np.uint32), (7, np.int32)])
def test_outline_of_any_id(id_, kind):
    labels = np.zeros((8, 9), kind)
    labels[2:5, 2:6] = id_
    labels[6, 6] = 1  # not among the objects
    shown = painted(labels, objects_with([id_])).any(axis=-1)
    assert shown.sum() == 10
    assert not shown[6, 6]


def test_thick_outline_stays_inside_its_object():
    labels = np.zeros((20, 20), int)
    labels[5:15, 5:15] = 3
    thick = painted(labels, objects_with([3]), thickness=2).any(axis=-1)
    ring = np.zeros_like(thick)
    ring[5:15, 5:15] = True
    ring[7:13, 7:13] = False
    np.testing.assert_array_equal(thick, ring)


def test_background_beside_an_outline_is_darkened():
    labels = np.zeros((5, 5), int)
    labels[2, 2] = 1
    picture = np.full((5, 5, 3), 200, np.uint8)
    paint_outlines(picture, labels, objects_with([1]), thickness=1)
    assert (picture[1, 2] == 90).all()
    assert (picture[0, 2] == 200).all()


def test_labels_that_are_no_objects_are_not_outlined():
    labels = np.kron([[0, 7], [4, 0]], np.ones((4, 4), int))
    assert not painted(labels, objects_with([4]))[labels == 7].any()
    assert painted(labels, objects_with([4]))[labels == 4].any()
    assert not painted(labels, objects_with([])).any()


def test_doubtful_and_cut_objects_are_dashed_in_their_colours():
    labels = np.kron([[1, 0, 2, 0, 3]], np.ones((30, 30), int))
    labels[[0, -1]] = 0
    both = Doubt.TOUCHES_EDGE | Doubt.LOW_SCORE
    picture = painted(labels, objects_with([1, 2, 3], [Doubt.TOUCHES_EDGE, both, Doubt.NONE]))
    shown = [np.unique(picture[labels == i], axis=0).tolist() for i in (1, 2, 3)]
    assert list(AT_EDGE) in shown[0]
    assert list(DOUBTFUL) in shown[1]
    assert not {AT_EDGE, DOUBTFUL} & set(map(tuple, shown[2]))
    pixels = [(picture[labels == i].max(axis=-1) > 100).sum() for i in (1, 2, 3)]
    assert pixels[0] < 0.7 * pixels[2]
    assert pixels[1] < 0.7 * pixels[2]


def test_neighbours_in_a_grid_never_share_a_hue():
    labels = np.kron(np.arange(1, 101).reshape(10, 10), np.ones((12, 12), int))
    labels[::12] = 0
    labels[:, ::12] = 0
    colours = object_colours(labels, objects_with(np.arange(1, 101))).reshape(10, 10, 3)
    assert (colours[1:] != colours[:-1]).any(axis=-1).all()
    assert (colours[:, 1:] != colours[:, :-1]).any(axis=-1).all()
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) == len(HUES)


@given(st.integers(1, 12), st.integers(1, 12))
def test_tiny_pictures(height, width):
    labels = np.arange(height * width).reshape(height, width)
    ids = np.unique(labels[labels > 0])
    assert painted(labels, objects_with(ids), thickness=2).shape == (height, width, 3)


def test_huge_ids():
    labels = np.zeros((9, 9), np.uint32)
    labels[2:5, 2:5], labels[5:8, 2:5] = 4_000_000_000, 4_000_000_001
    colours = object_colours(labels, objects_with(np.array([4_000_000_000, 4_000_000_001])))
    assert (colours[0] != colours[1]).any()


@pytest.mark.parametrize(("zoom", "thickness"), [(2, 1), (2, 2), (3, 2)])
def test_enlarged_picture_is_painted_as_enlarged_labels_are(zoom, thickness):
    labels = random_labels(1)
    objects = objects_with([1, 2, 3, 4, 5])
    pictures = np.full((2, *(zoom * np.array(labels.shape)), 3), 200, np.uint8)
    paint_outlines(pictures[0], labels.repeat(zoom, 0).repeat(zoom, 1), objects, thickness=thickness)
    paint_outlines(pictures[1], labels, objects, thickness=thickness, zoom=zoom)
    assert (pictures[0] != 200).any()
    np.testing.assert_array_equal(pictures[0], pictures[1])
