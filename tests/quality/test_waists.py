"""Objects with a clear waist are told from those without one, at any size, many at a time."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.annotation.tools.split_seeds import waist_parts
from napari_cellvino.core.objects import Objects
from napari_cellvino.measure.outlines import find_outlines
from napari_cellvino.quality import waists
from napari_cellvino.quality.waists import count_waisted
from tests.annotation.conftest import annotate


def discs(shape, *centres_and_radii):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.any([(y - cy) ** 2 + (x - cx) ** 2 <= r * r for cy, cx, r in centres_and_radii], axis=0)


def counted(labels):
    objects: Objects = annotate(labels).objects
    found = count_waisted(labels, objects, find_outlines(labels, objects.id).solidity)
    return {int(objects.id[row]): count for row, count in found.items()}


@pytest.mark.parametrize("radius", [10, 12, 25, 60])
def test_dumbbells_have_two_parts_and_ellipses_one(radius):
    side = 5 * radius + 4
    y, x = np.ogrid[:side, :side]
    middle = side // 2
    dumbbell = discs((side, side), (middle, middle - radius, radius), (middle, middle + radius - 1, radius))
    ellipse = ((y - middle) / radius) ** 2 + ((x - middle) / (2 * radius)) ** 2 <= 1
    chain = discs((side, side), *((middle, middle + 1.7 * n * radius * 0.7, 0.7 * radius) for n in (-1, 0, 1)))
    labels = np.hstack([np.where(dumbbell, 1, 0), np.where(ellipse, 2, 0), np.where(chain, 3, 0)]).astype(np.int32)
    assert counted(labels) == {1: 2, 3: 3}


def test_many_at_once_are_as_one_by_one():
    rng = np.random.default_rng(3)
    labels = np.zeros((900, 900), np.int32)
    for number in range(100):
        y, x = 45 + 90 * (number // 10), 45 + 90 * (number % 10)
        angle, apart, (a, b) = rng.uniform(0, np.pi), rng.uniform(1.0, 1.9), rng.uniform(8, 18, 2)
        half = apart * (a + b) / 4
        ends = (
            (y - half * np.sin(angle), x - half * np.cos(angle), a),
            (y + half * np.sin(angle), x + half * np.cos(angle), b),
        )
        labels[discs(labels.shape, *ends)] = number + 1
    alone = {}
    annotation = annotate(labels)
    for id_ in annotation.records:
        parts = int(waist_parts(labels[annotation.geometry(id_).region.slices] == id_).max())
        alone |= {id_: parts} if parts > 1 else {}
    together = counted(labels)
    assert 20 < len(alone) < 80
    assert len(alone.keys() ^ together.keys()) <= 2  # an outline at the edge of its box is smoothed another way


def test_nothing_is_found_in_nothing():
    assert count_waisted(np.zeros((5, 5), np.int32), Objects.none(), np.zeros(0)) == {}


def test_distances_are_those_of_the_distance_transform():
    inside = ndi.binary_opening(np.random.default_rng(3).random((60, 90)) > 0.2)
    inside[:, [0, -1]] = inside[[0, -1]] = False
    wanted = ndi.distance_transform_edt(inside).astype(np.float32)
    assert wanted.max() > 2
    np.testing.assert_array_equal(waists._distances(inside), wanted)


def test_peaks_are_those_of_a_maximum_filter_away_from_the_border():
    depth = np.random.default_rng(5).integers(0, 4, (40, 60)).astype(np.float32)  # many plateaus
    wanted = depth == ndi.maximum_filter(depth, 3)
    found = waists._is_highest(depth)
    np.testing.assert_array_equal(found[1:-1, 1:-1], wanted[1:-1, 1:-1])
    assert not found[[0, -1]].any()
    assert not found[:, [0, -1]].any()


def test_levels_of_hilly_masks_alone_count_what_those_of_all_do():
    side = 60
    dumbbell = discs((side, side), (30, 18, 12), (30, 40, 12))
    disc, bar = discs((side, side), (30, 30, 20)), np.zeros((side, side), bool)
    bar[20:30, 5:55] = True
    chain = discs((side, side), (30, 12, 9), (30, 28, 9), (30, 44, 9))
    masks = [dumbbell, disc, bar, chain]
    assert waists._parts(masks).tolist() == [2, 1, 1, 3]
    assert [int(waists._parts([mask])[0]) for mask in masks] == [2, 1, 1, 3]
