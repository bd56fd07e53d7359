"""Which image layers are seen: those of the current field, or the projection of its stack, and nothing of others.

Time and plane of a field are those of napari's own sliders: here a number (from 1) becomes a place of the slider, and
the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

import napari
import numpy as np
from napari.layers import Image, Layer
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_cellvino.core.image import Plane, Stack, ZMode
from napari_cellvino.gui.napari_bridge.image_layers import PROJECTION, Picture, fit_view, same_image
from napari_cellvino.gui.napari_bridge.layer_reader import LayerPlanes, full_resolution
from napari_cellvino.gui.napari_bridge.result_layers import inherited_space
from napari_cellvino.gui.napari_bridge.stack_layers import contrast_limits, shown_axes

PROJECTED = {ZMode.MIP: "maximum projection", ZMode.MEAN: "mean projection"}


class FieldLayers:
    """The image layers of a viewer, as far as they show one field."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._hidden: set[Layer] = set()  # by us, not by the user
        self._projection: tuple[Plane, tuple[Image, ...]] | None = None
        self._projected: Picture | None = None  # whose planes it is shown instead of
        viewer.layers.events.removed.connect(self._on_removed)

    def bring(self, picture: Picture, others: Sequence[Picture]) -> None:
        """Show the layers of a picture, and hide those of others that would cover it."""
        for other in others:
            if other is not picture and not same_image(other, picture):
                self._hide(other.layers)
        if self._projection is None:
            self._show(picture.layers)

    def hide(self, pictures: Sequence[Picture]) -> None:
        """Hide the layers of pictures."""
        for picture in pictures:
            self._hide(picture.layers)

    def fit(self, picture: Picture) -> None:
        """Show the whole picture."""
        fit_view(self._viewer, picture.layers[0])

    def show_projection(self, plane: Plane, way: ZMode, picture: Picture) -> None:
        """Show what the network saw of a stack in layers of its own, in the place of the planes."""
        if self._projection is not None and self._projection[0] is plane:
            return
        self.remove_projection()
        top = max(self._viewer.layers.index(layer) for layer in picture.layers)
        active = self._viewer.layers.selection.active
        made = tuple(self._add(plane, number, way, picture) for number in range(_count(plane, picture)))
        for layer in made:
            self._viewer.layers.move(self._viewer.layers.index(layer), top + 1)
        self._viewer.layers.selection.active = active
        self._projection, self._projected = (plane, made), picture
        self._hide(picture.layers)

    def remove_projection(self, picture: Picture | None = None) -> None:
        """Take the projection away; the planes of ``picture`` are seen again."""
        shown, self._projection = self._projection, None
        for layer in () if shown is None else shown[1]:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        if picture is not None:
            self._show(picture.layers)

    def number(self, picture: Picture, axis: str) -> int | None:
        """Return the time point ("T") or plane ("Z") that is shown, from 1; None where a picture has no such axis."""
        at, layer = _axis(picture, axis), picture.layers[0]
        if at is None or layer not in self._viewer.layers:
            return None
        point = layer.world_to_data(self._viewer.dims.point[-layer.ndim :])
        return min(max(round(float(point[at])), 0), int(full_resolution(layer).shape[at]) - 1) + 1

    def go_to(self, picture: Picture, axis: str, number: int) -> None:
        """Show a time point ("T") or plane ("Z") of a picture, from 1."""
        at, layer = _axis(picture, axis), picture.layers[0]
        if at is None or layer not in self._viewer.layers or self.number(picture, axis) == number:
            return
        place = list(layer.world_to_data(self._viewer.dims.point[-layer.ndim :]))
        place[at] = number - 1
        world = self._viewer.dims.ndim - layer.ndim + at
        self._viewer.dims.set_point(world, float(layer.data_to_world(place)[at]))

    def close(self) -> None:
        """Show what was hidden, and let go of all layers."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._show([layer for layer in self._hidden if layer in self._viewer.layers])
        self._hidden.clear()
        self._projection = self._projected = None

    def _on_removed(self, event: Event) -> None:
        """Show the planes of a stack whose projection somebody deleted."""
        if self._projection is not None and event.value in self._projection[1]:
            self.remove_projection(self._projected)

    def _add(self, plane: Plane, number: int, way: ZMode, picture: Picture) -> Image:
        single = len(picture.layers) == 1
        source = picture.layers[number]
        pixels = _pixels(plane, number, single=single, rgb=bool(source.rgb))
        looks = {} if source.rgb else {"contrast_limits": contrast_limits(pixels), "colormap": source.colormap}
        return self._viewer.add_image(
            pixels,
            name=f"{source.name}: {PROJECTED[way]}",
            rgb=bool(source.rgb),
            blending=source.blending,
            metadata={PROJECTION: True},
            **looks,
            **inherited_space(source, 2),
        )

    def _hide(self, layers: Sequence[Layer]) -> None:
        for layer in layers:
            if layer.visible and layer in self._viewer.layers:
                self._hidden.add(layer)
                layer.visible = False

    def _show(self, layers: Sequence[Layer]) -> None:
        for layer in layers:
            if layer in self._hidden:
                self._hidden.remove(layer)
                layer.visible = True


def _axis(picture: Picture, axis: str) -> int | None:
    """Return which dimension of the picture's layers is T or Z."""
    stack = picture.stack
    axes = "" if stack is None else _axes(stack)
    return axes.index(axis) if axis in axes else None


def _axes(stack: Stack) -> str:
    planes = stack.planes
    return planes.axes.removesuffix("S") if isinstance(planes, LayerPlanes) else shown_axes(stack.shape)


def _count(plane: Plane, picture: Picture) -> int:
    """Return how many layers show a plane: as many as show its stack."""
    return len(picture.layers) if len(picture.layers) == len(plane.pixels) else 1


def _pixels(plane: Plane, number: int, *, single: bool, rgb: bool) -> NDArray[np.generic]:
    """Return the pixels (Y, X) of a layer: a channel, or the one that the network saw; of RGB (Y, X, 3) as uint8."""
    if not rgb:
        return np.asarray(plane.inputs[0] if single and len(plane.inputs) == 1 else plane.pixels[number])
    colours = np.moveaxis(plane.pixels[:3], 0, -1)
    if colours.dtype == np.uint8:
        return colours
    bright = colours.astype(np.float32)
    return np.asarray(np.clip(bright * (255 / max(bright.max(initial=0), 1e-9)), 0, 255).astype(np.uint8))
