"""Show what a run found: a labels layer, or boxes where that is what the model finds.

Labels of every plane, joined in 3D, have the planes' spacing as well: napari shows them in 3D itself.

Boxes are lines of a Vectors layer: a Shapes layer of 5,000 rectangles takes a second to make and a second to change,
in the thread of the window; Vectors take less than 0.1 s to change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import napari
import numpy as np
from napari.layers import Image, Labels, Layer, Vectors
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.image import Plane, PlaneReader, Stack, ZChoice, ZMode
from napari_cellvino.core.objects import Objects
from napari_cellvino.gui.napari_bridge.cell_labels import CellLabels
from napari_cellvino.gui.napari_bridge.cell_look import CellLook, look_of
from napari_cellvino.gui.napari_bridge.layer_style import box_colours, box_lines, colour_lines, is_light, is_one_colour
from napari_cellvino.gui.napari_bridge.review_layer import OTHER_PLANE


@dataclass(frozen=True, slots=True)
class ResultName:
    """What a result is of: the image, with the time point where there are several; model; names of its classes."""

    title: str
    model: str
    classes: tuple[str, ...]

    def __str__(self) -> str:
        """Return the name of the layer with the result."""
        return f"{self.title}: cells ({self.model})"


@dataclass(frozen=True, slots=True)
class ResultPlace:
    """The image and the pixels that a result was found in, and the plane of the stack (from 0) if that is one."""

    planes: PlaneReader
    pixels: Plane
    z: int | None = None


def seen_in(pixels: Plane, choice: ZChoice) -> int | None:
    """Return the plane of a stack (from 0) that ``pixels`` are; None of a projection, or of every plane."""
    number = choice.plane if choice.way is ZMode.PLANE else pixels.sharpest
    return number - 1 if number is not None else None


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """The layer of the result of one field."""

    place: ResultPlace
    name: ResultName
    source: Image | None
    layer: CellLabels | Vectors

    @property
    def has_units_of_source(self) -> bool:
        """Whether the layer still has the units of that of its image."""
        return self.source is None or self.source.units[-self.layer.ndim :] == self.layer.units

    def fits(self, annotation: Annotation) -> bool:
        """Whether the layer can show this: outlines in as many dimensions, or boxes."""
        mine = self.layer.ndim if isinstance(self.layer, CellLabels) else None
        return mine == (None if annotation.labels is None else annotation.labels.ndim)


class ResultLayers:
    """The result layers of a viewer: those of one run per field, replaced by the next.

    Those of the current field are seen, in their own plane of a stack; those of all others are hidden.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._results: list[_Result] = []
        self._current: _Result | None = None
        self._aside: _Result | None = None  # of the field that is being read again
        self._hidden: set[Layer] = set()  # by us, not by the user
        viewer.dims.events.point.connect(self._follow_plane)

    def close(self) -> None:
        """Let go of the viewer; the layers stay in it."""
        self._viewer.dims.events.point.disconnect(self._follow_plane)
        self._results.clear()
        self._hidden.clear()
        self._current = self._aside = None

    def fits(self, annotation: Annotation, place: ResultPlace, title: str) -> bool:
        """Return whether an annotation goes into the layers that are there, or there are none to be replaced."""
        result = self._to_replace(place, title)
        return result is None or result.fits(annotation)

    def show(
        self,
        annotation: Annotation,
        place: ResultPlace,
        name: ResultName,
        source: Image | None,
        look: CellLook | None = None,
    ) -> Labels | Vectors:
        """Show an annotation, whose pixels the layer shares, and return the layer.

        Parameters
        ----------
        annotation
            What was found, and corrected since.
        place
            The pixels it was found in.
        name
            What layers are called after: the result of the same image and time point has the same layers.
        source
            Layer to inherit scale, units, translation and axis labels from.
        look
            How the annotation looks, if that is known already.
        """
        light = is_light(place.pixels.pixels, rgb=source is not None and bool(source.rgb))
        look = look or look_of(annotation, name.classes, light=light)
        result, texture = self._to_replace(place, name.title), None
        if result is not None and result.fits(annotation):
            if isinstance(result.layer, CellLabels) and result.layer.data is not annotation.labels:
                texture = look.texture_for(result.layer)
            made = _updated(replace(result, place=place), annotation, name, look)
            self._results[self._results.index(result)] = made
        else:
            if result is not None:
                self._remove(result)
            made = self._made(annotation, place, name, source, look)
            self._results.append(made)
        if self._current is not None and self._current.layer is not made.layer:
            self._hide(self._current)
        self._current = made
        self.remove_aside()
        if isinstance(made.layer, CellLabels):
            with made.layer.drawn(texture):  # one that was hidden is drawn when it is seen again
                self._follow_plane()
        else:
            self._follow_plane()
        self._select_instead(made.layer)
        return made.layer

    def _select_instead(self, layer: Layer | None) -> None:
        """Select a layer where that of a field that was left is selected: napari's tools would paint unseen."""
        selection = self._viewer.layers.selection
        if layer in self._viewer.layers and any(
            r.layer is selection.active for r in self._results if r.layer is not layer
        ):
            selection.active = layer

    def hide(self) -> None:
        """Hide the result of the field that is left.

        Where the layer of its image shows another one in other units by now, results go: napari uses no units at all
        where those of hidden layers differ. They are made anew when their field is come back to.
        """
        if self._current is not None:
            self._hide(self._current)
            self._select_instead(self._current.source)
            self._current = None
        for result in [r for r in self._present() if not r.has_units_of_source]:
            self._remove(result)

    def leave(self, stack: Stack | None, frame: int) -> None:
        """Leave the current field: its layers are removed, or hidden where its image stays open and is read again."""
        left, self._current = self._current, None
        stays = left is not None and stack is not None and left.place.planes is stack.planes
        if left is not None and stack is not None and stays and left.name.title == stack.origin_of(frame).name:
            self._hide(left)
            self._aside = left
        elif left is not None:
            self._remove(left)

    def remove_aside(self) -> None:
        """Remove the layers of a field that was read again, unless they show it."""
        left, self._aside = self._aside, None
        shown = self._current is not None and left is not None and self._current.layer is left.layer
        if left is not None and not shown:
            for result in [r for r in self._present() if r.layer is left.layer]:
                self._remove(result)

    def remove(self, pixels: Plane) -> None:
        """Remove the layers of a field that is let go of; what was corrected in it is in its journal."""
        for result in [r for r in self._present() if r.place.pixels is pixels]:
            self._remove(result)

    def _follow_plane(self, _: object = None) -> None:
        """Show the current result in its own plane of a stack only."""
        if self._current is None:
            return
        if self._current.place.z in (None, self._plane_shown()):
            self._current.layer.metadata.pop(OTHER_PLANE, None)
            if self._current.layer in self._hidden:
                self._hidden.remove(self._current.layer)
                self._current.layer.visible = True
        else:
            self._current.layer.metadata[OTHER_PLANE] = self._current.place.z
            self._hide(self._current)

    def _plane_shown(self) -> int | None:
        """Return the plane of the stack (from 0) that is shown, or the current result's where that is not known."""
        current, dims = self._current, self._viewer.dims
        source, axis = (None, -1) if current is None else (current.source, dims.ndim - 3)
        if current is None or source is None or source.ndim < 3 or axis not in dims.not_displayed:
            return None if current is None else current.place.z
        return round(float(source.world_to_data(dims.point)[-3]))

    def _hide(self, result: _Result) -> None:
        if result.layer.visible:
            self._hidden.add(result.layer)
            result.layer.visible = False

    def _present(self) -> list[_Result]:
        """Return the results whose layers are in the viewer."""
        for result in [r for r in self._results if r.layer not in self._viewer.layers]:
            self._remove(result)
        return list(self._results)

    def _to_replace(self, place: ResultPlace, title: str) -> _Result | None:
        found = [r for r in self._present() if r.place.planes is place.planes and r.name.title == title]
        return found[-1] if found else None

    def _remove(self, result: _Result) -> None:
        self._results.remove(result)
        self._current = None if self._current is result else self._current
        self._hidden.discard(result.layer)
        if result.layer in self._viewer.layers:
            self._viewer.layers.remove(result.layer)

    def _made(
        self, annotation: Annotation, place: ResultPlace, name: ResultName, source: Image | None, look: CellLook
    ) -> _Result:
        if annotation.labels is None:
            return _Result(place, name, source, self._add_boxes(look.objects, name, source))
        labels = CellLabels(
            annotation.labels,
            contour=look.contour,
            colormap=look.colormap,
            texture=look.texture,
            name=str(name),
            opacity=1.0,
            features=look.features,
            **inherited_space(source, annotation.labels.ndim),
        )
        with labels.drawn(look.texture):
            self._viewer.add_layer(labels)
        return _Result(place, name, source, labels)

    def _add_boxes(self, objects: Objects, name: ResultName, source: Image | None) -> Vectors:
        return self._viewer.add_vectors(
            box_lines(objects.box),
            name=str(name),
            ndim=2,
            opacity=1.0,
            edge_width=1.5,
            vector_style="line",
            edge_color=box_colours(objects, name.classes),
            **inherited_space(source, 2),
        )


