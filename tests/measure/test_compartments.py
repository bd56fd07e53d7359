"""Nucleus, cell and cytoplasm of one id, each with its own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino import Stack, load_model, segment
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import Objects
from napari_cellvino.measure.compartments import with_compartments
from napari_cellvino.measure.objects import measure


def test_the_cytoplasm_is_the_cell_without_its_nucleus() -> None:
    nuclei, cells = np.zeros((12, 12), np.int32), np.zeros((12, 12), np.int32)
    nuclei[4:6, 4:6], nuclei[10, 10] = 1, 2
    cells[2:8, 2:8], cells[10, 10] = 1, 2
    pixels = np.where(cells == 1, np.where(nuclei == 1, 30, 10), 5)[None]
    objects = Objects.found(
        score=np.ones(2),
        box=np.array([[4, 4, 6, 6], [10, 10, 11, 11]]),
        centroid=np.array([[4.5, 4.5], [10.0, 10.0]]),
        area_px=np.array([4, 1]),
    )
    spacing = Spacing(None, 0.5, 0.5)
    table = measure(nuclei, objects, pixels, ["ER"], spacing, ["nucleus"])
    row, alone = with_compartments(table, [(nuclei, cells, pixels)], ["ER"], spacing).to_dict("records")
    assert (row["cell_area_px"], row["cytoplasm_area_px"], row["cytoplasm_area_um2"]) == (36, 32, 8.0)
    assert row["mean_er"] == 30
    assert row["cytoplasm_mean_er"] == 10
    assert row["cell_integrated_er"] == 4 * 30 + 32 * 10
    assert row["nucleus_to_cytoplasm_er"] == 3
    assert row["nucleus_to_cell_size"] == pytest.approx(4 / 36)
    assert not row["cell_touches_edge"]
    assert alone["cytoplasm_area_px"] == 0
    assert np.isnan(alone["nucleus_to_cytoplasm_er"])


def test_in_3d_cells_are_grown_plane_by_plane_and_measured_in_voxels() -> None:
    y, x = np.mgrid[:96, :96]
    disc = np.hypot(y - 48, x - 48) < 11
    planes = np.stack([np.where(disc, 900, 100)] * 4).astype(np.uint16)
    found = segment(
        Stack.from_array(planes, axes="ZYX", spacing_um=(1, 0.5, 0.5)),
        load_model("nuclei"),
        z="3d",
        whole_cells="expand",
        parameters={"cell_reach": 5},
    )
    row = found.table.iloc[0]
    assert found.cells is not None
    assert found.cells.shape == planes.shape
    assert row["cell_volume_px"] == (found.cells == 1).sum() > row["volume_px"]
    assert row["cell_volume_um3"] == pytest.approx(row["cell_volume_px"] / 4)
