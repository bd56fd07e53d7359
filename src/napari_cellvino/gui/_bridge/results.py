"""Show what a run found: a labels layer with boxes that are hidden at first, or boxes alone.

Boxes are lines of a Vectors layer: a Shapes layer of 5,000 rectangles takes a second to make and a second to change,
in the thread of the window; Vectors take less than 0.1 s to change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import napari
from napari.layers import Image, Labels, Vectors

from napari_cellvino.annotation import Annotation
from napari_cellvino.gui._bridge.looks import box_colours, box_lines, class_colormap, object_features
from napari_cellvino.image import PlaneReader
from napari_cellvino.objects import Objects

CONTOUR_PX = 2


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


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """The layers of one image's result; no labels where there are boxes only."""

    planes: PlaneReader
    name: ResultName
    labels: Labels | None
    boxes: Vectors

    @property
    def main(self) -> Labels | Vectors:
        """The layer that is the result."""
        return self.boxes if self.labels is None else self.labels


class ResultLayers:
    """The result layers of a viewer: those of one run per image, replaced by the next."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._results: list[_Result] = []

    def show(
        self, annotation: Annotation, planes: PlaneReader, name: ResultName, source: Image | None
    ) -> Labels | Vectors:
        """Show an annotation, whose pixels the layer shares, and return the layer.

        Parameters
        ----------
        annotation
            What was found, and corrected since.
        planes
            The pixels it was found in: the same ones have the same layers.
        name
            What layers are called after.
        source
            Layer to inherit scale, units, translation and axis labels from.
        """
        result = self._to_replace(planes, name.title)
        if result is not None and (result.labels is None) == (annotation.labels is None):
            made = _updated(result, annotation, name)
            self._results[self._results.index(result)] = made
            return made.main
        made = self._made(annotation, planes, name, _inherited(source))
        if result is not None:
            self._remove(result)
        self._results.append(made)
        return made.main

    def forget(self) -> None:
        """Let go of the layers; they stay in the viewer."""
        self._results.clear()

    def _present(self) -> list[_Result]:
        self._results = [result for result in self._results if result.main in self._viewer.layers]
        return self._results

    def _to_replace(self, planes: PlaneReader, title: str) -> _Result | None:
        found = [r for r in self._present() if r.planes is planes and r.name.title == title]
        return found[-1] if found else None

    def _remove(self, result: _Result) -> None:
        self._results.remove(result)
        for layer in (result.labels, result.boxes):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _made(self, annotation: Annotation, planes: PlaneReader, name: ResultName, space: dict[str, Any]) -> _Result:
        objects = annotation.objects
        alone = annotation.labels is None
        boxes = self._viewer.add_vectors(
            box_lines(objects.box),
            name=name.cells() if alone else name.boxes(),
            ndim=2,
            visible=alone,
            opacity=1.0,
            edge_width=1.5 if alone else 1,
            vector_style="line",
            edge_color=box_colours(objects, name.classes),
            **space,
        )
        if annotation.labels is None:
            return _Result(planes, name, None, boxes)
        labels = self._viewer.add_labels(
            annotation.labels,
            name=name.cells(),
            opacity=0.5,
            features=object_features(objects, name.classes),
            **space,
        )
        _colour(labels, objects, name)
        return _Result(planes, name, labels, boxes)


def _updated(result: _Result, annotation: Annotation, name: ResultName) -> _Result:
    """Return the result with its layers showing an annotation of the same kind."""
    objects = annotation.objects
    result.boxes.data = box_lines(objects.box)
    result.boxes.edge_color = box_colours(objects, name.classes)
    if result.labels is not None and annotation.labels is not None:
        if result.labels.data is not annotation.labels:
            result.labels.data = annotation.labels
            result.labels._reset_history()  # of pixels that are gone
        result.labels.features = object_features(objects, name.classes)
        _colour(result.labels, objects, name)
    if name != result.name:
        result.main.name = name.cells()
        if result.labels is not None:
            result.boxes.name = name.boxes()
    return replace(result, name=name)


def _colour(labels: Labels, objects: Objects, name: ResultName) -> None:
    """Show several classes as contours in their full colours: a veil over dark and bright cells would change them."""
    if len(name.classes) > 1:
        labels.colormap = class_colormap(objects)
        labels.contour, labels.opacity = CONTOUR_PX, 1.0


def _inherited(source: Image | None) -> dict[str, Any]:
    """Return the space of the last two dimensions of a layer: over a z-stack, napari shows 2D labels on every plane."""
    if source is None:
        return {}
    count = source.ndim
    return {
        "scale": source.scale[-2:],
        "translate": source.translate[-2:],
        "rotate": source.rotate[-2:, -2:],
        "affine": source.affine.set_slice(range(count - 2, count)),
        "units": source.units[-2:],
        "axis_labels": source.axis_labels[-2:],
    }
