"""Show what a run found: a labels layer with boxes that are hidden at first, or boxes alone.

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
    """The layers of one image's result, and the labels that were written into them; None where there are boxes only."""

    planes: PlaneReader
    name: ResultName
    labels: Labels | None
    boxes: Vectors
    written: NDArray[np.int32] | None

    @property
    def main(self) -> Labels | Vectors:
        """The layer that is the result."""
        return self.boxes if self.labels is None else self.labels

    @property
    def painted(self) -> bool:
        """Whether somebody changed the layer by hand."""
        if self.labels is None or self.written is None:
            return False
        return not np.array_equal(self.labels.data, self.written)


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
        outlined = outcome.prediction.decoded.labels is not None
        if result is not None and (result.labels is not None) == outlined:
            self._keep(result, _updated(result, outcome, name))
            return said
        made = self._made(outcome, planes, name, _inherited(source))
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
        for layer in (result.labels, result.boxes):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _made(self, outcome: Outcome, planes: PlaneReader, name: ResultName, space: dict[str, Any]) -> _Result:
        decoded = outcome.prediction.decoded
        alone = decoded.labels is None
        boxes = self._viewer.add_vectors(
            box_lines(decoded.objects.box),
            name=name.cells() if alone else name.boxes(),
            ndim=2,
            visible=alone,
            opacity=1.0,
            edge_width=1.5 if alone else 1,
            vector_style="line",
            edge_color=box_colours(decoded.objects, name.classes),
            **space,
        )
        if decoded.labels is None:
            return _Result(planes, name, None, boxes, None)
        labels = self._viewer.add_labels(
            decoded.labels.copy(),
            name=name.cells(),
            opacity=0.5,
            features=object_features(decoded.objects, name.classes),
            **space,
        )
        _colour(labels, outcome, name)
        return _Result(planes, name, labels, boxes, decoded.labels)


def _updated(result: _Result, outcome: Outcome, name: ResultName) -> _Result:
    """Return the result with its layers showing an outcome of the same kind."""
    decoded = outcome.prediction.decoded
    result.boxes.data = box_lines(decoded.objects.box)
    result.boxes.edge_color = box_colours(decoded.objects, name.classes)
    if result.labels is not None and decoded.labels is not None and result.written is not decoded.labels:
        result.labels.data = decoded.labels.copy()  # nothing was painted, so there is no undo history to lose
        result.labels.features = object_features(decoded.objects, name.classes)
        _colour(result.labels, outcome, name)
    if name != result.name:
        result.main.name = name.cells()
        if result.labels is not None:
            result.boxes.name = name.boxes()
    return replace(result, name=name, written=decoded.labels)


def _colour(labels: Labels, outcome: Outcome, name: ResultName) -> None:
    """Show several classes as contours in their full colours: a veil over dark and bright cells would change them."""
    if len(name.classes) > 1:
        labels.colormap = class_colormap(outcome.prediction.decoded.objects)
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
