"""Hills of depth: the same pixels as the regional maxima of a morphological reconstruction."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label
from skimage.morphology import local_maxima, reconstruction

from napari_cellvino.segmentation.heads.hills import depth_inside, hills


def reconstructed(depth: NDArray[np.float32], share: float, lowest: float) -> NDArray[np.int32]:
    levelled = reconstruction(depth * np.float32(share), depth)
    return np.asarray(label(local_maxima(levelled, connectivity=2) & (depth > lowest), connectivity=2), np.int32)


@pytest.mark.parametrize("seed", range(12))
def test_hills_are_the_maxima_of_a_reconstruction(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rough = ndi.gaussian_filter(rng.random((40, 61)), 1 + seed % 3)
    inside = rough > np.quantile(rough, 0.2 * (seed % 4))
    steps = (np.floor(40 * inside * rough) / 8).astype(np.float32)  # plateaus and equal tops
    for depth in (depth_inside(inside), steps):
        for share, lowest in ((0.5, 0.0), (0.7, 0.3), (0.95, 0.0)):
            np.testing.assert_array_equal(hills(depth, share, lowest), reconstructed(depth, share, lowest))


def test_a_field_that_is_all_cell_is_one_hill() -> None:
    depth = np.full((20, 30), 0.9, np.float32)
    depth[8:12, 10:14] = 1
    assert hills(depth, 0.8).max() == 1
