"""What a model found on a field against the truth: outlines, boxes or centres, whichever the model and the truth have.

Metrics decode the maps themselves, so that the maps of a set serve any number of parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from napari_cellvino.model_package import ModelOutput, ModelSpec
from napari_cellvino.quality.accuracy import FieldMatch, match_field, summarise
from napari_cellvino.quality.box_accuracy import (
    DetectionAccuracy,
    DetectionMatch,
    join_classes,
    match_boxes,
    match_centres,
    summarise_detections,
)
from napari_cellvino.segmentation.predict import decode
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.data.true_cells import true_cells

LEAST_SURE = 0.05  # confidence down to which the precision-recall curve is followed
OUTLINE_METRICS = ("ap50", "ap_mean", "f1_50", "pq_50", "dice", "count_r", "count_error", "fields", "true", "predicted")
ONE_CELL_METRICS = ("dice", "fields")
BOX_METRICS = (
    "ap50", "average_precision", "f1_50", "count_r", "count_error", "fields", "true", "predicted",
)  # fmt: skip
CENTRE_METRICS = ("f1_50", "count_r", "count_error", "fields", "true", "predicted")
CLASS_METRICS = ("ap50", "average_precision", "f1_50", "count_r", "count_error", "true", "predicted")

Values = dict[str, float]
M = TypeVar("M")


class Metrics(Protocol[M]):
    """Matches fields one by one, keeping little of each, and sums up."""

    def match(self, field: LabelledImage, raw: RawMaps, parameters: Mapping[str, float]) -> M:
        """Return how what is decoded with ``parameters`` (all of the head's) agrees with the truth of a field."""
        ...

    def sum_up(self, matches: Sequence[M]) -> Values:
        """Return the metrics of a set by name; ``ap50:dead`` is the AP of one class."""
        ...


@dataclass(frozen=True, slots=True)
class OutlineMetrics:
    """Label images against label images; objects of fewer than ``min_area`` px do not count, on both sides."""

    spec: ModelSpec
    min_area: int = 0

    def match(self, field: LabelledImage, raw: RawMaps, parameters: Mapping[str, float]) -> FieldMatch:
        """Return the overlaps of one field in numbers."""
        labels = decode(raw, self.spec, parameters).label_image()
        return match_field(field.true_labels(), labels, min_area=self.min_area)

    def sum_up(self, matches: Sequence[FieldMatch]) -> Values:
        """Return AP, F1, PQ, Dice and counts; of crops round one cell each, the Dice."""
        accuracy = summarise(matches)
        names = ONE_CELL_METRICS if self.spec.gives is ModelOutput.MASK else OUTLINE_METRICS
        return {name: float(getattr(accuracy, name)) for name in names}


@dataclass(frozen=True, slots=True)
class BoxMetrics:
    """Boxes against boxes, class by class."""

    spec: ModelSpec
    min_area: int = 0

    def match(self, field: LabelledImage, raw: RawMaps, parameters: Mapping[str, float]) -> tuple[DetectionMatch, ...]:
        """Return the match of each class; its curve goes down to `LEAST_SURE`, whatever the confidence."""
        truth = true_cells(field, self.spec.classes, self.min_area)
        unsure = {**parameters, "confidence": min(LEAST_SURE, parameters["confidence"])}
        found, every = (decode(raw, self.spec, values).objects for values in (parameters, unsure))
        matches = []
        for number in range(len(self.spec.classes)):
            boxes = truth.box[truth.class_index == number]
            found_here, every_here = (o.select(o.class_index == number) for o in (found, every))
            match = match_boxes(boxes, found_here.box, found_here.score)
            curve = match_boxes(boxes, every_here.box, every_here.score)
            matches.append(replace(match, score=curve.score, hit=curve.hit))
        return tuple(matches)

    def sum_up(self, matches: Sequence[tuple[DetectionMatch, ...]]) -> Values:
        """Return AP, the area under the curve, F1 and counts over all classes, then of each."""
        return _by_class(matches, self.spec.classes, BOX_METRICS, CLASS_METRICS)


@dataclass(frozen=True, slots=True)
class CentreMetrics:
    """Centres against centres: one fits another within half the diameter that the model knows best."""

    spec: ModelSpec
    min_area: int = 0

    def match(self, field: LabelledImage, raw: RawMaps, parameters: Mapping[str, float]) -> tuple[DetectionMatch, ...]:
        """Return the match of each class."""
        truth = true_cells(field, self.spec.classes, self.min_area)
        found = decode(raw, self.spec, parameters).objects
        radius = self.spec.diameter_px.reference / 2 * max(raw.zoom)
        matches = []
        for number in range(len(self.spec.classes)):
            here = found.select(found.class_index == number)
            centres = truth.centre[truth.class_index == number]
            matches.append(match_centres(centres, here.centroid, here.score, radius_px=radius))
        return tuple(matches)

    def sum_up(self, matches: Sequence[tuple[DetectionMatch, ...]]) -> Values:
        """Return F1 of centres and counts over all classes, then of each."""
        values = _by_class(matches, self.spec.classes, CENTRE_METRICS, CENTRE_METRICS)
        return {name.replace("f1_50", "f1_centre"): value for name, value in values.items()}


def _by_class(
    matches: Sequence[tuple[DetectionMatch, ...]], classes: Sequence[str], joined: Sequence[str], single: Sequence[str]
) -> Values:
    values = _figures(summarise_detections([join_classes(field) for field in matches]), joined)
    if len(classes) > 1:
        for number, name in enumerate(classes):
            of_class = _figures(summarise_detections([field[number] for field in matches]), single)
            values |= {f"{metric}:{name}": value for metric, value in of_class.items()}
    return values


def _figures(accuracy: DetectionAccuracy, names: Sequence[str]) -> Values:
    return {name: float(getattr(accuracy, name)) for name in names}


def metrics_for(spec: ModelSpec, *, min_area: int = 0) -> Metrics[Any]:
    """Return the metrics for a model's output; ``min_area`` (px) applies to truths that are label images."""
    if spec.gives is not ModelOutput.BOXES:
        return OutlineMetrics(spec, min_area)
    return BoxMetrics(spec, min_area) if {"height", "width"} <= set(spec.maps) else CentreMetrics(spec, min_area)
