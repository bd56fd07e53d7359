"""Spots are sought beside the cells, where there are cores for both, with the same result."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_cellvino.core import threads
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import ArrayPlanes, Origin, Shape, Stack
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe, SpotPlanes
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation import predict_field
from napari_cellvino.segmentation.pipeline import make_pipeline


@pytest.fixture
def cells_and_spots() -> Stack:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:200, :220]
    cells = sum(np.exp(-((np.hypot(y - cy, x - cx) / 14) ** 6)) for cy, cx in rng.uniform(20, 180, (12, 2)))
    places = rng.uniform(5, 195, (40, 2))
    spots = sum(np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 1.4**2)) for cy, cx in places)
    planes = np.stack([900 * cells + 100, 600 * spots + 150]) + rng.normal(0, 8, (2, 200, 220))
    pixels = planes.astype(np.uint16)[None, :, None]
    return Stack(
        ArrayPlanes(pixels), Shape(*pixels.shape), pixels.dtype, channels=("DNA", "FISH"), origin=Origin("a.tif")
    )


def test_spots_are_the_same_beside_the_cells_and_after_them(cells_and_spots, monkeypatch):
    recipe = Recipe(model="nuclei", device="CPU", channel="DNA", spots=SpotPlanes.PROJECTION, spot_channel="FISH")
    pipeline, on = make_pipeline(recipe), list[str]()
    search = predict_field.search_spots

    def watched(*given):
        on.append(threading.current_thread().name)
        return (yield from search(*given))

    monkeypatch.setattr(predict_field, "search_spots", watched)
    found = []
    for used in (1, 2):
        monkeypatch.setattr(threads, "_used", used)
        with EngineProvider() as engines:
            found.append(finish(predict_field.predict_field(cells_and_spots, pipeline, engines)))
    assert on == [threading.current_thread().name, "cellvino-beside"]
    after, beside = found
    assert len(beside.spots) > 20
    np.testing.assert_array_equal(after.spots.position, beside.spots.position)
    assert (after.spots.notices, after.spots.remarks) == (beside.spots.notices, beside.spots.remarks)
    np.testing.assert_array_equal(after.decoded.labels, beside.decoded.labels)


def test_what_goes_wrong_beside_the_cells_is_told(cells_and_spots, monkeypatch):
    def refuse(*given):
        raise ImageValueError("no such light")
        yield

    monkeypatch.setattr(predict_field, "search_spots", refuse)
    monkeypatch.setattr(threads, "_used", 2)
    recipe = Recipe(model="nuclei", device="CPU", channel="DNA", spots=SpotPlanes.PROJECTION, spot_channel="FISH")
    with EngineProvider() as engines, pytest.raises(ImageValueError, match="no such light"):
        finish(predict_field.predict_field(cells_and_spots, make_pipeline(recipe), engines))
