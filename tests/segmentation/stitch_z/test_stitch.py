"""Made-up stacks with known truth: what is joined, what is cut, what is left out, and what is doubtful."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.core.objects import Doubt
from napari_cellvino.quality.accuracy import match_field
from napari_cellvino.segmentation.heads import Decoded
from napari_cellvino.segmentation.heads.connected_components import collect_objects
from napari_cellvino.segmentation.stitch_z import STITCHING, Slices, stitch_slices
from napari_cellvino.segmentation.stitch_z.links import Overlaps, assign
from napari_cellvino.segmentation.stitch_z.slices import mean_brightness

DEFAULTS = {p.name: p.default for p in STITCHING}
SHAPE = (24, 64, 64)


def ball(shape, centre, radius, aspect=1.0):
    """Return a ball (Z, Y, X) bool of ``radius`` px, with planes ``aspect`` px apart."""
    z, y, x = np.indices(shape)
    return np.sqrt(((z - centre[0]) * aspect) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2) <= radius


def slices_of(truth, brightness=None, *, shuffle=True):
    """Return the slices that a perfect head finds in true labels (Z, Y, X): ids anew, at random, in each plane."""
    rng = np.random.default_rng(0)
    labels, found, bright = np.zeros(truth.shape, np.int32), [], []
    light = (truth > 0).astype(np.float32) if brightness is None else brightness
    for z, plane in enumerate(truth):
        ids = np.unique(plane[plane > 0])
        for new, old in enumerate(rng.permutation(ids) if shuffle else ids, 1):
            labels[z][plane == old] = new
        objects = collect_objects(labels[z], len(ids), np.full(plane.shape, 0.9, np.float16))
        found.append(objects)
        bright.append(mean_brightness(Decoded(labels[z], objects), light[z]))
    return Slices.from_objects(labels, found, bright)


def join(truth, brightness=None, **values):
    return stitch_slices(slices_of(truth, brightness), DEFAULTS | values)


def broken(decoded):
    return (decoded.objects.doubts & int(Doubt.BROKEN_ALONG_Z)) > 0


@pytest.mark.parametrize("aspect", [1.0, 2.0, 4.0])
def test_balls_of_any_anisotropy_come_back(aspect):
    truth = np.zeros(SHAPE, np.int32)
    for n, centre in enumerate([(12, 15, 15), (11, 15, 45), (13, 45, 30)], 1):
        truth[ball(SHAPE, centre, 10, aspect)] = n
    decoded = join(truth)
    match = match_field(truth, decoded.labels)
    assert (match.n_predicted, match.matched[-1]) == (3, 3)
    assert match.iou_sum > 2.99  # the tip of a ball, one pixel, overlaps the next plane too little
    assert decoded.labels.dtype == np.int32
    assert not broken(decoded).any()


def test_objects_say_what_the_labels_hold():
    truth = np.zeros(SHAPE, np.int32)
    truth[ball(SHAPE, (8, 20, 20), 8)] = 1
    truth[ball(SHAPE, (15, 40, 44), 6)] = 2
    decoded = join(truth)
    objects = decoded.objects
    assert objects.id.tolist() == [1, 2]
    for row, number in enumerate(objects.id.tolist()):
        where = np.argwhere(decoded.labels == number)
        assert objects.area_px[row] == len(where)
        np.testing.assert_array_equal(objects.box[row], [*where.min(0), *(where.max(0) + 1)])
        np.testing.assert_allclose(objects.centroid[row], where.mean(0), atol=1e-4)
        assert objects.score[row] == pytest.approx(0.9, abs=1e-3)


def test_a_plane_that_misses_a_cell_is_bridged_and_said():
    truth = np.zeros(SHAPE, np.int32)
    truth[ball(SHAPE, (12, 30, 30), 8)] = 1
    gap = truth.copy()
    gap[12] = 0
    decoded = join(gap)
    assert len(decoded.objects) == 1
    assert match_field(truth, decoded.labels).iou_sum > 0.95
    assert (decoded.labels[12] > 0).sum() > 0.9 * (truth[12] > 0).sum()
    assert broken(decoded).all()
    gap[13] = 0
    assert len(join(gap).objects) == 2  # two planes missing are no gap


def test_a_gap_that_another_cell_fills_is_no_gap():
    truth = np.zeros((5, 30, 30), np.int32)
    truth[[0, 1, 3, 4], 10:20, 10:20] = 1
    truth[2, 5:28, 2:28] = 2
    found = join(truth, z_planes=1, z_smallest=0, z_overlap=0.5)
    assert len(found.objects) == 3


def stacked():
    """Two balls on each other, that share their outline in the planes between, with a dip of light there."""
    lower, upper = ball(SHAPE, (7, 30, 30), 7), ball(SHAPE, (16, 31, 31), 7)
    truth = np.where(lower, 1, np.where(upper, 2, 0)).astype(np.int32)
    z = np.arange(SHAPE[0])[:, None, None]
    light = np.where(truth == 1, np.exp(-(((z - 7) / 5) ** 2)), np.where(truth == 2, np.exp(-(((z - 16) / 5) ** 2)), 0))
    return truth, light.astype(np.float32)


def test_two_cells_on_each_other_are_cut_where_the_light_dips():
    truth, light = stacked()
    one = np.where(truth > 0, 1, 0).astype(np.int32)
    decoded = join(one, light)
    match = match_field(truth, decoded.labels)
    assert (match.n_predicted, match.matched[0]) == (2, 2)
    assert broken(decoded).all()  # somebody should look
    assert len(join(one, light, z_cut=0).objects) == 1


def test_dim_ends_are_trimmed():
    truth = np.zeros((11, 20, 20), np.int32)
    truth[:, 5:15, 5:15] = 1
    z = np.arange(11)[:, None, None]
    light = (truth * (0.6 + 0.4 * np.exp(-(((z - 5) / 2.0) ** 2)))).astype(np.float32)
    deep = [join(truth, light, z_trim=share).objects.box[0, [0, 3]].tolist() for share in (0, 0.5)]
    assert deep == [[0, 11], [4, 7]]


def test_a_cell_through_all_planes_is_one():
    truth = np.zeros((12, 20, 20), np.int32)
    truth[:, 5:15, 5:15] = 1
    decoded = join(truth)
    assert decoded.objects.box.tolist() == [[0, 5, 5, 12, 15, 15]]


def test_crumbs_are_left_out_or_kept():
    truth = np.zeros(SHAPE, np.int32)
    truth[8:16, 20:40, 20:40] = 1
    truth[3, 50:54, 50:54] = 2
    assert len(join(truth).objects) == 1
    assert len(join(truth, z_planes=1).objects) == 1  # far less than the usual volume
    assert len(join(truth, z_planes=1, z_smallest=0).objects) == 2


def test_nothing_found_is_nothing():
    decoded = join(np.zeros((4, 8, 8), np.int32))
    assert len(decoded.objects) == 0
    assert decoded.labels.shape == (4, 8, 8)
    assert not decoded.labels.any()
    assert decoded.objects.box.shape == (0, 6)


def test_assignment_takes_the_largest_total_and_not_the_first_best():
    pairs = Overlaps(np.array([0, 0, 1]), np.array([2, 3, 2]), np.array([0.6, 0.5, 0.55]))
    chosen = assign(pairs)
    assert sorted(zip(chosen.low.tolist(), chosen.high.tolist(), strict=True)) == [(0, 3), (1, 2)]
