"""Outlines along pixel edges give the pixels back, for every shape there is."""

import numpy as np
import pytest
import shapely
from hypothesis import given

from napari_cellvino.formats.contours import fill_rings, signed_area, trace_rings
from napari_cellvino.formats.polygons import polygons_of, single_path

from .cases import CASES, label_images, many_objects


def check(labels):
    found = trace_rings(labels)
    assert sorted(found) == np.unique(labels[labels != 0]).tolist()
    for id_, rings in found.items():
        mask = labels == id_
        np.testing.assert_array_equal(fill_rings(rings, labels.shape), mask)
        np.testing.assert_array_equal(fill_rings([single_path(rings)], labels.shape), mask)
        assert sum(map(signed_area, rings)) == mask.sum()
        parts = [(outer.tolist(), [hole.tolist() for hole in holes]) for outer, *holes in polygons_of(rings)]
        whole = shapely.MultiPolygon(parts)
        assert whole.is_valid
        assert whole.area == mask.sum()
        assert all(shapely.LinearRing(ring).is_simple for ring in rings)


@given(label_images)
def test_any_label_image(labels):
    check(labels)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_awkward_ones(case):
    check(case())


def test_corners_only():
    (ring,) = trace_rings(np.pad(np.ones((3, 5), int), 2))[1]
    assert ring.tolist() == [[2, 2], [7, 2], [7, 5], [2, 5]]


def test_many_objects():
    rings = trace_rings(many_objects())
    assert len(rings) == 257 * 257
    assert all(len(parts) == 1 and len(parts[0]) == 4 for parts in rings.values())


def test_polygons_of_others_are_filled_by_pixel_centres():
    triangle = np.array([(0.0, 0.0), (4.0, 0.0), (0.0, 4.0)])
    expected = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    filled = fill_rings([triangle], (4, 4)).astype(int)
    inside = [
        [int(shapely.Polygon(triangle).contains(shapely.Point(x + 0.5, y + 0.5))) for x in range(4)] for y in range(4)
    ]
    on_edge = [(0, 3), (1, 2), (2, 1), (3, 0)]
    for y in range(4):
        for x in range(4):
            assert (y, x) in on_edge or filled[y, x] == inside[y][x]
    assert (np.array(expected) >= filled - np.eye(4, dtype=int)[::-1]).all()


def test_what_lies_beyond_the_image_is_cut_off():
    square = np.array([(-5, -5), (3, -5), (3, 2), (-5, 2)])
    assert fill_rings([square], (4, 6)).sum() == 6
    assert fill_rings([square + 100], (4, 6)).sum() == 0
