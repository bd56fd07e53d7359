from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.segmentation.tiling import Stitcher, choose_tile, cut_tile, plan_tiles

sizes = st.integers(1, 400)
halos = st.integers(0, 15)


@given(height=sizes, width=sizes, tile=st.sampled_from([32, 48, 64]), halo=halos)
def test_cores_cover_every_pixel_exactly_once(height: int, width: int, tile: int, halo: int) -> None:
    seen = np.zeros((height, width), int)
    for row, column in plan_tiles(height, width, tile=tile, halo=halo):
        seen[row.core_start : row.core_stop, column.core_start : column.core_stop] += 1
        assert row.stop - row.start <= tile
        assert 0 <= row.start <= row.core_start < row.core_stop <= row.stop <= height
    assert (seen == 1).all()


@given(length=st.integers(1, 20_000), tile=st.sampled_from([256, 384, 512]), halo=st.integers(0, 100))
def test_inner_edges_keep_their_halo(length: int, tile: int, halo: int) -> None:
    spans = plan_tiles(1, length, tile=tile, halo=halo).columns
    for left, right in pairwise(spans):
        assert left.core_stop == right.core_start
        assert left.stop - left.core_stop >= halo
        assert right.core_start - right.start >= halo


@given(height=sizes, width=sizes, tile=st.sampled_from([32, 64]), halo=halos, seed=st.integers(0, 9))
def test_stitched_tiles_of_a_picture_are_the_picture(height: int, width: int, tile: int, halo: int, seed: int) -> None:
    picture = np.random.default_rng(seed).random((2, height, width)).astype(np.float16)
    plan = plan_tiles(height, width, tile=tile, halo=halo)
    out = np.full(picture.shape, np.nan, np.float16)
    stitcher = Stitcher(plan, out)
    for index, (row, column) in enumerate(plan):
        padded = np.full((2, tile, tile), 9, np.float32)
        part = cut_tile(picture, row, column)
        padded[:, : part.shape[1], : part.shape[2]] = part
        stitcher.add(index, padded)
    np.testing.assert_array_equal(out, picture)


def test_disagreeing_tiles_fade_into_each_other() -> None:
    plan = plan_tiles(16, 90, tile=64, halo=16)
    out = np.zeros((1, 16, 90), np.float16)
    stitcher = Stitcher(plan, out)
    for index in range(2):
        stitcher.add(index, np.full((1, 64, 64), float(index), np.float32))
    steps = np.diff(out[0, 0].astype(float))
    assert plan.blend == 8
    assert out[0, 0, 0] == 0
    assert out[0, 0, -1] == 1
    assert (steps >= 0).all()
    assert steps.max() <= 1 / (2 * plan.blend) + 1e-3


@pytest.mark.parametrize(
    ("shape", "expected"), [((1, 1), 256), ((256, 256), 256), ((360, 360), 384), ((1024, 1024), 576), ((520, 696), 576)]
)
def test_tile_fits_the_image(shape: tuple[int, int], expected: int) -> None:
    assert choose_tile(*shape, largest=640, halo=48) == expected


def test_impossible_plans_are_refused_in_words() -> None:
    with pytest.raises(ImageValueError, match="0 × 5 px has no pixels"):
        plan_tiles(5, 0, tile=64, halo=8)
    with pytest.raises(ImageValueError, match="use at most 31"):
        plan_tiles(5, 5, tile=64, halo=32)
