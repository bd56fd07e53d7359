"""Whole cells have the ids of their nuclei, hold them, and end where the channel or the reach does."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import Stack
from napari_cellvino.core.recipe import Precision, Recipe, WholeCellWay
from napari_cellvino.model_package import find_package
from napari_cellvino.quality.accuracy import match_field
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.whole_cells import WholeCells, cell_channel_name

EXPAND, PROPAGATE = WholeCells(WholeCellWay.EXPAND), WholeCells(WholeCellWay.PROPAGATE, "2")
GROWN = {p.name: p.default for p in PROPAGATE.parameters}


def _disc(shape: tuple[int, int], y: int, x: int, radius: int) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) <= radius


def _scene() -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Two cells of radius 30 that touch, each with a nucleus of radius 10; ids 3 and 9."""
    nuclei, cells = np.zeros((120, 160), np.int32), np.full((120, 160), 100, np.uint16)
    for id_, x in ((3, 50), (9, 110)):
        cells[_disc(cells.shape, 60, x, 30)] = 1000
        nuclei[_disc(nuclei.shape, 60, x, 10)] = id_
    return nuclei, cells


def test_cells_are_grown_to_the_edge_of_the_channel_and_part_between_nuclei() -> None:
    nuclei, channel = _scene()
    cells = PROPAGATE.plane(nuclei, channel, GROWN)
    assert set(np.unique(cells)) == {0, 3, 9}
    assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()
    truth = channel > 500
    assert ((cells > 0) != truth).sum() < 0.12 * truth.sum()
    assert (cells[:, :78] != 9).all()
    assert (cells[:, 83:] != 3).all()


def test_the_reach_ends_cells_and_no_brightness_takes_all_within_it() -> None:
    nuclei, channel = _scene()
    near = PROPAGATE.plane(nuclei, channel, GROWN | {"cell_reach": 8.0})
    assert abs((near == 3).sum() - np.pi * 18**2) < 0.08 * np.pi * 18**2
    everywhere = PROPAGATE.plane(nuclei, channel, GROWN | {"cell_threshold": 0.0, "cell_reach": 300.0})
    assert (everywhere > 0).all()


def test_nuclei_are_expanded_by_a_distance() -> None:
    nuclei, _ = _scene()
    cells = EXPAND.plane(nuclei, None, {"cell_reach": 12.0})
    assert abs((cells == 9).sum() - np.pi * 22**2) < 0.08 * np.pi * 22**2


def test_without_nuclei_there_are_no_cells() -> None:
    nuclei, channel = np.zeros((50, 50), np.int32), np.ones((50, 50), np.float32)
    assert not PROPAGATE.plane(nuclei, channel, GROWN).any()


def test_a_nucleus_too_small_for_the_grid_keeps_its_pixels_and_flat_channels_do_no_harm() -> None:
    nuclei, channel = _scene()
    nuclei[1, 1] = 5
    cells = PROPAGATE.plane(nuclei, np.full_like(channel, 7), GROWN)
    assert cells[1, 1] == 5
    assert {3, 5, 9} <= set(np.unique(cells))


def test_whole_cells_of_boxes_or_without_a_channel_are_refused() -> None:
    with pytest.raises(OptionError, match="--cell-channel"):
        make_pipeline(Recipe(whole_cells=WholeCellWay.PROPAGATE), [find_package("nuclei")])
    with pytest.raises(OptionError, match="boxes"):
        make_pipeline(Recipe(model="live-dead", whole_cells=WholeCellWay.EXPAND), [find_package("live-dead")])
    stack = Stack.from_array(np.zeros((2, 8, 8)), axes="CYX")
    recipe = Recipe(precision=Precision.FAST, whole_cells=WholeCellWay.PROPAGATE, cell_channel="3")
    with pytest.raises(ImageValueError, match="no channel '3'"):
        cell_channel_name(stack, recipe)


def test_their_parameters_are_those_of_the_pipeline_and_old_results_are_known_again() -> None:
    plain = Recipe(precision=Precision.FAST)
    assert plain.fingerprint() == "321de7ed494f13290536f23ea129ab3136dc34a7d81fab1e36f4151a29f840e2"
    recipe = Recipe(whole_cells=WholeCellWay.PROPAGATE, cell_channel="1")
    pipeline = make_pipeline(recipe, [find_package("nuclei")])
    assert {"cell_reach", "cell_threshold", "cell_regularisation"} <= set(pipeline.values)
    assert recipe.fingerprint() != plain.fingerprint()
    expanded = pipeline.with_choices(whole_cells=WholeCellWay.EXPAND, cell_channel="")
    assert "cell_threshold" not in expanded.values


def test_on_cell_painting_most_cells_are_those_of_cell_profiler(shared_data: Path) -> None:
    archive = zipfile.ZipFile(shared_data / "cellpainting" / "cellpainting.zip")
    image, cells, nuclei = (
        tifffile.imread(io.BytesIO(archive.read(f"{part}/jump_BR00117006_r01c01f01.tif")))
        for part in ("images", "labels", "nuclei")
    )
    match = match_field(cells, PROPAGATE.plane(nuclei, image[0], GROWN))
    assert 2 * match.matched[0] / (match.n_true + match.n_predicted) > 0.77  # 188 nuclei of 247 cells: at most 0.86
