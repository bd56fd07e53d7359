"""One image layer in, one labels layer out: the smallest widget, built by magicgui from the types of a function.

For those who want cells beside other plugins and need no review: it runs what the front door runs, in a thread, and
says what it found. magicgui reads the types when the module is imported, so they are no texts here.
"""

from typing import Annotated, Any

import numpy as np
from magicgui import magic_factory
from napari.layers import Image
from napari.qt.threading import FunctionWorker, thread_worker
from napari.types import LayerDataTuple
from napari.utils.notifications import show_info

from napari_cellvino import list_models, segment
from napari_cellvino.core.image import Stack
from napari_cellvino.core.recipe import Precision
from napari_cellvino.gui.napari_bridge.layer_reader import stack_of
from napari_cellvino.model_package import ModelInput, ModelOutput


def _models(_: object) -> list[str]:
    """Return the names of the models that find outlines in an image."""
    specs = [listed.spec for listed in list_models() if listed.spec is not None and not listed.problem]
    return [spec.name for spec in specs if spec.takes is ModelInput.FIELD and spec.gives is ModelOutput.OUTLINES]


@magic_factory(call_button="Find cells")
def segment_layer(
    image: Image,
    model: Annotated[str, {"choices": _models}] = "nuclei",
    channel: Annotated[int, {"min": 0, "max": 99, "tooltip": "From 1; 0 lets the model choose"}] = 0,
    cell_diameter_px: Annotated[float, {"min": 0, "max": 2000, "tooltip": "0: the model's own, or estimated"}] = 0.0,
    precision: Precision = Precision.AUTO,
) -> FunctionWorker[LayerDataTuple]:
    """Return a worker that finds the cells of an image layer, in a projection of its planes, as a labels layer."""
    options: dict[str, Any] = {"precision": precision}
    if channel:
        options["channel"] = channel
    if cell_diameter_px:
        options["diameter_px"] = cell_diameter_px
    return _work(stack_of(image), model, options, {"scale": image.scale[-2:], "translate": image.translate[-2:]})


@thread_worker(start_thread=True)
def _work(stack: Stack, model: str, options: dict[str, Any], place: dict[str, Any]) -> LayerDataTuple:
    found = segment(stack, model, **options)
    for notice in found.notices:
        show_info(notice)
    labels = np.array(found.labels)  # a layer of its own, which may be painted
    return LayerDataTuple((labels, {"name": f"{stack.origin.name}: {model}", **place}, "labels"))
