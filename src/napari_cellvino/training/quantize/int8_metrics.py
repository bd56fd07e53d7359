"""The loss of accuracy by INT8 weights: the float and the quantized network, scored on the same labelled fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Engine, EngineInfo
from napari_cellvino.model_package import ModelOutput, ModelPackage
from napari_cellvino.model_package.spec import Score
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.training.metrics.evaluate import LabelledSet, infer_field, score_package, scored_fields
from napari_cellvino.training.metrics.metrics import metrics_for

# The metric that decides, by kind of output: the first one that the model has.
MAIN_METRICS: Mapping[ModelOutput, Sequence[str]] = {
    ModelOutput.OUTLINES: ("ap_mean",),
    ModelOutput.BOXES: ("ap50", "f1_centre"),
    ModelOutput.MASK: ("dice",),
}


@dataclass(frozen=True, slots=True)
class PrecisionComparison:
    """Mean over the validation sets of ``metric``, at Exact and with INT8 weights, on so many fields.

    ``scores`` are all that was measured with INT8 weights.
    """

    metric: str
    exact: float
    int8: float
    fields: int
    scores: tuple[Score, ...]

    @property
    def drop(self) -> float:
        """What INT8 loses; negative where it gains."""
        return self.exact - self.int8

    def __str__(self) -> str:
        return f"{self.metric} {self.int8:.4f} with INT8, {self.exact:.4f} in Exact, on {self.fields} field(s)"


def score_sets(package: ModelPackage, sets: Sequence[LabelledSet], precision: Precision) -> list[Score]:
    """Return the scores of a package on all sets."""
    return [score for part in sets for score in finish(score_package(package, part, (precision,)))]


def main_metric(package: ModelPackage, scores: Sequence[Score]) -> tuple[str, float]:
    """Return the name and the mean of the metric that a model is held to.

    Raises
    ------
    TrainingDataError
        If no field has an object to score.
    """
    for name in MAIN_METRICS[package.spec.gives]:
        values = [score.value for score in scores if score.metric == name]
        if values:
            return name, float(np.mean(values))
    raise TrainingDataError("none of the validation fields has an object, so nothing can be scored; name others")


def compare_int8(
    package: ModelPackage, exact: Sequence[Score], draft: ModelPackage, sets: Sequence[LabelledSet]
) -> PrecisionComparison:
    """Return how the INT8 weights of ``draft`` compare with the ``exact`` scores of the package it was made of."""
    scores = score_sets(draft, sets, Precision.INT8)
    name, value = main_metric(package, scores)
    fields = sum(len(scored_fields(part, package.spec)) for part in sets)
    return PrecisionComparison(name, main_metric(package, exact)[1], value, fields, tuple(scores))


class CompiledEngine(Engine):
    """A network compiled for any size behind the seam of the engines; see `Engine`."""

    def __init__(self, compiled: ov.CompiledModel) -> None:
        self._compiled = compiled

    def load(self, tile: int) -> EngineInfo:
        """Return what runs."""
        return EngineInfo("CPU", Precision.INT8, "i8", "openvino")

    def seconds(self, tile: int) -> float:
        """Return 0: nobody asks."""
        return 0.0

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the maps of a batch."""
        return np.array(self._compiled(batch)[0], np.float16)

    def cancel(self) -> None:
        """Do nothing: a tile is short."""


def partial_comparison(
    package: ModelPackage, sets: Sequence[LabelledSet]
) -> tuple[int, Callable[[ov.CompiledModel, Sequence[int]], float]]:
    """Return the number of fields in all sets, and a function that scores a compiled network on some of them.

    Fields of all sets count alike here: this serves to compare networks, and never to report.
    """
    spec = package.spec
    fields = [(field, part) for part in sets for field in scored_fields(part, spec)]
    values = check_parameters(spec, {})

    def scoring(compiled: ov.CompiledModel, numbers: Sequence[int]) -> float:
        engine, found = CompiledEngine(compiled), []
        for field, part in (fields[number] for number in numbers):
            raw = infer_field(field, spec, engine, diameter_px=part.diameter_px)
            found.append(metrics_for(spec, min_area=part.min_area).match(field, raw, values))
        metrics = metrics_for(spec).sum_up(found)
        name = next(name for name in MAIN_METRICS[spec.gives] if name in metrics)
        return float(np.nan_to_num(metrics[name]))

    return len(fields), scoring
