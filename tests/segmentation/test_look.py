"""The window that a model looks at first holds cells, whatever else is brighter."""

from __future__ import annotations

import numpy as np

from napari_cellvino.segmentation.look import liveliest_window
from napari_cellvino.segmentation.normalise import UNBOUNDED, IntensityRange

PLANE = np.full((1, 256, 256), 100, np.uint16)
PLANE[0, 160:250:12, 160:250:12] = 500  # cells, at the lower right
CELLS = (128, 128, 256, 256)


def test_the_window_holds_the_cells():
    assert liveliest_window(PLANE, 128, [IntensityRange(100, 500)]) == CELLS


def test_what_outshines_the_cells_does_not_draw_the_window():
    burnt = PLANE.copy()
    burnt[0, 10:40, 10:40] = 60_000
    assert liveliest_window(burnt, 128, [IntensityRange(100, 500)]) == CELLS
    assert liveliest_window(burnt, 128, [IntensityRange(0, 1, UNBOUNDED)])[0] == 0, "a model that takes raw values"
