"""The rank-sum test beside that of SciPy."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from napari_cellvino.plates.rank_test import rank_sum_p


@pytest.mark.parametrize("sizes", [(6, 6), (8, 60), (36, 60), (7, 7), (1, 40), (68, 316)])
@pytest.mark.parametrize("step", [0.0, 0.5])  # of rounding, which makes ties
@pytest.mark.parametrize("shift", [0.0, 0.4, 2.0, -3.0])
def test_it_is_the_p_of_scipy(sizes, step, shift):
    draw = np.random.default_rng(3)
    one, other = draw.normal(shift, 1, sizes[0]), draw.normal(0, 1, sizes[1])
    if step:
        one, other = np.round(one / step) * step, np.round(other / step) * step
    assert rank_sum_p(one, other) == pytest.approx(float(mannwhitneyu(one, other).pvalue), rel=1e-9)


def test_equal_values_differ_by_nothing_but_chance():
    assert rank_sum_p(np.ones(9), np.ones(12)) == 1
