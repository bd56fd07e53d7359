"""A field that was finished: what was found in it, everything measured."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.annotation import Annotation, Provenance, pixels_sha256
from napari_cellvino.core.image import Plane
from napari_cellvino.core.stage_log import timed_stage
from napari_cellvino.measure.counts import count_row
from napari_cellvino.measure.objects import measure
from napari_cellvino.measure.outlines import Outlines, find_outlines
from napari_cellvino.measure.volumes import measure_volume, volume_count_row
from napari_cellvino.quality.doubts import find_doubts
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import notices_of, volume_of
from napari_cellvino.segmentation.volume import Volume, cell_map

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)

NO_DEVICE = "none"  # of what no network found


@dataclass(frozen=True, slots=True)
class FieldResult:
    """A finished field: the annotation, the plane it belongs to, its table of objects and its row of counts.

    Objects in 3D belong to a ``volume``, and the plane is what people see of it.
    """

    annotation: Annotation
    plane: Plane
    table: pd.DataFrame
    counts: dict[str, float | int]
    volume: Volume | None = None


def finish_field(prediction: Prediction, pipeline: Pipeline) -> FieldResult:
    """Return the annotation of a prediction with everything measured."""
    outlines = outlines_of(prediction)
    annotation = annotate(prediction, pipeline, outlines=outlines)
    return measured(annotation, prediction.plane, volume_of(prediction), outlines=outlines)


def outlines_of(prediction: Prediction) -> Outlines | None:
    """Return the outlines of what was found in a plane; None of boxes and of objects in 3D."""
    labels, objects = prediction.decoded.labels, prediction.decoded.objects
    return find_outlines(labels, objects.id) if labels is not None and labels.ndim == 2 else None


def annotate(
    prediction: Prediction, pipeline: Pipeline, *, sha256: str = "", outlines: Outlines | None = None
) -> Annotation:
    """Return the annotation of a prediction, which shares its labels; nothing is measured.

    ``sha256`` is the hash of its pixels, ``outlines`` those of its objects, where they are known already.
    """
    plane, decoded, volume = prediction.plane, prediction.decoded, volume_of(prediction)
    shape = plane.shape if volume is None else volume.stack.shape[2:]
    maps = cell_map(prediction.raw, pipeline.package.spec.maps)
    doubts = find_doubts(decoded.objects, decoded.labels, shape, foreground_probability=maps, outlines=outlines)
    objects = replace(decoded.objects, doubts=doubts)
    outline = pipeline.outline
    provenance = Provenance(
        origin=plane.origin,
        plane=plane.chosen,
        channel=plane.channel,
        pixels_sha256=sha256 or (pixels_sha256(plane) if volume is None else volume.sha256),
        model=pipeline.package.label,
        model_sha256=pipeline.package.sha256,
        recipe=pipeline.recipe.model_copy(update={"parameters": prediction.values}),
        engine=prediction.raw.engine_info,
        outline=outline.label if outline else "",
        outline_engine=prediction.masks.engine_info if prediction.masks else None,
        notices=notices_of(prediction),
    )
    return Annotation.found(decoded.labels, objects, pipeline.classes, provenance, shape=tuple(shape))


def measured(
    annotation: Annotation, plane: Plane, volume: Volume | None = None, *, outlines: Outlines | None = None
) -> FieldResult:
    """Return an annotation with its table of objects, and the counts of those neither rejected nor excluded.

    What was found in all planes of a ``volume`` is measured there; ``plane`` is what people see of it. ``outlines`` are
    those of its objects in a plane, where they are known already.
    """
    with timed_stage(_logger, "measure", plane.origin.name, f"{len(annotation.objects)} object(s)"):
        return _measured(annotation, plane, volume, outlines)


def _measured(annotation: Annotation, plane: Plane, volume: Volume | None, outlines: Outlines | None) -> FieldResult:
    objects, classes = annotation.objects, annotation.classes
    if volume is not None and annotation.labels is not None:
        table = measure_volume(annotation.labels, objects, volume.planes(), plane.channels, plane.spacing, classes)
    else:
        table = measure(
            annotation.labels, objects, plane.pixels, plane.channels, plane.spacing, classes, outlines=outlines
        )
    records = [annotation.records[id_] for id_ in objects.id.tolist()]
    table["excluded"] = np.array([record.excluded for record in records], bool)
    table["note"] = np.array([record.note for record in records], object)
    if volume is not None:
        counts = volume_count_row(table, classes, plane.spacing, annotation.shape)
    else:
        counts = count_row(table, classes, plane.spacing, plane.shape)
    return FieldResult(annotation, plane, table, counts, volume)
