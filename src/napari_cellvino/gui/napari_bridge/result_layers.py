"""Show what a run found: a labels layer with boxes that are hidden at first, or boxes alone.

Labels of every plane, joined in 3D, have the planes' spacing as well, and no boxes: napari shows them in 3D itself.

Boxes are lines of a Vectors layer: a Shapes layer of 5,000 rectangles takes a second to make and a second to change,
in the thread of the window; Vectors take less than 0.1 s to change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import napari
from napari.layers import Image, Labels, Vectors

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.image import PlaneReader
from napari_cellvino.core.objects import Objects
from napari_cellvino.gui.napari_bridge.layer_style import box_colours, box_lines, class_colormap, object_features

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
    """The layers of one image's result: the one that it is, and the boxes round outlined cells in a plane."""

    planes: PlaneReader
    name: ResultName
    main: Labels | Vectors
    boxes: Vectors | None

    @property
    def labels(self) -> Labels | None:
        """The outlines; None where there are boxes only."""
        return self.main if isinstance(self.main, Labels) else None

    def fits(self, annotation: Annotation) -> bool:
        """Whether the layers can show this: outlines in as many dimensions, or boxes."""
        mine = None if self.labels is None else self.labels.ndim
        return mine == (None if annotation.labels is None else annotation.labels.ndim)


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
        if result is not None and result.fits(annotation):
            made = _updated(result, annotation, name)
            self._results[self._results.index(result)] = made
            return made.main
        made = self._made(annotation, planes, name, source)
        if result is not None:
            self._remove(result)
        self._results.append(made)
        return made.main

    def leave(self, planes: PlaneReader) -> None:
        """Remove the layers of pixels that are shown no more; what was corrected in them is in its journal."""
        for result in [r for r in self._present() if r.planes is planes]:
            self._remove(result)

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
        for layer in (result.main, result.boxes):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _made(self, annotation: Annotation, planes: PlaneReader, name: ResultName, source: Image | None) -> _Result:
        objects = annotation.objects
        if annotation.labels is None:
            return _Result(planes, name, self._add_boxes(objects, name, source, alone=True), None)
        flat = annotation.labels.ndim == 2
        hidden = self._add_boxes(objects, name, source, alone=False) if flat else None
        labels = self._viewer.add_labels(
            annotation.labels,
            name=name.cells(),
            opacity=0.5,
            features=object_features(objects, name.classes),
            **_inherited(source, annotation.labels.ndim),
        )
        _colour(labels, objects, name)
        return _Result(planes, name, labels, hidden)

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
            **_inherited(source, 2),
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
    """Show several classes as contours in their full colours: a veil over dark and bright cells would change them."""
    if len(name.classes) > 1:
        labels.colormap = class_colormap(objects)
        labels.contour, labels.opacity = CONTOUR_PX, 1.0


def _inherited(source: Image | None, ndim: int) -> dict[str, Any]:
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
