"""Outlines of a labels layer: the same as napari's, quicker, and drawn beforehand where they are known."""

from __future__ import annotations

import napari
import numpy as np
import pytest

from napari_cellvino.gui.napari_bridge.cell_labels import CellLabels, outlines_of, texture_of
from napari_cellvino.gui.napari_bridge.layer_style import is_light, outline_colormap

YELLOW = outline_colormap(light=False)


@pytest.fixture
def labels() -> np.ndarray:
    found = np.zeros((40, 50), np.int32)
    found[5:20, 5:20], found[5:20, 20:30], found[30:40, 0:9], found[25, 25] = 3, 1, 7, 2
    return found


def test_outlines_of_one_px_are_those_of_napari(labels: np.ndarray) -> None:
    theirs = napari.layers.Labels(labels)
    theirs.contour = 1
    theirs.colormap = YELLOW
    np.testing.assert_array_equal(texture_of(labels, 1, YELLOW), theirs._slice.image.view)


@pytest.mark.parametrize(("background", "rgb", "light"), [(230, True, True), (20, True, False), (230, False, False)])
def test_outlines_are_blue_only_on_light_colour_pictures(background: int, rgb: bool, light: bool) -> None:
    pixels = np.full((3, 64, 64), background, np.uint8)
    pixels[:, 8:16] = 255 - background
    assert is_light(pixels, rgb=rgb) == light


def test_wider_outlines_grow_inwards_on_both_sides(labels: np.ndarray) -> None:
    wide = outlines_of(labels, 2)
    assert wide[12, 16:24].tolist() == [0, 0, 3, 3, 1, 1, 0, 0]
    assert wide[31:35, 4].tolist() == [7, 0, 0, 0]
    assert wide[25, 25] == 2
    assert set(np.unique(wide[labels == 0])) == {0}


def test_a_part_drawn_again_is_as_the_whole(labels: np.ndarray) -> None:
    layer = CellLabels(labels, contour=2, colormap=YELLOW)
    part = (slice(3, 17), slice(12, 26))
    whole = layer._slice.image.view
    np.testing.assert_array_equal(layer._raw_to_displayed(labels, data_slice=part), whole[part])


def test_outlines_drawn_beforehand_are_shown_once(labels: np.ndarray) -> None:
    before = np.full(labels.shape, 1, np.uint8)
    layer = CellLabels(labels, contour=1, colormap=YELLOW, texture=before)
    assert layer._slice.image.view is before
    layer.refresh()
    np.testing.assert_array_equal(layer._slice.image.view, texture_of(labels, 1, YELLOW))
    with layer.drawn(before):
        layer.data = labels.copy()
        assert layer._slice.image.view is before
    layer.contour = 2
    np.testing.assert_array_equal(layer._slice.image.view, texture_of(labels, 2, YELLOW))


def test_napari_takes_it_for_a_labels_layer(labels: np.ndarray) -> None:
    assert CellLabels(labels, contour=1, colormap=YELLOW).as_layer_data_tuple()[2] == "labels"


def test_cells_in_3d_have_no_outlines_and_no_warning(labels: np.ndarray) -> None:
    layer = CellLabels(np.stack([labels] * 3), contour=1, colormap=YELLOW)
    assert layer._calculate_contour(layer.data, (slice(None),) * 3) is None  # a warning would be an error here
