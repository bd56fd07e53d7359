"""What compiled loops decode is to the byte what NumPy does, whatever the maps hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.core import compiled
from napari_cellvino.core.label_runs import labelled_runs
from napari_cellvino.segmentation.heads import Decoded, Steps, bands, centre_offset, votes
from napari_cellvino.segmentation.heads.centre_offset import CentreOffsetHead
from napari_cellvino.segmentation.heads.connected_components import collect_objects
from napari_cellvino.segmentation.heads.touching_runs import TouchingRuns

from ..scenes import discs, grid, perfect_maps, raw_maps

HEAD = CentreOffsetHead()
DEFAULTS = {p.name: p.default for p in HEAD.parameters}
SHAPES = [(1, 1), (1, 50), (50, 1), (2, 3), (64, 64), (61, 149), (300, 40)]

Use = Callable[[bool], None]


def _noise(seed: int, shape: tuple[int, int], smooth: float, far: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    foreground = ndi.gaussian_filter(rng.random(shape), smooth)
    spread = np.ptp(foreground) or 1.0
    offsets = rng.normal(0, far, (2, *shape))
    return np.stack([(foreground - foreground.min()) / spread, *offsets]).astype(np.float16)


def _same(one: Decoded, other: Decoded) -> None:
    assert one.labels.dtype == other.labels.dtype
    np.testing.assert_array_equal(one.labels, other.labels)
    for name in one.objects.__slots__:
        a, b = getattr(one.objects, name), getattr(other.objects, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b, name)
    for a, b, c in zip(one.runs.columns, other.runs.columns, labelled_runs(one.labels), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def _check(use: Use, maps: np.ndarray, **values: float) -> Decoded:
    use(False)
    by_numpy = HEAD.decode(raw_maps(maps), DEFAULTS | values)
    use(True)
    compiled_ones = HEAD.decode(raw_maps(maps), DEFAULTS | values)
    _same(by_numpy, compiled_ones)
    return by_numpy


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("smooth", "far"), [(0.0, 0.0), (0.7, 3.0), (2.0, 40.0), (4.0, 1.0)])
@pytest.mark.parametrize("split", [0.0, 0.5, 1.0])
def test_noise(with_loops: Use, shape: tuple[int, int], smooth: float, far: float, split: float) -> None:
    for seed in range(4):
        _check(with_loops, _noise(seed, shape, smooth, far), split=split, confidence=0.0, smallest=0.0)


def test_thousands_of_touching_cells(with_loops: Use) -> None:
    maps = np.tile(perfect_maps(discs((100, 100), grid((100, 100), 9, jitter=1, seed=1), 4.6)), (1, 5, 6))
    maps[1:] += np.random.default_rng(1).normal(0, 1.5, maps[1:].shape).astype(np.float16)
    assert len(_check(with_loops, maps).objects) > 2_000


def test_cells_with_pieces_and_holes_at_the_border(with_loops: Use) -> None:
    truth = discs((200, 210), grid((200, 210), 33, jitter=4, seed=2), 18)
    maps = perfect_maps(truth)
    hollow = ndi.gaussian_filter(np.random.default_rng(3).random(truth.shape), 1.2) > 0.53
    maps[0][hollow] = 0.1
    assert len(_check(with_loops, maps, outline=0.3).objects) > 20


@pytest.mark.parametrize("part", [np.s_[:], np.s_[:, ::2], np.s_[:, 3:, 5:]])
def test_maps_that_are_read_only_or_a_part_of_others(with_loops: Use, part: object) -> None:
    maps = perfect_maps(discs((80, 90), grid((80, 90), 19, jitter=2, seed=3), 8))
    assert len(_check(with_loops, maps[part]).objects) > 5
    maps.flags.writeable = False
    assert len(_check(with_loops, maps[part]).objects) > 5


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 60_000.0, -60_000.0])
def test_maps_of_a_network_gone_wrong(with_loops: Use, value: float) -> None:
    maps = perfect_maps(discs((80, 90), grid((80, 90), 19, jitter=2, seed=3), 8))
    wrong = np.random.default_rng(5).random(maps.shape) < 0.05
    wrong[0] &= not np.isfinite(value)  # foreground beyond 1 is no sum that is exact
    maps[wrong] = value
    with np.errstate(invalid="ignore"):
        _check(with_loops, maps, confidence=0.0)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("foreground", [0.0, 1.0])
def test_all_pixels_are_alike(with_loops: Use, foreground: float, offset: float) -> None:
    maps = np.full((3, 120, 77), offset, np.float16)
    maps[0] = foreground
    assert len(_check(with_loops, maps).objects) == foreground


def test_moves_of_sliders_while_loops_come_and_go(with_loops: Use) -> None:
    maps = perfect_maps(discs((150, 160), grid((150, 160), 19, jitter=2, seed=3), 9.5))
    maps[1:] += np.random.default_rng(1).normal(0, 4, maps[1:].shape).astype(np.float16)
    raw, steps = raw_maps(maps), Steps()
    for move, values in enumerate(({"split": 0.5}, {"split": 0.1}, {"split": 0.0}, {"outline": 0.7}, {"split": 0.9})):
        with_loops(move % 2 == 1)
        kept = HEAD.decode(raw, DEFAULTS | values, steps)
        _same(_check(with_loops, maps, **values), kept)


def test_bands_of_a_large_image(with_loops: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "BAND_PX", 64 * 150)
    monkeypatch.setattr(bands, "BAND_OVERLAP", 40)
    monkeypatch.setattr(centre_offset, "VOTING_PX", 20 * 150)
    maps = perfect_maps(discs((400, 150), grid((400, 150), 17, jitter=2, seed=4), 8))
    assert len(_check(with_loops, maps).objects) > 100
    _check(with_loops, _noise(9, (400, 150), 3.0, 20.0), confidence=0.0)


def test_seeds_that_lie_awkwardly_are_left_to_a_tree(with_loops: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    seeds = np.unique(rng.integers(0, 60, (300, 2)), axis=0)
    points = rng.integers(-5, 70, (5_000, 2))
    with_loops(False)
    by_tree = votes.nearest(seeds, points)
    with_loops(True)
    np.testing.assert_array_equal(votes.nearest(seeds, points), by_tree)
    monkeypatch.setattr(votes, "LOOKED_AT", 1)
    np.testing.assert_array_equal(votes.nearest(seeds, points), by_tree)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("largest", [0, 3, 400])
def test_labels_are_cleaned_alike(with_loops: Use, shape: tuple[int, int], largest: int) -> None:
    for seed, smooth, kinds in ((1, 0.0, 2), (2, 0.6, 3), (3, 1.5, 7)):
        fields = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=(kinds, *shape)), (0, smooth, smooth))
        labels, found = fields.argmax(0).astype(np.int32), []
        for yes in (False, True):
            with_loops(yes)
            runs = TouchingRuns.of_image(labels)
            runs.clean(largest)
            found.append(runs.values)
            objects = collect_objects(labels, kinds + 1, fields[0].astype(np.float16))
            found += [objects.score, objects.box, objects.centroid, objects.area_px]
        for one, other in zip(found[:5], found[5:], strict=True):
            np.testing.assert_array_equal(one, other)


def test_loops_are_used_where_there_are_some(with_loops: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = perfect_maps(discs((60, 60), [(30, 30)], 12))
    with_loops(True)
    monkeypatch.delattr(compiled.compiled(), "keep_largest_pieces")
    with pytest.raises(AttributeError):
        HEAD.decode(raw_maps(maps), DEFAULTS)
    with_loops(False)
    assert len(HEAD.decode(raw_maps(maps), DEFAULTS).objects) == 1


def test_votes_of_some_rows_keep_no_room_for_all_their_pixels(with_loops: Use) -> None:
    maps = np.zeros((3, 40, 50), np.float16)
    maps[0, 20:23, 4:9] = 0.9
    maps[1, 20, 4], maps[2, 20, 4] = 2.5, -30.0  # to the even row, and to the edge
    for loops in (False, True):
        with_loops(loops)
        where, voted = centre_offset._votes_of_rows(maps, 0.5, slice(10, 40))
        assert where.base is None
        assert voted.base is None
        assert where.tolist() == [y * 50 + x for y in range(20, 23) for x in range(4, 9)]
        assert voted.tolist()[:2] == [(22 + 3) * 56 + 3, (20 + 3) * 56 + 5 + 3]
