"""A stack of any number of planes is projected in the memory of a few."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from napari_cellvino.core.image import Shape, Stack, ZChoice
from napari_cellvino.core.progress import finish
from napari_cellvino.segmentation.prepare import project

SIDE = 512


class MadeUp:
    """Planes that are made when they are read."""

    def plane(self, *, t, c, z):
        return np.full((SIDE, SIDE), z % 250, np.uint8)


@pytest.mark.parametrize("z", ["mip", "mean", "focus"])
def test_memory_does_not_grow_with_the_planes(z):
    peaks = []
    for planes in (8, 64):
        stack = Stack(MadeUp(), Shape(1, 3, planes, SIDE, SIDE), np.dtype(np.uint8), channels=("a", "b", "c"))
        tracemalloc.start()
        finish(project(stack, z=ZChoice.parse(z)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 4 * 3 * SIDE**2  # one plane more or less is read ahead
    assert peaks[1] < 0.3 * 64 * 3 * SIDE**2
