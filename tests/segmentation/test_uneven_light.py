import numpy as np
import pytest

from napari_cellvino.segmentation import uneven_light
from napari_cellvino.segmentation.samples import Samples, sampled
from napari_cellvino.segmentation.uneven_light import find_uneven_light


@pytest.mark.parametrize("value", [0.0, 1 / 3, 20.0, 255.0])
def test_a_background_of_one_value_is_even_and_gives_no_warning(value):
    grid = np.full((48, 48), value)  # 20 left residuals of rounding, against a scale of nothing
    assert find_uneven_light(Samples.of(grid, np.ones(grid.shape, bool)), 1, 99.8) is None


@pytest.mark.parametrize("slope", [0, 20, 60, 150, 400, 1500])
def test_light_that_surely_varies_little_is_told_without_looking(slope, monkeypatch):
    rng, (y, x) = np.random.default_rng(0), np.mgrid[:200, :230] / 200
    cells = np.kron(rng.random((20, 23)) > 0.9, np.ones((10, 10)))
    field = sampled(100 + slope * x * y + 300 * cells + rng.normal(0, 9, x.shape))
    found = find_uneven_light(field, 1, 99.8)
    monkeypatch.setattr(uneven_light, "_varies_little", lambda *_: False)
    wanted = find_uneven_light(field, 1, 99.8)
    assert (found is None) == (wanted is None) == (slope < 1000)
