"""The taught head: cells part where "between" was taught, and have the class of most of their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.heads.taught import TaughtHead
from napari_cellvino.segmentation.raw_maps import RawMaps

VALUES = {p.name: p.default for p in TaughtHead.parameters}
FACTS = EngineInfo("CPU", Precision.EXACT, "f32", "test")


def blocks() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return foreground and between of two blocks that touch, and a third one."""
    foreground, between = np.full((40, 90), 0.02, np.float32), np.full((40, 90), 0.02, np.float32)
    foreground[10:30, 5:45] = foreground[10:30, 60:80] = 0.98
    between[10:30, 23:27] = 0.95
    return foreground, between


def raw(*maps: NDArray[np.float32], shape: tuple[int, int] | None = None) -> RawMaps:
    stacked = np.stack(maps).astype(np.float16)
    size = stacked.shape[1], stacked.shape[2]
    return RawMaps(stacked, FACTS, 64, 1, shape or size, size)


def test_cells_part_where_between_was_taught_and_keep_its_pixels() -> None:
    foreground, between = blocks()
    found = TaughtHead(True, 0).decode(raw(foreground, between), VALUES)
    assert found.objects.area_px.tolist() == [400, 400, 400]
    assert len(TaughtHead(False, 0).decode(raw(foreground), VALUES).objects) == 2


def test_a_depth_that_a_network_sees_parts_what_no_stroke_parts() -> None:
    foreground, between = blocks()
    depth = np.where(foreground > 0.5, np.float32(0.9), np.float32(0))
    depth[10:30, 22:28] = 0.1
    none = np.full_like(between, 0.02)
    assert len(TaughtHead(True, 0).decode(raw(foreground, none), VALUES).objects) == 2
    found = TaughtHead(True, 0, deep=22.0).decode(raw(foreground, none, depth), VALUES)
    assert sorted(found.objects.area_px.tolist()) == pytest.approx([400, 400, 400], abs=10)


def test_labels_have_the_size_of_the_plane() -> None:
    foreground, between = blocks()
    found = TaughtHead(True, 0).decode(raw(foreground, between, shape=(80, 180)), VALUES)
    assert found.label_image().shape == (80, 180)
    np.testing.assert_allclose(found.objects.area_px, 1600, rtol=0.06)


@pytest.mark.parametrize("shape", [None, (80, 180)])
def test_a_cell_has_the_class_of_its_pixels(shape: tuple[int, int] | None) -> None:
    foreground, between = blocks()
    second = np.full(foreground.shape, 0.3, np.float32)
    second[:, 25:50] = 0.9
    found = TaughtHead(True, 2).decode(raw(foreground, between, 1 - second, second, shape=shape), VALUES)
    order = np.argsort(found.objects.centroid[:, 1])
    assert found.objects.class_index[order].tolist() == [0, 1, 0]


def test_an_empty_field_has_no_cell() -> None:
    assert len(TaughtHead(True, 0).decode(raw(*np.zeros((2, 20, 20), np.float32)), VALUES).objects) == 0


def test_other_maps_are_refused() -> None:
    spec = find_package("nuclei").spec
    with pytest.raises(ModelPackageError):
        TaughtHead.for_spec(spec)
