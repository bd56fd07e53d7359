"""The small widget gives the labels of the front door, where the image lies."""

from __future__ import annotations

import numpy as np
import tifffile
from napari.layers import Labels

from napari_cellvino import segment
from tests.gui.conftest import WAIT_MS


def test_labels_are_those_of_the_front_door(viewer, qtbot, stack_file):
    pixels = tifffile.imread(stack_file)[4, :160, :160]
    layer = viewer.add_image(pixels, scale=(0.5, 0.5), translate=(3, 4))
    _, widget = viewer.window.add_plugin_dock_widget("napari-cellvino", "Segment layer")
    assert "nuclei" in widget.model.choices
    assert "live-dead" not in widget.model.choices  # it finds boxes
    widget.image.value = layer
    widget.call_button.native.click()
    qtbot.waitUntil(lambda: any(isinstance(held, Labels) for held in viewer.layers), timeout=WAIT_MS)
    (found,) = [held for held in viewer.layers if isinstance(held, Labels)]
    np.testing.assert_array_equal(found.data, segment(pixels).labels)
    assert found.data.any()
    np.testing.assert_allclose(found.extent.world, layer.extent.world)
