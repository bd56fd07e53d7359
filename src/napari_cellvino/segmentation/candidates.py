"""The objects of the maps decoded last before any is left out, so that limits on score and area are quick to move.

And the steps on the way to them, so that other parameters are quicker too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.label_runs import starts_of_runs
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads import Decoded, Steps, head_for
from napari_cellvino.segmentation.heads.bands import LIMITS, leave_out
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction, decode
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.volume import StackMaps

MOST_PX = 64_000_000  # of a plane whose label image is kept a second time


@dataclass(frozen=True, slots=True)
class _Found:
    """The objects in maps for parameters other than the limits, and the flat index of a pixel of each, (N,)."""

    raw: RawMaps
    others: dict[str, float]
    decoded: Decoded
    places: NDArray[np.intp]


class CellCandidates:
    """Decodes maps as `decode` does; of the maps and parameters that were `find` last, in a fraction of the time."""

    def __init__(self) -> None:
        self._found: _Found | None = None
        self._steps = Steps()

    def find(self, prediction: Prediction, pipeline: Pipeline) -> None:
        """Find the objects of a prediction's maps with no limits, and keep them instead of others."""
        raw, values = prediction.raw, prediction.values
        if pipeline.find is None or isinstance(raw, StackMaps) or not _quick(raw, pipeline.package.spec):
            self._found = None
        elif not self._holds(raw, values):
            without_limits = {**values, **dict.fromkeys(LIMITS, 0.0)}
            decoded = decode(raw, pipeline.package.spec, without_limits, self._steps)
            self._found = _Found(raw, _others(values), decoded, _places(decoded))

    def decode(self, raw: RawMaps, spec: ModelSpec, values: Mapping[str, float]) -> Decoded:
        """Return the objects decoded from maps."""
        kept = self._found
        if kept and self._holds(raw, values):
            return leave_out(kept.decoded, values)
        return decode(raw, spec, values, self._steps)

    @property
    def found(self) -> Decoded | None:
        """All objects of the maps that were looked at last, whatever the limits; None where none were sought."""
        return None if self._found is None else self._found.decoded

    def ids_in(self, prediction: Prediction) -> NDArray[np.int32] | None:
        """Return the id of each of all objects (N,) in a prediction, 0 of those left out; None where it has others."""
        found, labels, raw = self._found, prediction.decoded.labels, prediction.raw
        if found is None or labels is None or isinstance(raw, StackMaps) or prediction.masks is not None:
            return None
        return labels.reshape(-1)[found.places] if self._holds(raw, prediction.values) else None

    def forget(self) -> None:
        """Let go of what was found."""
        self._found = None
        self._steps.forget()

    def _holds(self, raw: RawMaps, values: Mapping[str, float]) -> bool:
        return self._found is not None and self._found.raw is raw and self._found.others == _others(values)


def _places(found: Decoded) -> NDArray[np.intp]:
    """Return the flat index of one pixel of each object (N,)."""
    labels = found.label_image()
    starts = starts_of_runs(labels)
    places = np.zeros(int(found.objects.id.max(initial=0)) + 1, np.intp)
    places[labels.reshape(-1)[starts]] = starts
    return places[found.objects.id]


def _quick(raw: RawMaps, spec: ModelSpec) -> bool:
    return raw.shape[0] * raw.shape[1] <= MOST_PX and head_for(spec).only_leaves_out(raw)


def only_limits_differ(values: Mapping[str, float], others: Mapping[str, float]) -> bool:
    """Return whether two sets of parameters are the same but for limits on score and area."""
    return _others(values) == _others(others)


def _others(values: Mapping[str, float]) -> dict[str, float]:
    """Return the parameters that are no limits."""
    return {name: value for name, value in values.items() if name not in LIMITS}
