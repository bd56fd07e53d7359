"""Which image layers there are, which of them belong to one picture, and the stack of each, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import napari
import numpy as np
from napari.layers import Image, Layer

from napari_cellvino.core.image import Stack
from napari_cellvino.gui.napari_bridge.layer_reader import LayerPlanes, full_resolution, stack_of
from napari_cellvino.gui.napari_bridge.stack_layers import LayerRecipe, layer_name, layer_space
from napari_cellvino.io import Position, Source

FILLED = 0.95  # of the canvas by a picture
PROJECTION = "napari-cellvino: projection"  # in the metadata of a layer that we made of another one


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image as people count them: the layers of its channels, and its pixels once they were asked for."""

    layers: tuple[Image, ...]
    stack: Stack | None = None
    source: Source | None = None  # of the file, where its layers were made here
    position: Position | None = None
    space: tuple[object, ...] = ()  # of the layer, when it was read
    listed: bool = False  # whether it makes room for the next field of the work list

    @property
    def ours(self) -> bool:
        """Whether its layers were made here, from its stack."""
        return self.source is not None

    @property
    def name(self) -> str:
        """Name to choose it by."""
        return self.stack.origin.name if self.ours and self.stack else str(self.layers[0].name)

    def source_layer(self) -> Image:
        """Return the layer whose place results take."""
        return self.layers[0]

    def colours(self) -> tuple[str, ...]:
        """Return the hex colour of each channel; empty where one layer holds them all."""
        if not self.ours or self.layers[0].rgb:
            return ()
        return tuple(_hex(layer) for layer in self.layers)


class Pictures:
    """The pictures of a viewer."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._known: list[Picture] = []

    def listed(self) -> tuple[Picture, ...]:
        """Return every picture, in the order of the layers; the ones that were removed are forgotten."""
        layers = [x for x in self._viewer.layers if isinstance(x, Image) and PROJECTION not in x.metadata]
        self._known = [picture for picture in self._known if any(layer in layers for layer in picture.layers)]
        found: list[Picture] = []
        for layer in layers:
            picture = self._picture_of(layer)
            if picture not in found:
                found.append(picture)
        return tuple(found)

    def covering(self, picture: Picture) -> str:
        """Return the name of another picture that lies over this one and is seen; empty where there is none."""
        layers = self._viewer.layers
        if picture.layers[0] not in layers:
            return ""
        place = layers.index(picture.layers[0])
        for other in reversed(self.listed()):
            seen = any(layer.visible and layers.index(layer) > place for layer in other.layers if layer in layers)
            if other is not picture and seen and not same_image(other, picture):
                return other.name
        return ""

    def read(self, picture: Picture, *, axes: str | None = None) -> Picture:
        """Return the picture with its stack; a layer is read again if its array was replaced, or for other ``axes``."""
        if picture.stack is not None and axes is None and not self.outdated(picture):
            return picture
        layer = picture.layers[0]
        return self._know(picture, replace(picture, stack=stack_of(layer, axes=axes), space=_space(layer)))

    def add(
        self,
        stack: Stack,
        recipes: Sequence[LayerRecipe],
        *,
        source: Source,
        position: Position,
        instead: Picture | None = None,
        listed: bool = False,
    ) -> Picture:
        """Add the layers of a file's position to the viewer, in the place of another picture's if that is given."""
        layers = tuple(self._viewer.add_image(recipe.data, **recipe.arguments) for recipe in recipes)
        stays = listed or (instead is not None and instead.listed)
        added = Picture(layers, stack, source, position, listed=stays)
        self._known.append(added)
        if instead is None:
            self._viewer.reset_view()
        for layer in instead.layers if instead is not None else ():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        for layer, recipe in zip(layers, recipes, strict=True):
            layer.name = recipe.arguments["name"]  # beside a layer of that name it was given another
        return added

    def field_shown(self) -> Picture | None:
        """Return the picture that shows a field of a plate, if one is there."""
        return next((p for p in self.listed() if p.position is not None and p.position.well), None)

    def listed_shown(self) -> Picture | None:
        """Return the picture that shows a field of the work list, if one is there."""
        return next((p for p in self.listed() if p.listed), None)

    def take_over(
        self, before: Picture, stack: Stack, recipes: Sequence[LayerRecipe], *, source: Source, position: Position
    ) -> Picture:
        """Show another field in the layers of the one before; those of one source keep their contrast and colours.

        Layers are made anew where the fields differ in channels or dimensions, or a layer was removed. All is seen of
        a field of another plate or of another size.
        """
        same_source = before.source is not None and before.source.path == source.path
        reuse = self._fits(before, recipes) and (same_source or before.listed)
        if reuse:
            for layer, recipe in zip(before.layers, recipes, strict=True):
                _take_recipe(layer, recipe, look=not same_source)
            shown = self._know(before, Picture(before.layers, stack, source, position, listed=before.listed))
        else:
            shown = self.add(stack, recipes, source=source, position=position, instead=before)
        if not same_source and (not reuse or before.stack is None or before.stack.shape[3:] != stack.shape[3:]):
            fit_view(self._viewer, shown.layers[0])
        return shown

    def _fits(self, before: Picture, recipes: Sequence[LayerRecipe]) -> bool:
        present = all(layer in self._viewer.layers for layer in before.layers)
        return present and [(layer.ndim, layer.rgb) for layer in before.layers] == [
            (len(recipe.arguments["scale"]), recipe.arguments["rgb"]) for recipe in recipes
        ]

    def correct(self, picture: Picture, stack: Stack) -> Picture:
        """Give a picture's stack, and its layers where they were made here, another spacing or channel names."""
        if picture.ours:
            space = layer_space(stack)
            for number, layer in enumerate(picture.layers):
                layer.scale, layer.units = space["scale"], space["units"]
                layer.name = layer_name(stack, None if stack.rgb else number)
        return self._know(picture, replace(picture, stack=stack))

    def forget(self) -> None:
        """Let go of all pictures."""
        self._known.clear()

    def outdated(self, picture: Picture) -> bool:
        """Return whether the array of a layer, or the space it lies in, was replaced since it was read."""
        planes, layer = picture.stack.planes if picture.stack else None, picture.layers[0]
        if not isinstance(planes, LayerPlanes):
            return False
        return full_resolution(layer) is not planes.array or _space(layer) != picture.space

    def _picture_of(self, layer: Image) -> Picture:
        for picture in self._known:
            if layer in picture.layers:
                return picture
        return self._know(None, Picture((layer,)))

    def _know(self, old: Picture | None, new: Picture) -> Picture:
        self._known = [picture for picture in self._known if picture is not old]
        self._known.append(new)
        return new


