"""The objects of the maps decoded last before any is left out, so that limits on score and area are quick to move."""

from __future__ import annotations

from collections.abc import Mapping

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads import Decoded, head_for
from napari_cellvino.segmentation.heads.bands import LIMITS, leave_out
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction, decode
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.volume import StackMaps

MOST_PX = 64_000_000  # of a plane whose label image is kept a second time


class Candidates:
    """Decodes maps as `decode` does; of the maps and parameters that were `find` last, in a fraction of the time."""

    def __init__(self) -> None:
        self._found: tuple[RawMaps, dict[str, float], Decoded] | None = None

    def find(self, prediction: Prediction, pipeline: Pipeline) -> None:
        """Find the objects of a prediction's maps with no limits, and keep them instead of others."""
        raw, values = prediction.raw, prediction.values
        if pipeline.find is None or isinstance(raw, StackMaps) or not _quick(raw, pipeline.package.spec):
            self._found = None
        elif not self._holds(raw, values):
            without_limits = {**values, **dict.fromkeys(LIMITS, 0.0)}
            self._found = raw, _others(values), decode(raw, pipeline.package.spec, without_limits)

    def decode(self, raw: RawMaps, spec: ModelSpec, values: Mapping[str, float]) -> Decoded:
        """Return the objects decoded from maps."""
        kept = self._found
        return leave_out(kept[2], values) if kept and self._holds(raw, values) else decode(raw, spec, values)

    def forget(self) -> None:
        """Let go of what was found."""
        self._found = None

    def _holds(self, raw: RawMaps, values: Mapping[str, float]) -> bool:
        return self._found is not None and self._found[0] is raw and self._found[1] == _others(values)


def _quick(raw: RawMaps, spec: ModelSpec) -> bool:
    return raw.shape[0] * raw.shape[1] <= MOST_PX and head_for(spec).only_leaves_out(raw)


def only_limits_differ(values: Mapping[str, float], others: Mapping[str, float]) -> bool:
    """Return whether two sets of parameters are the same but for limits on score and area."""
    return _others(values) == _others(others)


def _others(values: Mapping[str, float]) -> dict[str, float]:
    """Return the parameters that are no limits."""
    return {name: value for name, value in values.items() if name not in LIMITS}
