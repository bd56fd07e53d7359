"""Cells that came and went, by outlines or by boxes."""

import numpy as np
import pytest

from napari_cellvino.core.objects import Objects
from napari_cellvino.quality.changes import Changes, compare_cells
from napari_cellvino.segmentation.heads import Decoded


def boxes(*corners):
    box = np.array([(y, x, y + 10, x + 10) for y, x in corners]).reshape(-1, 4)
    n = len(box)
    return Decoded(None, Objects.found(score=np.ones(n), box=box, centroid=box[:, :2] + 4.5, area_px=np.full(n, 100)))


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (boxes(), boxes(), Changes(0, 0)),
        (boxes((0, 0)), boxes(), Changes(0, 1)),
        (boxes(), boxes((0, 0), (30, 30)), Changes(2, 0)),
        (boxes((0, 0), (30, 30)), boxes((30, 31), (80, 80)), Changes(1, 1)),
        (boxes((0, 0)), boxes((0, 6)), Changes(1, 1)),
    ],
)
def test_boxes(old, new, changes):
    assert compare_cells(old, new) == changes


def test_outlines():
    old, new = np.zeros((2, 9, 9), np.int32)
    old[1:4, 1:4], old[6:8, 6:8] = 1, 2
    new[1:4, 1:4], new[6:8, 1:3], new[6:8, 4:5] = 3, 1, 2
    assert compare_cells(Decoded(old, Objects.none()), Decoded(new, Objects.none())) == Changes(2, 1)