def fit_view(viewer: napari.Viewer, layer: Image) -> None:
    """Show a whole image: napari's own reset takes in hidden layers, and cells of the field before."""
    low, high = layer.extent.world[:, -2:]
    height, width = viewer.window._qt_viewer.canvas.size
    size = np.maximum(high - low, 1e-9)
    camera = viewer.scene.camera
    camera.center = (*camera.center[:-2], *((low + high) / 2).tolist())
    camera.zoom = FILLED * float(min(height / size[0], width / size[1]))


def same_image(one: Picture, other: Picture) -> bool:
    """Return whether two pictures are channels of one file that another reader made layers of."""
    path = one.layers[0].source.path
    return path is not None and path == other.layers[0].source.path and not (one.ours or other.ours)


def _take_recipe(layer: Image, recipe: LayerRecipe, *, look: bool) -> None:
    """Let a layer show what another recipe says, with its contrast and colours where ``look``."""
    wanted = recipe.arguments
    layer.data, layer.name = recipe.data, wanted["name"]
    if look and not layer.rgb:
        layer.contrast_limits_range = layer.contrast_limits = wanted["contrast_limits"]
        layer.colormap, layer.blending = wanted["colormap"], wanted.get("blending", layer.blending)
    if list(layer.scale) != wanted["scale"]:  # each of these draws all layers anew
        layer.scale = wanted["scale"]
    if [str(unit) for unit in layer.units] != wanted["units"]:
        layer.units = wanted["units"]
    if list(layer.axis_labels) != wanted["axis_labels"]:
        layer.axis_labels = wanted["axis_labels"]


def _space(layer: Image) -> tuple[object, ...]:
    return tuple(layer.scale), tuple(layer.units), tuple(layer.axis_labels)


def _hex(layer: Layer) -> str:
    red, green, blue = (round(255 * float(part)) for part in layer.colormap.colors[-1][:3])
    return f"#{red:02x}{green:02x}{blue:02x}"
