"""The only code of the window that touches layer data: images in as stacks, results out as layers."""

from napari_cellvino.gui._bridge.canvas import Canvas
from napari_cellvino.gui._bridge.pictures import Picture, Pictures
from napari_cellvino.gui._bridge.reading import axes_choices, stack_of
from napari_cellvino.gui._bridge.results import ResultLayers, ResultName
from napari_cellvino.gui._bridge.review_layer import ReviewLayer
from napari_cellvino.gui._bridge.showing import LayerRecipe, prepare_layers

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
