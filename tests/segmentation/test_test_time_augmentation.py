"""Test-time augmentation: an engine that treats all directions alike gives the same maps in one view or eight."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from small_models import write_finder

from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelSpec, open_package
from napari_cellvino.segmentation.test_time_augmentation import (
    AUGMENTATIONS,
    AUGMENTATIONS_WITH_NEGATIVES,
    infer_augmented,
)

NAMES = ("cell", "offset_y", "offset_x", "height", "width")


@dataclass
class Gradient(Engine):
    """Maps that turn with the image: the image itself, its slopes, and the lengths of its runs along y and x."""

    bias_x: float = 0.0
    seen: list[NDArray[np.float32]] = field(default_factory=list)

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.seen.append(batch.copy())
        pixels = batch[0, 0]
        slope_y, slope_x = np.gradient(pixels)
        rows, columns = (np.broadcast_to(pixels.mean(axis, keepdims=True), pixels.shape) for axis in (0, 1))
        return np.stack([pixels, slope_y, slope_x + self.bias_x, rows, columns])[None].astype(np.float32)


@pytest.fixture
def spec(tmp_path) -> ModelSpec:
    spec = open_package(write_finder(tmp_path / "m", stride=4, sized=True, channels=1)).spec
    return spec.model_copy(update={"maps": NAMES})


@pytest.fixture
def batch() -> NDArray[np.float32]:
    return np.random.default_rng(3).random((1, 1, 16, 16), np.float32)


def seen_by(engine, batch, spec):
    (maps,) = infer_augmented(engine, [batch], spec)
    return maps


def test_tiles_in_all_views_come_back_in_order(spec, batch):
    tiles = [batch, 1 - batch, batch * 0.5]
    spec = spec.model_copy(update={"views": 8})
    together = list(infer_augmented(Gradient(), iter(tiles), spec))
    np.testing.assert_array_equal(together, [seen_by(Gradient(), tile, spec) for tile in tiles])


def test_eight_views_of_a_fair_engine_are_as_one(spec, batch):
    once = seen_by(Gradient(), batch, spec)
    np.testing.assert_allclose(seen_by(Gradient(), batch, spec.model_copy(update={"views": 8})), once, atol=1e-6)


def test_each_view_turns_back(batch):
    once = Gradient().infer(batch)[0]
    for view in AUGMENTATIONS:
        np.testing.assert_allclose(view.invert(Gradient().infer(view.apply(batch))[0], NAMES), once, atol=1e-6)


def test_views_differ_and_average_a_bias_away(spec, batch):
    engine = Gradient(bias_x=5.0)
    maps = seen_by(engine, batch, spec.model_copy(update={"views": 8}))
    assert len({view.tobytes() for view in engine.seen}) == 8
    np.testing.assert_allclose(maps, seen_by(Gradient(), batch, spec), atol=1e-5)


def test_half_of_mixed_views_are_negatives_and_turn_all_ways(spec, batch):
    engine = Gradient()
    seen_by(engine, batch, spec.model_copy(update={"views": 8, "negatives": True}))
    negatives = [pixels for pixels in engine.seen if np.isclose(pixels.mean(), 1 - batch.mean())]
    assert len(negatives) == 4
    assert len({view.tobytes() for view in engine.seen}) == 8
    for flag in ("transposed", "flipped_y", "flipped_x", "negative"):
        assert sum(getattr(view, flag) for view in AUGMENTATIONS_WITH_NEGATIVES) == 4
