import numpy as np
import pytest

from napari_cellvino.segmentation.uneven_light import find_uneven_light


@pytest.mark.parametrize("value", [0.0, 1 / 3, 20.0, 255.0])
def test_a_background_of_one_value_is_even_and_gives_no_warning(value):
    grid = np.full((48, 48), value)  # 20 left residuals of rounding, against a scale of nothing
    assert find_uneven_light(grid, np.ones(grid.shape, bool), 1, 99.8) is None
