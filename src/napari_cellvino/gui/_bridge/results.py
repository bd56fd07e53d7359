"""Show what a run found: a labels layer, and a layer of boxes that is hidden at first.

Boxes are lines of a Vectors layer: a Shapes layer of 3,000 rectangles takes a second to make and a second to change,
in the thread of the window; Vectors take less than 0.1 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from napari.layers import Image, Labels, Vectors
from numpy.typing import NDArray

from napari_cellvino.app import Outcome
from napari_cellvino.image import PlaneReader
from napari_cellvino.objects import Objects

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True, eq=False)
class _Result:
    """The layers of one image's result, and the labels that were written into them."""

    planes: PlaneReader
    title: str
    labels: Labels
    boxes: Vectors | None
    written: NDArray[np.int32]

    @property
    def painted(self) -> bool:
        """Whether somebody changed the layer by hand."""
        return not np.array_equal(self.labels.data, self.written)


class ResultLayers:
    """The result layers of a viewer: one pair per image, replaced by the next run unless it was painted in."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._results: list[_Result] = []

    def show(self, outcome: Outcome, planes: PlaneReader, title: str, model: str, source: Image | None) -> str:
        """Show an outcome and return a sentence if a painted layer was left alone, else an empty string.

        Parameters
        ----------
        outcome
            What was found.
        planes
            The pixels it was found in: the same ones have the same layers.
        title
            Name of the image, with the time point where there are several.
        model
            Name and version of the model.
        source
            Layer to inherit scale, units, translation and axis labels from.
        """
        result, said = self._to_replace(planes, title)
        names = f"{title}: cells ({model})", f"{title}: boxes ({model})"
        if result is None:
            self._results.append(self._made(outcome, planes, title, names, source))
        else:
            _update(result, outcome, names)
        return said

    def painted(self, planes: PlaneReader) -> str:
        """Return the name of a layer of this image that somebody painted in, or an empty string."""
        return next((r.labels.name for r in self._present() if r.planes is planes and r.painted), "")

    def forget(self) -> None:
        """Let go of the layers; they stay in the viewer."""
        self._results.clear()

    def _present(self) -> list[_Result]:
        self._results = [result for result in self._results if result.labels in self._viewer.layers]
        return self._results

    def _to_replace(self, planes: PlaneReader, title: str) -> tuple[_Result | None, str]:
        found = [r for r in self._present() if r.planes is planes and r.title == title]
        if not found or not found[-1].painted:
            return (found[-1] if found else None), ""
        self._results.remove(found[-1])
        return None, f"You painted in “{found[-1].labels.name}”: it stays as it is, and this result has a new layer."

    def _made(
        self, outcome: Outcome, planes: PlaneReader, title: str, names: tuple[str, str], source: Image | None
    ) -> _Result:
        decoded, space = outcome.prediction.decoded, _inherited(source)
        lines = box_lines(decoded.objects.box)
        boxes = self._viewer.add_vectors(
            lines, name=names[1], ndim=2, visible=False, edge_width=1, vector_style="line", edge_color="yellow", **space
        )
        labels = self._viewer.add_labels(
            decoded.labels.copy(), name=names[0], opacity=0.5, features=object_features(decoded.objects), **space
        )
        return _Result(planes, title, labels, boxes, decoded.labels)


def _update(result: _Result, outcome: Outcome, names: tuple[str, str]) -> None:
    decoded = outcome.prediction.decoded
    if result.written is not decoded.labels:
        result.labels.data = decoded.labels.copy()  # nothing was painted, so there is no undo history to lose
        result.labels.features = object_features(decoded.objects)
        result.written = decoded.labels
        if result.boxes is not None:
            result.boxes.data = box_lines(decoded.objects.box)
    if result.labels.name != names[0]:
        result.labels.name = names[0]
        if result.boxes is not None:
            result.boxes.name = names[1]


def object_features(objects: Objects) -> pd.DataFrame:
    """Return what napari's status bar shows of a cell; the first row is the background, as napari counts rows by id."""
    import pandas as pd

    table = pd.DataFrame({"index": objects.id, "score": objects.score.round(3), "area_px": objects.area_px})
    background = pd.DataFrame({"index": [0], "score": [np.float32(0)], "area_px": [np.int32(0)]})
    return pd.concat([background, table], ignore_index=True)


def box_lines(boxes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the four sides of boxes (N, 4) as vectors (4 N, 2, 2): start and direction, around the pixels."""
    y0, x0, y1, x1 = (boxes.astype(np.float32) - 0.5).T
    corners = np.stack([[y0, x0], [y0, x1], [y1, x1], [y1, x0]]).transpose(2, 0, 1)  # (N, 4, 2)
    sides = np.roll(corners, -1, 1) - corners
    return np.stack([corners, sides], 2).reshape(-1, 2, 2)


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
