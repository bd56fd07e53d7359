"""What two results of one image have in common, and what only one of them has."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.quality.side_by_side import compare_labels


def test_cells_of_one_result_only_are_told() -> None:
    first, second = np.zeros((20, 40), np.int32), np.zeros((20, 40), np.int32)
    first[2:8, 2:8], first[2:8, 12:18], first[2:8, 22:28] = 1, 2, 7
    second[2:8, 3:9], second[12:18, 12:18], second[2:8, 22:25] = 5, 6, 9  # the last is just half of one
    done = compare_labels(first, second)
    assert (done.first, done.second, done.both) == (3, 3, 2)
    assert (done.only_first, done.only_second) == ((2,), (6,))
    assert done.f1 == pytest.approx(2 / 3)
    assert compare_labels(first * 0, second * 0).f1 == 1
    with pytest.raises(ImageValueError):
        compare_labels(first, second[:10])
