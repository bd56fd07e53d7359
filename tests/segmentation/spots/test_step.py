"""The step that seeks spots: what it looks at."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.core.image import ArrayPlanes, Origin, Shape, Stack
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe, SpotPlanes
from napari_cellvino.segmentation.prepare import network_inputs, project
from napari_cellvino.segmentation.spots import step


@pytest.mark.parametrize(("channel", "worked_out"), [("", 0), ("C1", 1)])
def test_the_grey_of_colours_that_cells_were_sought_in_is_not_worked_out_again(channel, worked_out, monkeypatch):
    rng = np.random.default_rng(2)
    rgb = rng.integers(20, 40, (1, 3, 1, 120, 130)).astype(np.uint8)
    for y, x in rng.integers(10, 110, (12, 2)):
        rgb[..., y : y + 3, x : x + 3] = 200
    stack = Stack(
        ArrayPlanes(rgb), Shape(*rgb.shape), rgb.dtype, channels=("C1", "C2", "C3"), origin=Origin("a.tif"), rgb=True
    )
    plane = finish(project(stack, channel=channel))
    seen: list[np.ndarray] = []
    calls: list[int] = []
    monkeypatch.setattr(step, "network_inputs", lambda *a: calls.append(1) or network_inputs(*a))
    find_spots = step.find_spots
    monkeypatch.setattr(step, "find_spots", lambda image, **more: seen.append(image) or find_spots(image, **more))
    values = {"spot_diameter": 3.0, "spot_score": 5.0, "spot_brightness": 0.0, "spot_share": 0.0, "spot_network": 0.0}
    recipe = Recipe(channel=channel, spots=SpotPlanes.PROJECTION)
    found = finish(step.search_spots(stack, plane, recipe, values))
    assert len(found) > 0
    assert len(calls) == worked_out
    np.testing.assert_array_equal(seen[0], network_inputs(plane.pixels, None, 1)[0])
