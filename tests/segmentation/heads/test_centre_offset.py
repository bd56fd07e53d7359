from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_cellvino.quality.accuracy import match_field
from napari_cellvino.segmentation.heads import Decoded, Steps, centre_offset
from napari_cellvino.segmentation.heads.centre_offset import CentreOffsetHead
from napari_cellvino.segmentation.heads.votes import find_seeds
from napari_cellvino.segmentation.tiling import Stitcher, cut_tile, plan_tiles

from ..scenes import discs, grid, perfect_maps, raw_maps

HEAD = CentreOffsetHead()
DEFAULTS = {p.name: p.default for p in HEAD.parameters}


def decode(maps: np.ndarray, **values: float) -> Decoded:
    return HEAD.decode(raw_maps(maps), DEFAULTS | values)


def assert_honest(decoded: Decoded) -> None:
    """Labels are dense, each object is one 4-connected piece, and the rows say what the pixels say."""
    labels, objects = decoded.labels, decoded.objects
    assert labels.dtype == np.int32
    assert list(np.unique(labels[labels > 0])) == list(range(1, len(objects) + 1))
    np.testing.assert_array_equal(objects.id, np.arange(1, len(objects) + 1))
    for row, box in enumerate(ndi.find_objects(labels)):
        own = labels[box] == row + 1
        assert ndi.label(own)[1] == 1
        assert own.sum() == objects.area_px[row]
        assert tuple(objects.box[row]) == (box[0].start, box[1].start, box[0].stop, box[1].stop)
        centre = np.argwhere(labels == row + 1).mean(0)
        np.testing.assert_allclose(objects.centroid[row], centre, rtol=1e-5, atol=1e-3)


def test_fragments_are_told_by_the_usual_cell_however_many_there_are():
    cells = discs((120, 120), [(30, 30), (30, 90), (90, 30)], 15)
    crumbs = discs((120, 120), [(75 + 9 * n, 75 + 9 * m) for n in range(5) for m in range(5)], 4)
    maps = perfect_maps(cells + np.where(crumbs, crumbs + 3, 0))
    assert len(decode(maps, smallest=0.0).objects) == 28
    assert len(decode(maps, smallest=0.0, fragments=0.05).objects) == 28  # 49 of 709 px
    assert len(decode(maps, smallest=0.0, fragments=0.1).objects) == 3
    assert decode(maps, smallest=10_000.0, fragments=0.1).objects.id.size == 0


@given(radius=st.floats(3, 14), seed=st.integers(0, 50), noise=st.floats(0, 0.08))
@settings(max_examples=25, deadline=None)
def test_touching_discs_come_back_one_by_one(radius: float, seed: int, noise: float) -> None:
    truth = discs((90, 100), grid((90, 100), 2 * radius, jitter=0.1 * radius, seed=seed), radius)
    maps = perfect_maps(truth)
    maps[1:] += np.random.default_rng(seed).normal(0, noise * 2 * radius, maps[1:].shape).astype(np.float16)
    decoded = decode(maps)
    assert_honest(decoded)
    assert len(decoded.objects) == truth.max()
    assert match_field(truth, decoded.labels).matched[0] == truth.max()


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_maps_give_honest_labels(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60)))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    foreground = ndi.gaussian_filter(rng.random(shape), 1.5)
    maps = np.stack([foreground, *rng.normal(0, 8, (2, *shape))]).astype(np.float16)
    assert_honest(decode(maps, confidence=0.0, smallest=0.0))


@given(height=st.integers(70, 200), width=st.integers(70, 200), halo=st.integers(4, 24))
@settings(max_examples=20, deadline=None)
def test_decoding_a_stitched_image_equals_decoding_it_whole(height: int, width: int, halo: int) -> None:
    maps = perfect_maps(discs((height, width), grid((height, width), 17, jitter=2, seed=height), 8))
    plan = plan_tiles(height, width, tile=64, halo=halo)
    out = np.zeros_like(maps)
    stitcher = Stitcher(plan, out)
    for index, (row, column) in enumerate(plan):
        padded = np.zeros((3, 64, 64), np.float32)
        part = cut_tile(maps, row, column)
        padded[:, : part.shape[1], : part.shape[2]] = part
        stitcher.add(index, padded)
    np.testing.assert_array_equal(decode(out).labels, decode(maps).labels)


