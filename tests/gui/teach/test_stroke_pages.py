"""Strokes in files: none before the first stroke, and those of another way along z are never written over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.gui.teach.stroke_pages import open_page


def test_strokes_are_kept_and_those_of_another_way_along_z_stay(tmp_path: Path) -> None:
    stack = Stack.from_array(np.zeros((3, 20, 30), np.uint8), axes="ZYX")
    page = open_page(stack, Recipe(), tmp_path)
    page.save()
    assert not list(tmp_path.iterdir())
    page.kinds[4:6, 5:9] = 1
    page.save()
    np.testing.assert_array_equal(open_page(stack, Recipe(), tmp_path).kinds, page.kinds)
    with pytest.raises(TrainingDataError, match="projection"):
        open_page(stack, Recipe(z="plane:2"), tmp_path)
