"""Planes are resized in bands of rows that fit in memory, with the pixels that the whole would have."""

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage.transform import resize

from napari_cellvino.segmentation import rescale
from napari_cellvino.segmentation.rescale import ResizedPlane, resize_map_where, resize_maps, resize_pixels

SHAPES = [((300, 217), (131, 95)), ((200, 150), (413, 310)), ((57, 63), (912, 1008)), ((450, 350), (29, 22))]


@pytest.mark.parametrize(("shape", "new"), SHAPES)
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_bands_give_the_pixels_of_the_whole(shape, new, dtype, monkeypatch):
    pixels = (np.random.default_rng(0).random((2, *shape)) * 1000).astype(dtype)
    whole = resize_pixels(pixels, new)
    known = [resize(c.astype(np.float32), new, order=1, anti_aliasing=new[0] < shape[0]) for c in pixels]
    np.testing.assert_allclose(whole, np.stack(known), rtol=1e-6)
    monkeypatch.setattr(rescale, "BAND_PX", 10_000)
    np.testing.assert_allclose(resize_pixels(pixels, new), whole, rtol=1e-6)
    plane = ResizedPlane(pixels, new)
    for top in range(0, new[0], 20):
        part = plane[:, top : top + 32, 5:40]
        np.testing.assert_allclose(part, whole[:, top : top + 32, 5:40], rtol=1e-6)


@pytest.mark.parametrize(("shape", "new"), SHAPES)
def test_maps_are_resized_in_bands_too(shape, new, monkeypatch):
    maps = np.random.default_rng(0).random((2, *shape)).astype(np.float16)
    factors = [a / b for a, b in zip(new, shape, strict=True)]
    known = [ndi.zoom(m.astype(np.float32), factors, order=1, mode="nearest", grid_mode=True) for m in maps]
    monkeypatch.setattr(rescale, "BAND_PX", 10_000)
    np.testing.assert_array_equal(resize_maps(maps, new), np.stack(known).astype(np.float16))


def test_an_unchanged_size_is_the_pixels_themselves():
    pixels = np.arange(60, dtype=np.uint16).reshape(1, 6, 10)
    assert np.shares_memory(ResizedPlane(pixels, (6, 10))[:, 1:3, 2:5], pixels)


@pytest.mark.parametrize(("side", "new"), [(224, 61), (61, 224), (80, 80)])
@pytest.mark.parametrize("corner", [(0, 0), (20, 31), (54, 40)])
def test_the_part_of_a_map_that_is_likely_is_that_of_the_whole(side, new, corner):
    probability = np.zeros((side, side), np.float16)
    y, x = (c * side // 61 for c in corner)
    probability[y : y + side // 9, x : x + side // 5] = np.random.default_rng(0).random((side // 9, side // 5))
    whole = resize_maps(probability[None], (new, new))[0] if new != side else probability
    part, (top, left) = resize_map_where(probability, (new, new), 0.1)
    height, width = part.shape
    np.testing.assert_array_equal(part, whole[top : top + height, left : left + width])
    outside = whole.copy()
    outside[top : top + height, left : left + width] = 0
    assert outside.max() < 0.1
    assert part.size < 0.2 * whole.size


def test_nothing_of_an_unlikely_map_is_resized():
    part, _ = resize_map_where(np.full((50, 50), 0.05, np.float16), (90, 90), 0.1)
    assert part.size == 0
