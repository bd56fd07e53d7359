"""The only code of the window that touches layer data: images in as stacks, results out as layers."""

from napari_cellvino.gui.napari_bridge.canvas import Canvas
from napari_cellvino.gui.napari_bridge.cell_look import CellLook, drawn_look, outline_of
from napari_cellvino.gui.napari_bridge.cell_paint import Paint, paint_of, plain_paint
from napari_cellvino.gui.napari_bridge.field_layers import FieldLayers
from napari_cellvino.gui.napari_bridge.image_layers import Picture, Pictures
from napari_cellvino.gui.napari_bridge.layer_reader import axes_choices, stack_of
from napari_cellvino.gui.napari_bridge.layer_style import box_lines, is_light
from napari_cellvino.gui.napari_bridge.result_layers import ResultLayers, ResultName, ResultPlace, seen_in
from napari_cellvino.gui.napari_bridge.review_layer import ReviewLayer
from napari_cellvino.gui.napari_bridge.stack_layers import LayerRecipe, layer_space, prepare_layers, units_differ

__all__ = [
    "Canvas",
    "CellLook",
    "FieldLayers",
    "LayerRecipe",
    "Paint",
    "Picture",
    "Pictures",
    "ResultLayers",
    "ResultName",
    "ResultPlace",
    "ReviewLayer",
    "axes_choices",
    "box_lines",
    "drawn_look",
    "is_light",
    "layer_space",
    "outline_of",
    "paint_of",
    "plain_paint",
    "prepare_layers",
    "seen_in",
    "stack_of",
    "units_differ",
]
