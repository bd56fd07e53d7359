"""Choose the defaults of a model's head on validation fields."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from napari_cellvino.engines.provider import open_engine
from napari_cellvino.model_package import ModelOutput, ModelPackage, ModelSpec
from napari_cellvino.training.metrics.evaluate import LabelledSet, infer_field, score_maps, scored_fields

BIAS = 0.5  # what a total count that is off by 10 % costs: 0.05 of the goal
Search = Mapping[str, Sequence[float]]
SEARCH: Mapping[str, Search] = {
    "centre_offset": {
        "split": (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6),
        "confidence": (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9),
        "outline": (0.4, 0.45, 0.5, 0.55, 0.6, 0.65),
        "smallest": (0.2, 0.3, 0.4, 0.5),  # of the area of the smallest objects: more would lose those elsewhere
    },
    "depth": {
        "split": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        "confidence": (0.55, 0.6, 0.65, 0.7, 0.75, 0.8),
        "outline": (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
        "smallest": (0.15, 0.3, 0.45),
    },
    "grid": {
        "confidence": (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7),
        "overlap": (0.1, 0.2, 0.3, 0.4, 0.5),
    },
    "mask": {"outline": (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)},
}
GOALS: Mapping[ModelOutput, Sequence[str]] = {  # the metrics that are averaged, by kind of output
    ModelOutput.OUTLINES: ("ap50", "ap_mean"),
    ModelOutput.BOXES: ("f1_50", "f1_centre"),
    ModelOutput.MASK: ("dice",),
}


def primary_metric(spec: ModelSpec, values: Mapping[str, float]) -> float:
    """Return the one number that a model of this task is chosen by, 0 to 1; mean over classes where it has several."""
    wanted = [v for name, v in values.items() if name.partition(":")[0] in GOALS[spec.gives] and _counts(spec, name)]
    return sum(v for v in wanted if v == v) / max(1, len(wanted))


def _count_bias(values: Mapping[str, float]) -> float:
    """Return how far the total count is off, as a logarithm; 0 for crops of one cell each."""
    if "predicted" not in values:
        return 0.0
    return abs(math.log((values["predicted"] + 1) / (values["true"] + 1)))


def _counts(spec: ModelSpec, metric: str) -> bool:
    return (":" in metric) == (len(spec.classes) > 1)


def choose_parameters(sets: Sequence[LabelledSet], package: ModelPackage) -> dict[str, float]:
    """Return the head's parameters that score best over ``sets``: one after the other, twice round.

    The goal is averaged over the sets, and over a value and its neighbours: the middle of a plateau is a better
    default for other images than a peak beside a cliff. Finding too many or too few cells counts against it: where the
    truth is doubtful, the best AP may be that of a few sure cells, and this tool is there to count.
    """
    spec, engine = package.spec, open_engine(package)
    maps = [[infer_field(f, spec, engine, diameter_px=s.diameter_px) for f in scored_fields(s, spec)] for s in sets]

    def goal(parameters: Mapping[str, float]) -> float:
        found = [score_maps(part, raw, spec, parameters) for part, raw in zip(sets, maps, strict=True)]
        return sum(primary_metric(spec, values) - BIAS * _count_bias(values) for values in found) / len(found)

    best: dict[str, float] = {}
    search = _in_pixels(SEARCH[spec.head.name], spec)
    for _ in range(2):
        for name, candidates in search.items():
            goals = [goal(best | {name: value}) for value in candidates]
            best[name] = candidates[smoothed_argmax(goals)]
    return best


def _in_pixels(search: Search, spec: ModelSpec) -> Search:
    """Return the candidates with areas in px of images as they come."""
    known = spec.diameter_px
    zoom = known.assumed / known.reference if known.assumed else 1.0
    area = np.pi / 4 * (known.smallest * zoom) ** 2
    return {
        name: tuple(float(round(v * area)) for v in candidates) if name == "smallest" else candidates
        for name, candidates in search.items()
    }


def smoothed_argmax(goals: Sequence[float]) -> int:
    """Return the index of the highest mean of a goal and its neighbours; at the ends, of the goal and its neighbour."""
    means = [sum(near) / len(near) for near in (goals[max(0, i - 1) : i + 2] for i in range(len(goals)))]
    return means.index(max(means))
