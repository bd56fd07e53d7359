"""Show what a run found: a labels layer with boxes that are hidden at first, or boxes alone.

Labels of every plane, joined in 3D, have the planes' spacing as well, and no boxes: napari shows them in 3D itself.

Boxes are lines of a Vectors layer: a Shapes layer of 5,000 rectangles takes a second to make and a second to change,
in the thread of the window; Vectors take less than 0.1 s to change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import napari
import numpy as np
from napari.layers import Image, Labels, Layer, Vectors

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.image import Plane, PlaneReader, ZChoice, ZMode
from napari_cellvino.core.objects import Objects
from napari_cellvino.gui.napari_bridge.layer_style import (
    box_colours,
    box_lines,
    class_colormap,
    object_features,
    outline_colormap,
)

CONTOUR_PX = 2
SMALL_PX = 24  # cells of a smaller diameter get a thinner outline


@dataclass(frozen=True, slots=True)
class ResultName:
    """What a result is of: the image, with the time point where there are several; model; names of its classes."""

    title: str
    model: str
    classes: tuple[str, ...]

    def cells(self) -> str:
        """Return the name of the layer with the result."""
        return f"{self.title}: cells ({self.model})"

    def boxes(self) -> str:
        """Return the name of the layer with the boxes round outlined cells."""
        return f"{self.title}: boxes ({self.model})"


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
    """The layers of the result of one field: the main one, and the boxes round outlined cells in a plane."""

    place: ResultPlace
    name: ResultName
    source: Image | None
    main: Labels | Vectors
    boxes: Vectors | None

    @property
    def labels(self) -> Labels | None:
        """The outlines; None where there are boxes only."""
        return self.main if isinstance(self.main, Labels) else None

    @property
    def layers(self) -> tuple[Labels | Vectors, ...]:
        """The layers there are."""
        return (self.main,) if self.boxes is None else (self.main, self.boxes)

    def fits(self, annotation: Annotation) -> bool:
        """Whether the layers can show this: outlines in as many dimensions, or boxes."""
        mine = None if self.labels is None else self.labels.ndim
        return mine == (None if annotation.labels is None else annotation.labels.ndim)


class ResultLayers:
    """The result layers of a viewer: those of one run per field, replaced by the next.

    Those of the current field are seen, in their own plane of a stack; those of all others are hidden.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._results: list[_Result] = []
        self._current: _Result | None = None
        self._hidden: set[Layer] = set()  # by us, not by the user
        viewer.dims.events.point.connect(self._follow_plane)

    def close(self) -> None:
        """Let go of the viewer; the layers stay in it."""
        self._viewer.dims.events.point.disconnect(self._follow_plane)
        self._results.clear()
        self._hidden.clear()
        self._current = None

    def fits(self, annotation: Annotation, place: ResultPlace, title: str) -> bool:
        """Return whether an annotation goes into the layers that are there, or there are none to be replaced."""
        result = self._to_replace(place, title)
        return result is None or result.fits(annotation)

    def show(
        self, annotation: Annotation, place: ResultPlace, name: ResultName, source: Image | None
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
        """
        result = self._to_replace(place, name.title)
        if result is not None and result.fits(annotation):
            made = self._with_boxes(_updated(replace(result, place=place), annotation, name), annotation)
            self._results[self._results.index(result)] = made
        else:
            if result is not None:
                self._remove(result)
            made = self._made(annotation, place, name, source)
            self._results.append(made)
        if self._current is not None and self._current.main is not made.main:
            self._hide(self._current)
        self._current = made
        self._follow_plane()
        return made.main

    def hide(self) -> None:
        """Hide the result of the field that is left."""
        if self._current is not None:
            self._hide(self._current)
            self._current = None

    def remove_current(self) -> None:
        """Remove the layers of the field that is left."""
        if self._current is not None:
            self._remove(self._current)

    def remove(self, pixels: Plane) -> None:
        """Remove the layers of a field that is let go of; what was corrected in it is in its journal."""
        for result in [r for r in self._present() if r.place.pixels is pixels]:
            self._remove(result)

    def _follow_plane(self, _: object = None) -> None:
        """Show the current result in its own plane of a stack only."""
        if self._current is None:
            return
        if self._current.place.z in (None, self._plane_shown()):
            for layer in self._current.layers:
                if layer in self._hidden:
                    self._hidden.remove(layer)
                    layer.visible = True
        else:
            self._hide(self._current)

    def _plane_shown(self) -> int | None:
        """Return the plane of the stack (from 0) that is shown, or the current result's where that is not known."""
        current, dims = self._current, self._viewer.dims
        source, axis = (None, -1) if current is None else (current.source, dims.ndim - 3)
        if current is None or source is None or source.ndim < 3 or axis not in dims.not_displayed:
            return None if current is None else current.place.z
        return round(float(source.world_to_data(dims.point)[-3]))

    def _hide(self, result: _Result) -> None:
        for layer in result.layers:
            if layer.visible:
                self._hidden.add(layer)
                layer.visible = False

    def _present(self) -> list[_Result]:
        """Return the results whose layers are in the viewer; boxes round cells that were deleted go with them."""
        for result in [r for r in self._results if r.main not in self._viewer.layers]:
            self._remove(result)
        return list(self._results)

    def _to_replace(self, place: ResultPlace, title: str) -> _Result | None:
        found = [r for r in self._present() if r.place.planes is place.planes and r.name.title == title]
        return found[-1] if found else None

    def _remove(self, result: _Result) -> None:
        self._results.remove(result)
        self._current = None if self._current is result else self._current
        for layer in result.layers:
            self._hidden.discard(layer)
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _made(self, annotation: Annotation, place: ResultPlace, name: ResultName, source: Image | None) -> _Result:
        objects = annotation.objects
        if annotation.labels is None:
            return _Result(place, name, source, self._add_boxes(objects, name, source, alone=True), None)
        flat = annotation.labels.ndim == 2
        hidden = self._add_boxes(objects, name, source, alone=False) if flat and len(objects) else None
        labels = self._viewer.add_labels(
            annotation.labels,
            name=name.cells(),
            opacity=1.0,
            features=object_features(objects, name.classes),
            **inherited_space(source, annotation.labels.ndim),
        )
        labels.contour = contour_px(objects)
        labels.colormap = outline_colormap(rgb=source is not None and bool(source.rgb))
        _colour(labels, objects, name)
        return _Result(place, name, source, labels, hidden)

    def _with_boxes(self, result: _Result, annotation: Annotation) -> _Result:
        """Return the result with boxes round its cells, where the first cells came later."""
        flat = annotation.labels is not None and annotation.labels.ndim == 2
        if result.boxes is not None or not flat or not annotation.records:
            return result
        active = self._viewer.layers.selection.active
        boxes = self._add_boxes(annotation.objects, result.name, result.source, alone=False)
        self._viewer.layers.move(self._viewer.layers.index(boxes), self._viewer.layers.index(result.main))
        self._viewer.layers.selection.active = active
        return replace(result, boxes=boxes)

    def _add_boxes(self, objects: Objects, name: ResultName, source: Image | None, *, alone: bool) -> Vectors:
        return self._viewer.add_vectors(
            box_lines(objects.box),
            name=name.cells() if alone else name.boxes(),
            ndim=2,
            visible=alone,
            opacity=1.0,
            edge_width=1.5 if alone else 1,
            vector_style="line",
            edge_color=box_colours(objects, name.classes),
            **inherited_space(source, 2),
        )


def _updated(result: _Result, annotation: Annotation, name: ResultName) -> _Result:
    """Return the result with its layers showing an annotation of the same kind."""
    objects = annotation.objects
    boxes = result.main if result.labels is None else result.boxes
    if boxes is not None:
        boxes.data = box_lines(objects.box)
        boxes.edge_color = box_colours(objects, name.classes)
    if result.labels is not None and annotation.labels is not None:
        if result.labels.data is not annotation.labels:
            result.labels.data = annotation.labels
            result.labels._reset_history()  # of pixels that are gone
        result.labels.features = object_features(objects, name.classes)
        _colour(result.labels, objects, name)
    if name != result.name:
        result.main.name = name.cells()
        if result.boxes is not None:
            result.boxes.name = name.boxes()
    return replace(result, name=name)


def _colour(labels: Labels, objects: Objects, name: ResultName) -> None:
    """Show several classes in their colours."""
    if len(name.classes) > 1:
        labels.colormap = class_colormap(objects)


def contour_px(objects: Objects) -> int:
    """Return the width of outlines: thin ones for small cells, whose stain they would hide."""
    if not len(objects) or objects.box.shape[1] == 6:
        return CONTOUR_PX
    diameter = float(np.median(objects.area_px)) ** 0.5
    return 1 if diameter < SMALL_PX else CONTOUR_PX


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
