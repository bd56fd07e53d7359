from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.image import ArrayPlanes, Shape, Stack, ZChoice
from napari_cellvino.core.progress import finish
from napari_cellvino.io import open_source
from napari_cellvino.io.tiff_blocks import ContiguousBlocks
from napari_cellvino.segmentation.plane_reading import read_ahead, smooth_along_z
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.sharpness import sharpness
from napari_cellvino.storage import large_arrays


def stack_of(array):
    return Stack(ArrayPlanes(array), Shape(*array.shape), array.dtype)


def projected(array, z):
    return finish(project(stack_of(array), z=ZChoice.parse(z)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_mean_of_planes(dtype):
    array = np.random.default_rng(0).integers(0, 250, (1, 1, 6, 5, 7)).astype(dtype)
    plane = projected(array, "mean")
    np.testing.assert_allclose(plane.inputs[0], array[0, 0].mean(0), rtol=1e-6)
    assert plane.pixels.dtype == np.float32
    assert plane.chosen == "Channel 1, mean of 6 planes"


def test_mean_leaves_out_what_is_not_finite():
    array = np.ones((1, 1, 3, 2, 2), np.float32)
    array[0, 0, 1, 0, 0] = np.nan
    array[0, 0, :, 1, 1] = np.inf
    mean = projected(array, "mean").inputs[0]
    assert mean[0, 0] == 1
    assert np.isnan(mean[1, 1])


def test_focus_finds_the_sharp_plane_among_blurred_and_noisy_ones():
    from scipy import ndimage as ndi

    rng = np.random.default_rng(0)
    sharp = ndi.gaussian_filter(rng.random((96, 96)), 2) * 40000
    planes = [ndi.gaussian_filter(sharp, s) for s in (6, 3, 0, 2, 5)]
    array = np.array([p + rng.normal(0, 30, p.shape) for p in planes]).clip(0).astype(np.uint16)
    array[4] += rng.normal(0, 900, array[4].shape).clip(0).astype(np.uint16)  # noise is no detail
    plane = projected(array[None, None], "focus")
    assert plane.sharpest == 3
    np.testing.assert_array_equal(plane.inputs[0], array[2])
    assert plane.chosen == "Channel 1, sharpest of 5 planes (plane 3)"


def test_sharpness_is_not_moved_by_an_offset():
    image = np.random.default_rng(1).random((40, 50)).cumsum(0).astype(np.float32)
    assert sharpness(image + 500) == pytest.approx(sharpness(image), rel=0.02)


def test_planes_are_read_one_ahead_and_not_more():
    class Watched:
        read = 0

        def plane(self, *, t, c, z):
            self.read += 1
            return np.full((2, 2), z, np.uint8)

    planes = Watched()
    stack = Stack(planes, Shape(1, 1, 8, 2, 2), np.dtype(np.uint8))
    for number, pixels in enumerate(read_ahead(stack, 0, range(8))):
        assert pixels.max() == number
        assert planes.read <= number + 2


def test_mixing_keeps_the_sum_and_the_ends():
    planes = [np.full((1, 2, 2), v, np.uint8) for v in (0, 0, 90, 0, 0, 0, 0)]
    mixed = np.array([p.max() for p in smooth_along_z(planes, 0.8)])
    assert len(mixed) == 7
    assert mixed.sum() == pytest.approx(90, rel=1e-5)
    assert mixed.argmax() == 2
    assert [p.max() for p in smooth_along_z([np.full((1, 1, 1), 7)] * 3, 1.0)] == pytest.approx([7, 7, 7])
    assert [p.max() for p in smooth_along_z(planes, 0)] == [0, 0, 90, 0, 0, 0, 0]


def test_a_large_plane_that_was_read_is_not_copied_and_one_in_memory_is(tmp_path, monkeypatch):
    monkeypatch.setattr(large_arrays, "ALWAYS_FITS", 0)
    monkeypatch.setattr(large_arrays, "MOST_IN_MEMORY", 0)
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    tifffile.imwrite(tmp_path / "image.tif", pixels)
    read, asked = [], ContiguousBlocks.block

    def block(self, number):
        read.append(asked(self, number))
        return read[-1]

    monkeypatch.setattr(ContiguousBlocks, "block", block)
    (plane,) = read_ahead(open_source(tmp_path / "image.tif").read(), 0, [0])
    np.testing.assert_array_equal(plane, pixels[None])
    assert np.shares_memory(plane, read[0])
    held = Stack(ArrayPlanes(pixels[None, None, None]), Shape(1, 1, 1, 20, 30), pixels.dtype)
    (plane,) = read_ahead(held, 0, [0])
    assert not np.shares_memory(plane, pixels)
