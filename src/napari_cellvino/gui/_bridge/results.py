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
from napari.layers import Image, Labels, Vectors
from numpy.typing import NDArray

from napari_cellvino.app import Outcome
from napari_cellvino.gui._bridge.looks import box_colours, box_lines, class_colormap, object_features
from napari_cellvino.image import PlaneReader
from napari_cellvino.inference.heads import Decoded

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
    """The layers of one image's result: the one that it is, and the boxes round outlined cells in a plane.

    ``written`` are the labels that were written into it; None where there are boxes only.
    """

    planes: PlaneReader
    name: ResultName
    main: Labels | Vectors
    boxes: Vectors | None
    written: NDArray[np.int32] | None

    @property
    def painted(self) -> bool:
        """Whether somebody changed the layer by hand."""
        return self.written is not None and not np.array_equal(self.main.data, self.written)

    def fits(self, decoded: Decoded) -> bool:
        """Whether the layers can show this: outlines in as many dimensions, or boxes."""
        kinds = [None if labels is None else labels.ndim for labels in (self.written, decoded.labels)]
        return kinds[0] == kinds[1]


class ResultLayers:
    """The result layers of a viewer: those of one run per image, replaced by the next unless somebody painted there."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._results: list[_Result] = []

    def show(self, outcome: Outcome, planes: PlaneReader, name: ResultName, source: Image | None) -> str:
        """Show an outcome and return a sentence if a painted layer was left alone, else an empty string.

        Parameters
        ----------
        outcome
            What was found.
        planes
            The pixels it was found in: the same ones have the same layers.
        name
            What layers are called after.
        source
            Layer to inherit scale, units, translation and axis labels from.
        """
        result, said = self._to_replace(planes, name.title)
        if result is not None and result.fits(outcome.prediction.decoded):
            self._keep(result, _updated(result, outcome, name))
            return said
        made = self._made(outcome, planes, name, source)
        if result is not None:
            self._remove(result)
        self._results.append(made)
        return said

    def painted(self, planes: PlaneReader) -> str:
        """Return the name of a layer of this image that somebody painted in, or an empty string."""
        return next((r.main.name for r in self._present() if r.planes is planes and r.painted), "")

    def leave(self, planes: PlaneReader) -> None:
        """Remove the layers of pixels that are shown no more, but for those that somebody painted in."""
        for result in [r for r in self._present() if r.planes is planes and not r.painted]:
            self._remove(result)

    def forget(self) -> None:
        """Let go of the layers; they stay in the viewer."""
        self._results.clear()

    def _present(self) -> list[_Result]:
        self._results = [result for result in self._results if result.main in self._viewer.layers]
        return self._results

    def _to_replace(self, planes: PlaneReader, title: str) -> tuple[_Result | None, str]:
        found = [r for r in self._present() if r.planes is planes and r.name.title == title]
        if not found or not found[-1].painted:
            return (found[-1] if found else None), ""
        self._results.remove(found[-1])
        return None, f"You painted in “{found[-1].main.name}”: it stays as it is, and this result has a new layer."

    def _keep(self, old: _Result, new: _Result) -> None:
        self._results[self._results.index(old)] = new

    def _remove(self, result: _Result) -> None:
        self._results.remove(result)
        for layer in (result.main, result.boxes):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _made(self, outcome: Outcome, planes: PlaneReader, name: ResultName, source: Image | None) -> _Result:
        decoded = outcome.prediction.decoded
        if decoded.labels is None:
            boxes = self._add_boxes(decoded, name, source, alone=True)
            return _Result(planes, name, boxes, None, None)
        flat = decoded.labels.ndim == 2
        hidden = self._add_boxes(decoded, name, source, alone=False) if flat else None
        labels = self._viewer.add_labels(
            decoded.labels.copy(),
            name=name.cells(),
            opacity=0.5,
            features=object_features(decoded.objects, name.classes),
            **_inherited(source, decoded.labels.ndim),
        )
        _colour(labels, outcome, name)
        return _Result(planes, name, labels, hidden, decoded.labels)

    def _add_boxes(self, decoded: Decoded, name: ResultName, source: Image | None, *, alone: bool) -> Vectors:
        return self._viewer.add_vectors(
            box_lines(decoded.objects.box),
            name=name.cells() if alone else name.boxes(),
            ndim=2,
            visible=alone,
            opacity=1.0,
            edge_width=1.5 if alone else 1,
            vector_style="line",
            edge_color=box_colours(decoded.objects, name.classes),
            **_inherited(source, 2),
        )


def _updated(result: _Result, outcome: Outcome, name: ResultName) -> _Result:
    """Return the result with its layers showing an outcome of the same kind."""
    decoded = outcome.prediction.decoded
    boxes = result.main if decoded.labels is None else result.boxes
    if boxes is not None:
        boxes.data = box_lines(decoded.objects.box)
        boxes.edge_color = box_colours(decoded.objects, name.classes)
    if decoded.labels is not None and result.written is not decoded.labels:
        result.main.data = decoded.labels.copy()  # nothing was painted, so there is no undo history to lose
        result.main.features = object_features(decoded.objects, name.classes)
        _colour(result.main, outcome, name)
    if name != result.name:
        result.main.name = name.cells()
        if result.boxes is not None:
            result.boxes.name = name.boxes()
    return replace(result, name=name, written=decoded.labels)


def _colour(labels: Labels, outcome: Outcome, name: ResultName) -> None:
    """Show several classes as contours in their full colours: a veil over dark and bright cells would change them."""
    if len(name.classes) > 1:
        labels.colormap = class_colormap(outcome.prediction.decoded.objects)
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