def _updated(result: _Result, annotation: Annotation, name: ResultName, look: CellLook) -> _Result:
    """Return the result with its layer showing an annotation of the same kind."""
    if isinstance(result.layer, Vectors):
        lines, colours = box_lines(look.objects.box), box_colours(look.objects, name.classes)
        if not np.array_equal(result.layer.data, lines):  # each takes napari a tenth of a second
            result.layer.data = lines
        colour_lines(result.layer, colours)
    elif annotation.labels is not None:
        _update_labels(result.layer, annotation.labels, name, look)
    if name != result.name:
        result.layer.name = str(name)
    return replace(result, name=name)


def _update_labels(layer: CellLabels, labels: NDArray[np.int32], name: ResultName, look: CellLook) -> None:
    """Show labels in a layer; other cells than before have the colours of their look, until others are made."""
    layer.features = look.features
    texture = look.texture_for(layer) if layer.data is not labels else None
    with layer.drawn(texture):
        if layer.data is not labels:
            layer.data = labels
            layer._reset_history()  # of pixels that are gone
        if len(name.classes) > 1 or (texture is not None and not is_one_colour(layer.colormap)):
            layer.colormap = look.colormap


def inherited_space(source: Image | None, ndim: int) -> dict[str, Any]:
    """Return the space of the last ``ndim`` dimensions of a layer: over a z-stack, 2D labels lie on every plane."""
    if source is None:
        return {}
    count = source.ndim
    return {
        "scale": source.scale[-ndim:],
        "translate": source.translate[-ndim:],
        "rotate": source.rotate[-ndim:, -ndim:],
        "affine": source.affine.set_slice(range(count - ndim, count)),
        "units": source.units[-ndim:],
        "axis_labels": source.axis_labels[-ndim:],
    }