def test_limits_leave_out_small_and_unlikely_objects() -> None:
    truth = discs((60, 90), [(20, 20), (20, 60)], 9)
    truth[45:48, 40:43] = 3
    maps = perfect_maps(truth)
    maps[0][truth == 2] = 0.6
    assert len(decode(maps, smallest=5).objects) == 3
    assert len(decode(maps, smallest=30).objects) == 2
    kept = decode(maps, smallest=30, confidence=0.7).objects
    assert len(kept) == 1
    np.testing.assert_allclose(kept.score, 0.9, atol=1e-3)


def test_spread_votes_are_one_cell_unless_split_is_high() -> None:
    truth = discs((60, 60), [(30, 30)], 16)
    maps = perfect_maps(truth)
    xs = np.nonzero(truth)[1]
    maps[2][truth > 0] += np.where(xs < 30, -6, 6).astype(np.float16)  # two peaks 12 px apart in a cell of 32 px
    assert len(decode(maps, split=0.3).objects) == 1
    assert len(decode(maps, split=1.0).objects) == 2


def test_what_a_move_of_split_leaves_as_it_was_is_not_found_again(monkeypatch) -> None:
    truth = discs((150, 160), grid((150, 160), 19, jitter=2, seed=3), 9.5)
    maps = perfect_maps(truth)
    maps[1:] += np.random.default_rng(1).normal(0, 4, maps[1:].shape).astype(np.float16)
    raw, steps, sought, counts = raw_maps(maps), Steps(), [], []
    monkeypatch.setattr(centre_offset, "find_seeds", lambda *a: (sought.append(a), find_seeds(*a))[1])
    moves = [{"split": 0.5}, {"split": 0.1}, {"split": 0.0}, {"outline": 0.7}, {"outline": 0.7, "smallest": 90.0}]
    for values in moves:
        again = HEAD.decode(raw, DEFAULTS | values, steps)
        counts.append(len(again.objects))
        fresh = decode(maps, **values)
        np.testing.assert_array_equal(again.labels, fresh.labels)
        for name in ("score", "box", "centroid", "area_px"):
            np.testing.assert_array_equal(getattr(again.objects, name), getattr(fresh.objects, name))
    assert len(sought) == 2 + len(moves)  # for two outlines, and for each fresh decoding
    assert counts == [49, 46, 11, 49, 49]
    steps.forget()
    HEAD.decode(raw, DEFAULTS | moves[-1], steps)
    assert len(sought) == 3 + len(moves)


def test_holes_close_and_lost_pieces_go() -> None:
    truth = discs((60, 60), [(30, 30)], 16)
    maps = perfect_maps(truth)
    maps[0, 28:31, 28:31] = 0.1
    maps[0, 5, 5] = 0.9  # a far pixel that votes for the same centre
    maps[1:, 5, 5] = 25
    labels = decode(maps).labels
    assert labels[29, 29] == 1
    assert labels[5, 5] == 0


def test_resampled_maps_decode_to_the_resized_scene() -> None:
    small = discs((100, 130), grid((100, 130), 20, jitter=1, seed=0), 8)
    maps = HEAD.keep(raw_maps(perfect_maps(small), shape=(200, 260))).maps
    assert maps.shape == (3, 200, 260)
    decoded = decode(maps)
    assert len(decoded.objects) == small.max()
    match = match_field(np.kron(small, np.ones((2, 2), int)), decoded.labels)
    assert match.matched[6] == small.max()  # IoU of at least 0.8 each
