"""The depth head: touching rods are parted, one cell stays one, and labels come out at the size of the plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.segmentation.heads.depth import DepthHead
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.training.objectives.depth import depth_targets

VALUES = {p.name: p.default for p in DepthHead.parameters}
FACTS = EngineInfo("CPU", Precision.EXACT, "f32", "test")


def maps_of(labels: NDArray[np.int32], shape: tuple[int, int] | None = None) -> RawMaps:
    foreground, depth, octaves, _ = depth_targets(labels, 24.0)
    maps = np.stack([foreground, depth, 24 * np.exp2(octaves)]).astype(np.float16)
    return RawMaps(maps, FACTS, 64, 1, shape or labels.shape, labels.shape)


def touching_rods() -> NDArray[np.int32]:
    labels = np.zeros((48, 80), np.int32)
    for number in range(3):
        labels[10 + 8 * number : 18 + 8 * number, 12:68] = number + 1
    return labels


def test_touching_rods_are_parted() -> None:
    found = DepthHead().decode(maps_of(touching_rods()), VALUES)
    assert len(found.objects) == 3
    assert np.count_nonzero(found.label_image() != touching_rods()) < 60


def test_a_round_cell_is_one_cell() -> None:
    y, x = np.mgrid[:60, :60]
    labels = (np.hypot(y - 30, x - 30) < 20).astype(np.int32)
    found = DepthHead().decode(maps_of(labels), VALUES)
    np.testing.assert_array_equal(found.label_image(), labels)


def test_an_empty_field_has_no_cell() -> None:
    assert len(DepthHead().decode(maps_of(np.zeros((40, 40), np.int32)), VALUES).objects) == 0


@pytest.mark.parametrize("factor", [3, 0.5])
def test_labels_have_the_size_of_the_plane(factor: float) -> None:
    shape = (round(48 * factor), round(80 * factor))
    found = DepthHead().decode(maps_of(touching_rods(), shape), VALUES)
    assert found.label_image().shape == shape
    np.testing.assert_array_equal(found.objects.id, [1, 2, 3])
    np.testing.assert_allclose(found.objects.area_px, 8 * 56 * factor**2, rtol=0.1)


def test_smaller_cells_than_asked_are_left_out_in_px_of_the_plane() -> None:
    raw = maps_of(touching_rods(), (144, 240))
    area = 8 * 56 * 9
    assert len(DepthHead().decode(raw, VALUES | {"smallest": 0.8 * area}).objects) == 3
    assert len(DepthHead().decode(raw, VALUES | {"smallest": 1.2 * area}).objects) == 0


def test_fragments_are_told_once_of_a_resized_plane() -> None:
    """Without the smallest the usual cell would be one of the five largest, and the eight others fragments of it."""
    labels = np.zeros((48, 80), np.int32)
    for number, side in enumerate([9] * 5 + [7] * 8 + [4] * 4):
        y, x = 2 + 12 * (number // 6), 2 + 12 * (number % 6)
        labels[y : y + side, x : x + side] = number + 1
    raw, values = maps_of(labels, (144, 240)), VALUES | {"confidence": 0.0, "smallest": 0.0}
    assert len(DepthHead().decode(raw, values).objects) == 17
    assert len(DepthHead().decode(raw, values | {"fragments": 0.7}).objects) == 13


def test_unsure_cells_are_left_out() -> None:
    raw = maps_of(touching_rods())
    maps = raw.maps.copy()
    maps[0, :18] *= np.float16(0.55)
    kept = DepthHead().decode(replace(raw, maps=maps), VALUES | {"confidence": 0.7})
    assert len(kept.objects) == 2
