"""Score a model package on a labelled set: the figures that ``cellvino evaluate`` prints and model cards hold.

Every field takes the way of a run (`project`, `infer_maps`, the head), with the model's defaults. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_cellvino.core.image import ArrayPlanes, Origin, Shape, Stack
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Engine
from napari_cellvino.engines.provider import open_engine
from napari_cellvino.model_package import ModelInput, ModelPackage, ModelSpec
from napari_cellvino.model_package.spec import Score
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.predict import infer_maps
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.training.data.cell_crops import cut_cells
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.metrics.metrics import Values, metrics_for

RGB = ("Red", "Green", "Blue")


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Fields with their truth under one name; true and found objects of fewer than ``min_area`` px do not count.

    ``diameter_px`` is the typical object diameter, where it is given to the model.
    """

    name: str
    fields: tuple[LabelledImage, ...]
    min_area: int = 0
    diameter_px: float | None = None


def score_package(
    package: ModelPackage, part: LabelledSet, precisions: Iterable[Precision] = (), *, device: str = "AUTO"
) -> Generator[Progress, None, list[Score]]:
    """Yield progress after each field and return the scores of a set, at all precisions of the package by default.

    Raises
    ------
    TrainingDataError
        If the truth is of another kind than what the model finds.
    DeviceError
        If the package has no weights for a precision.
    """
    chosen = tuple(precisions) or package.precisions
    fields = scored_fields(part, package.spec)
    scoring, values = metrics_for(package.spec, min_area=part.min_area), check_parameters(package.spec, {})
    scores: list[Score] = []
    for number, precision in enumerate(chosen):
        engine = open_engine(package, device, precision)
        matches = []
        for field in fields:
            raw = infer_field(field, package.spec, engine, diameter_px=part.diameter_px)
            matches.append(scoring.match(field, raw, values))
            yield Progress("fields", number * len(fields) + len(matches), len(chosen) * len(fields))
        scores += as_scores(part.name, precision, scoring.sum_up(matches))
    return scores


def scored_fields(part: LabelledSet, spec: ModelSpec) -> Sequence[LabelledImage]:
    """Return what a model is scored on: the fields, or, for a mask of one cell, a crop round each of their cells."""
    if spec.takes is not ModelInput.CROP:
        return part.fields
    return cut_cells(part.fields, spec, part.min_area)


def infer_field(field: LabelledImage, spec: ModelSpec, engine: Engine, *, diameter_px: float | None = None) -> RawMaps:
    """Return the maps of a field; they serve any number of decodings. Crops of one cell have their size already."""
    diameter_px = None if spec.takes is ModelInput.CROP else diameter_px
    plane = finish(project(as_stack(field), inputs=spec.input_channels))
    return finish(infer_maps(plane, spec, engine, diameter_px=diameter_px))


def score_maps(part: LabelledSet, maps: Sequence[RawMaps], spec: ModelSpec, parameters: Mapping[str, float]) -> Values:
    """Return the metrics of maps, one per scored field, decoded with ``parameters`` over the model's defaults."""
    scoring, values = metrics_for(spec, min_area=part.min_area), check_parameters(spec, parameters)
    fields = scored_fields(part, spec)
    return scoring.sum_up([scoring.match(field, raw, values) for field, raw in zip(fields, maps, strict=True)])


def as_scores(name: str, precision: Precision, values: Mapping[str, float]) -> list[Score]:
    """Return metrics as a package's description holds them; what could not be scored (NaN) is left out."""
    rounded = {metric: round(value, 4) for metric, value in values.items() if np.isfinite(value)}
    return [Score(set=name, metric=m, precision=precision, value=value) for m, value in rounded.items()]


def as_stack(field: LabelledImage) -> Stack:
    """Return the image of a field, (Y, X) or (Y, X, RGB), as a stack of one plane."""
    pixels = field.image[None] if field.image.ndim == 2 else np.moveaxis(field.image[..., :3], -1, 0)
    colour = field.image.ndim == 3
    return Stack(
        ArrayPlanes(pixels[None, :, None]),
        Shape(1, len(pixels), 1, *pixels.shape[1:]),
        pixels.dtype,
        channels=RGB if colour else ("Channel 1",),
        rgb=colour,
        origin=Origin(path=field.id),
    )
