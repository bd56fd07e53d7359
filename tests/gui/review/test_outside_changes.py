"""What other programs write into the labels is found wherever it is."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.gui.review.outside_changes import _same


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (3000, 2999)])
def test_one_pixel_that_differs_is_found_anywhere(shape: tuple[int, int]) -> None:
    seen = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    now = seen.copy()
    assert _same(now, seen)
    for share in np.linspace(0, 1, 17):
        place = np.unravel_index(round(share * (seen.size - 1)), shape)
        now[place] += 1
        assert not _same(now, seen)
        now[place] -= 1
    assert _same(now.astype(np.int64), seen)


def test_no_pixels_are_the_same() -> None:
    assert _same(np.zeros((0, 5), np.int32), np.zeros((0, 5), np.int32))
