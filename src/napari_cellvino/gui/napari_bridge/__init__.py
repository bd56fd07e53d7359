"""The only code of the window that touches layer data: images in as stacks, results out as layers."""

from napari_cellvino.gui.napari_bridge.canvas import Canvas
from napari_cellvino.gui.napari_bridge.image_layers import Picture, Pictures
from napari_cellvino.gui.napari_bridge.layer_reader import axes_choices, stack_of
from napari_cellvino.gui.napari_bridge.result_layers import ResultLayers, ResultName
from napari_cellvino.gui.napari_bridge.review_layer import ReviewLayer
from napari_cellvino.gui.napari_bridge.stack_layers import LayerRecipe, prepare_layers

__all__ = [
    "Canvas",
    "LayerRecipe",
    "Picture",
    "Pictures",
    "ResultLayers",
    "ResultName",
    "ReviewLayer",
    "axes_choices",
    "prepare_layers",
    "stack_of",
]
