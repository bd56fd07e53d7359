"""A run on what is in view only: outlines and a number to look at, which are no result and are not saved."""

from __future__ import annotations

from dataclasses import dataclass

import napari
import numpy as np
from napari.layers import Image, Labels, Vectors

from napari_cellvino.core.image import Stack
from napari_cellvino.core.region import ImageRegion
from napari_cellvino.gui.napari_bridge.image_layers import PROJECTION
from napari_cellvino.gui.napari_bridge.layer_style import box_lines
from napari_cellvino.gui.napari_bridge.outline_layer import outline_layer
from napari_cellvino.gui.napari_bridge.result_layers import inherited_space
from napari_cellvino.gui.run.prepared_result import PreparedResult
from napari_cellvino.gui.widgets.formatting import format_count, format_number

LEAST_PX = 64  # side of a view that a model is tried on
COLOUR = (0.34, 0.71, 0.91, 1.0)  # sky blue of Okabe and Ito


@dataclass(frozen=True, slots=True)
class ViewTrial:
    """What a run on a part of an image found."""

    region: ImageRegion
    count: int

    @property
    def said(self) -> str:
        """What it is, as text."""
        size = f"{format_number(self.region.width)} × {format_number(self.region.height)} px"
        return f"{format_count(self.count)} in view ({size}): a trial, of which nothing is counted or saved."


def region_in_view(source: Image, stack: Stack) -> ImageRegion | None:
    """Return the part of an image that is in view, at least 64 px wide; None where that is all of it."""
    shape = np.array([stack.shape.y, stack.shape.x])
    corners = np.asarray(source.corner_pixels, float)[:, -2:]
    if source.multiscale:
        corners = corners * np.asarray(source.downsample_factors[source.data_level])[-2:]
    low, high = np.clip(np.floor(corners[0]), 0, shape), np.clip(np.ceil(corners[1]) + 1, 0, shape)
    least = np.minimum(LEAST_PX, shape)
    low = np.clip(np.minimum(low, (low + high - least) // 2), 0, shape - least)
    high = np.clip(np.maximum(high, low + least), 0, shape)
    if not low.any() and (high == shape).all():
        return None
    (y0, x0), (y1, x1) = low.astype(int).tolist(), high.astype(int).tolist()
    return ImageRegion(y0, y1, x0, x1)


class TrialLayer:
    """The outlines of the last trial as a layer of the viewer; under those of a stack lies the picture they are of."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self.layer: Labels | Vectors | None = None
        self.under: Image | None = None

    def show(self, made: PreparedResult, region: ImageRegion, source: Image) -> None:
        """Show the outlines, or boxes, of a part of an image over the layer that the image is."""
        self.remove()
        labels = made.annotation.labels
        ndim = 2 if labels is None else labels.ndim
        space = inherited_space(source, ndim)
        offset = np.zeros(ndim)
        offset[-2:] = region.y0, region.x0
        space["translate"] = space["translate"] + space["rotate"] @ (space["scale"] * offset)
        active = self._viewer.layers.selection.active
        name = f"{made.annotation.provenance.origin.name}: trial on the view"
        plane = made.outcome.prediction.plane
        if ndim < source.ndim:
            seen = plane.inputs.astype(np.float32).mean(axis=0)
            words = {"name": f"{name}, {plane.chosen}", "metadata": {PROJECTION: True}}
            self.under = Image(seen, blending="opaque", **words, **space)
            self._viewer.add_layer(self.under)
        if labels is None:
            lines = box_lines(made.look.objects.box)
            self.layer = Vectors(
                lines, name=name, ndim=2, edge_width=1.5, vector_style="line", edge_color=np.array(COLOUR), **space
            )
        else:
            self.layer = outline_layer(labels, name, COLOUR, width=2, space=space)
        self._viewer.add_layer(self.layer)
        self._viewer.layers.selection.active = active

    def remove(self) -> None:
        """Take the layer away."""
        for layer in (self.layer, self.under):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self.layer = self.under = None
