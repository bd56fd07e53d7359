"""Order statistics are to the bit those of values that are sorted."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.segmentation.order_statistics import median_of, percentile_of_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", [1, 2, 3, 5, 784, 1849])
def test_percentile_of_rows_is_that_of_sorted_rows(length: int, dtype: type) -> None:
    rows = np.random.default_rng(length).integers(0, 300, (49, length)).astype(dtype)
    ordered = np.sort(rows, axis=1)
    for percent in (0.0, 20.0, 50.0, 99.9, 100.0):
        place = np.float64(percent) / 100 * (length - 1)
        under, over = ordered[:, int(place)], ordered[:, min(int(place) + 1, length - 1)]
        share = place - int(place)
        expected = under + (over - under) * share if share < 0.5 else over - (over - under) * (1 - share)
        found = percentile_of_rows(rows, percent)
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("odd", [None, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 99, 100])
def test_median_is_that_of_numpy(length: int, odd: float | None) -> None:
    values = np.random.default_rng(length).normal(size=length)
    if odd is not None:
        values[length // 2] = odd
    np.testing.assert_equal(median_of(values), float(np.median(values)))
