from __future__ import annotations

import numpy as np

from napari_cellvino.training.data.targets import make_targets


def test_offsets_lead_to_the_centre() -> None:
    labels = np.zeros((20, 30), int)
    labels[2:9, 3:8] = 7
    labels[12:15, 20:29] = 2
    t = make_targets(labels)
    np.testing.assert_array_equal(t.foreground, labels > 0)
    ys, xs = np.mgrid[:20, :30]
    for value, centre in ((7, (5, 5)), (2, (13, 24))):
        own = labels == value
        np.testing.assert_allclose((ys + t.offset_yx[0])[own], centre[0])
        np.testing.assert_allclose((xs + t.offset_yx[1])[own], centre[1])
        np.testing.assert_allclose(t.diameter[own], np.sqrt(4 / np.pi * own.sum()), rtol=1e-6)
    assert not t.offset_yx[:, labels == 0].any()


def test_a_bent_object_keeps_its_centre_inside() -> None:
    labels = np.zeros((40, 40), int)
    labels[5:35, 5:10] = labels[5:10, 5:35] = labels[30:35, 5:35] = 1
    t = make_targets(labels)
    y, x = 6, 30
    centre = round(y + t.offset_yx[0, y, x]), round(x + t.offset_yx[1, y, x])
    assert labels[centre] == 1


def test_only_pixels_between_objects_weigh_more() -> None:
    labels = np.zeros((12, 24), int)
    labels[2:10, 2:10] = 1
    labels[2:10, 10:18] = 2
    weight = make_targets(labels, border_weight=5).weight
    assert set(np.unique(weight)) == {1, 5}
    assert (weight[4, 9:11] == 5).all()
    assert (weight[4, 2:8] == 1).all()
    assert weight[0, 0] == 1


def test_crops_without_background_or_objects() -> None:
    assert make_targets(np.full((5, 5), 3)).foreground.all()
    empty = make_targets(np.zeros((5, 5), int))
    assert not empty.foreground.any()
    assert (empty.weight == 1).all()
