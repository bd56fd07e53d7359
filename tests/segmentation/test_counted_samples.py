"""Things that outshine the rest are left out with a rim, at the edge of an image as within."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.segmentation.counted_samples import _widened


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3), (31, 44)])
@pytest.mark.parametrize("by", [0, 1, 4, 8])
def test_a_mask_is_widened_along_the_axes(shape: tuple[int, int], by: int) -> None:
    for share in (0.0, 0.02, 0.3, 1.0):
        mask = np.random.default_rng(by).random(shape) < share
        expected = ndi.binary_dilation(mask, iterations=by) if by else mask
        np.testing.assert_array_equal(_widened(mask, by), expected)


def test_no_edge_is_the_neighbour_of_the_opposite_one() -> None:
    corners = np.zeros((5, 6), bool)
    corners[2, 5] = corners[4, 0] = True
    assert np.argwhere(_widened(corners, 1)).tolist() == [[1, 5], [2, 4], [2, 5], [3, 0], [3, 5], [4, 0], [4, 1]]
