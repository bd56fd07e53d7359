"""The ring against growing each object by its distance, one at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_cellvino.measure.rings import ring_means

pixels_strategy = arrays(np.int32, (14, 17), elements=st.integers(0, 4), fill=st.just(0))
blocks_strategy = arrays(np.int32, (5, 6), elements=st.integers(0, 4)).map(lambda b: b.repeat(3, 0).repeat(3, 1))
labels_strategy = pixels_strategy | blocks_strategy


@given(labels_strategy, st.integers(1, 6), st.integers(0, 2**31))
def test_ring_is_every_free_pixel_within_reach(labels, width, seed):
    ids = np.unique(labels[labels > 0])
    pixels = np.random.default_rng(seed).integers(0, 4096, (2, *labels.shape)).astype(np.uint16)
    means = ring_means(labels, ids, pixels, width=width)
    for channel, mean in zip(pixels, means, strict=True):
        for number, found in zip(ids, mean, strict=True):
            near = ndimage.distance_transform_edt(labels != number) <= width
            ring = channel[near & (labels == 0)]
            assert found == pytest.approx(ring.mean()) if ring.size else np.isnan(found)


def test_neighbours_and_pixels_that_are_no_numbers_are_left_out():
    labels = np.zeros((9, 20), np.int32)
    labels[4, 4], labels[4, 6] = 1, 2
    pixels = np.ones((1, 9, 20), np.float32)
    pixels[0, 4, 6] = 1000
    pixels[0, 3, 4] = np.nan
    assert ring_means(labels, np.array([1]), pixels, width=3)[0, 0] == 1


def test_no_objects():
    assert ring_means(np.zeros((5, 5), np.int32), np.zeros(0, np.int32), np.zeros((2, 5, 5)), width=5).shape == (2, 0)


def test_rings_of_a_bright_field_whose_sum_passes_32_bits_are_right():
    labels = np.zeros((400, 420), np.int32)
    labels[390:395, 400:410] = 1  # at the end, where the sum has begun again some times
    pixels = np.full((1, 400, 420), 65_535, np.uint16)
    pixels[0, 389, 400:410] = 65_000
    assert pixels.sum(dtype=np.int64) > 2 * 2**32
    near = ndimage.distance_transform_edt(labels != 1) <= 3
    wanted = pixels[0][near & (labels == 0)].mean(dtype=np.float64)
    assert ring_means(labels, np.array([1]), pixels, width=3)[0, 0] == pytest.approx(wanted, rel=1e-12)
