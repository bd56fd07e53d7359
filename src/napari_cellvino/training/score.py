"""Score a model package on labelled images, and choose its head's defaults on validation images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from napari_cellvino.analysis.accuracy import Accuracy, match_field, summarise
from napari_cellvino.image import Plane
from napari_cellvino.inference.heads import check_parameters
from napari_cellvino.inference.maps import RawMaps
from napari_cellvino.inference.openvino import OpenVinoEngine
from napari_cellvino.inference.predict import decode, infer_maps
from napari_cellvino.inference.progress import finish
from napari_cellvino.package import ModelPackage, ModelSpec
from napari_cellvino.recipe import Precision
from napari_cellvino.training.datasets import LabelledImage

METRICS = ("ap50", "ap_mean", "f1_50", "count_r", "count_error", "dice")
SEARCH: Mapping[str, Sequence[float]] = {
    "split": (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6),
    "confidence": (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9),
    "outline": (0.4, 0.45, 0.5, 0.55, 0.6, 0.65),
    "smallest": (8.0, 12.0, 16.0, 20.0),  # larger ones lose the nuclei of other microscopes
}


@dataclass(frozen=True, slots=True)
class ScoredSet:
    """Labelled images of one source; true objects under ``min_area`` px do not count."""

    name: str
    images: tuple[LabelledImage, ...]
    min_area: int = 0

    @classmethod
    def of(cls, name: str, images: Sequence[LabelledImage], min_area: Mapping[str, int]) -> ScoredSet:
        """Return the images whose source is ``name``."""
        return cls(name, tuple(i for i in images if i.source == name), min_area.get(name, 0))


def infer_set(images: Sequence[LabelledImage], package: ModelPackage, precision: Precision) -> list[RawMaps]:
    """Return the maps of every image; they serve any number of decodings."""
    engine = OpenVinoEngine(package, precision=precision)
    planes = [Plane(image.image[None], image.image[None]) for image in images]
    return [finish(infer_maps(plane, package.spec, engine)) for plane in planes]


def score_maps(part: ScoredSet, maps: Sequence[RawMaps], spec: ModelSpec, parameters: Mapping[str, float]) -> Accuracy:
    """Return the accuracy of maps decoded with ``parameters`` over the model's defaults."""
    values = check_parameters(spec, parameters)
    return summarise(
        [
            match_field(image.labels, decode(raw, spec, values).labels, min_area=part.min_area)
            for image, raw in zip(part.images, maps, strict=True)
        ]
    )


def score_set(part: ScoredSet, package: ModelPackage, precision: Precision) -> list[dict[str, object]]:
    """Return the scores of a package's defaults on a set, one entry per metric."""
    accuracy = asdict(score_maps(part, infer_set(part.images, package, precision), package.spec, {}))
    return [
        {"set": part.name, "metric": name, "precision": str(precision), "value": round(float(accuracy[name]), 4)}
        for name in METRICS
    ]


def choose_parameters(sets: Sequence[ScoredSet], package: ModelPackage) -> dict[str, float]:
    """Return the head's parameters that score best over ``sets``: one after the other, twice round.

    The goal is the mean over sets of AP at IoU 0.5 and AP mean, averaged over a value and its neighbours: the middle of
    a plateau is a better default for other images than a peak beside a cliff.
    """
    maps = [infer_set(part.images, package, Precision.FAST) for part in sets]

    def goal(parameters: Mapping[str, float]) -> float:
        found = [score_maps(part, raw, package.spec, parameters) for part, raw in zip(sets, maps, strict=True)]
        return sum(a.ap50 + a.ap_mean for a in found) / len(found)

    best: dict[str, float] = {}
    for _ in range(2):
        for name, candidates in SEARCH.items():
            goals = [goal(best | {name: value}) for value in candidates]
            best[name] = candidates[_middle_of_the_best(goals)]
    return best


def _middle_of_the_best(goals: Sequence[float]) -> int:
    """Return the index of the highest mean of a goal and its neighbours; at the ends, of the goal and its neighbour."""
    means = [sum(near) / len(near) for near in (goals[max(0, i - 1) : i + 2] for i in range(len(goals)))]
    return means.index(max(means))
