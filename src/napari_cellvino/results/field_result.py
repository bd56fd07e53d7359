"""A field that was finished: what was found in it, everything measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Provenance, pixels_sha256
from napari_cellvino.core.image import Plane
from napari_cellvino.core.objects import Doubt, Objects
from napari_cellvino.measure.counts import count_row
from napari_cellvino.measure.objects import measure
from napari_cellvino.measure.volumes import measure_volume, volume_count_row
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import volume_of
from napari_cellvino.segmentation.volume import Volume

if TYPE_CHECKING:
    import pandas as pd

NO_DEVICE = "none"  # of what no network found
LOW_SCORE = 0.7  # cells less sure than this are worth a second look
ODD_SIZE = 3.0  # times larger or smaller than the median area


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
    return measured(annotate(prediction, pipeline), prediction.plane, volume_of(prediction))


def annotate(prediction: Prediction, pipeline: Pipeline, *, sha256: str = "") -> Annotation:
    """Return the annotation of a prediction, which shares its labels; nothing is measured.

    ``sha256`` is the hash of its pixels where that is known already.
    """
    plane, decoded, volume = prediction.plane, prediction.decoded, volume_of(prediction)
    shape = plane.shape if volume is None else volume.stack.shape[2:]
    objects = replace(decoded.objects, doubts=find_doubts(decoded.objects, shape))
    outline = pipeline.outline
    provenance = Provenance(
        origin=plane.origin,
        plane=plane.chosen,
        channel=plane.channel,
        pixels_sha256=sha256 or (pixels_sha256(plane) if volume is None else volume.sha256),
        model=pipeline.package.label,
        model_sha256=pipeline.package.sha256,
        recipe=pipeline.recipe.model_copy(update={"parameters": prediction.values}),
        engine=prediction.raw.facts,
        outline=outline.label if outline else "",
        outline_engine=prediction.masks.facts if prediction.masks else None,
    )
    return Annotation.found(decoded.labels, objects, pipeline.classes, provenance, shape=tuple(shape))


def measured(annotation: Annotation, plane: Plane, volume: Volume | None = None) -> FieldResult:
    """Return an annotation with its table of objects, and the counts of those neither rejected nor excluded.

    What was found in all planes of a ``volume`` is measured there; ``plane`` is what people see of it.
    """
    objects, classes = annotation.objects, annotation.classes
    if volume is not None and annotation.labels is not None:
        planes = read_ahead(volume.stack, volume.frame - 1, range(volume.stack.shape.z))
        table = measure_volume(annotation.labels, objects, planes, plane.channels, plane.spacing, classes)
    else:
        table = measure(annotation.labels, objects, plane.pixels, plane.channels, plane.spacing, classes)
    records = [annotation.records[id_] for id_ in objects.id.tolist()]
    table["excluded"] = np.array([record.excluded for record in records], bool)
    table["note"] = np.array([record.note for record in records], object)
    if volume is not None:
        counts = volume_count_row(table, classes, plane.spacing, annotation.shape)
    else:
        counts = count_row(table, classes, plane.spacing, plane.shape)
    return FieldResult(annotation, plane, table, counts, volume)


def find_doubts(objects: Objects, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return the reasons to look twice at each object, as `Doubt` flags, with those it has already.

    ``shape`` is that of the image, (Y, X), or (Z, Y, X) for objects in 3D.
    """
    box, area = objects.box, objects.area_px
    edge = (box[:, : len(shape)] == 0).any(1) | (box[:, len(shape) :] == np.asarray(shape)).any(1)
    usual = np.median(area) if len(area) else 1.0
    odd = (area > ODD_SIZE * usual) | (area * ODD_SIZE < usual)
    flags = ((objects.score < LOW_SCORE, Doubt.LOW_SCORE), (edge, Doubt.TOUCHES_EDGE), (odd, Doubt.ODD_SIZE))
    found = objects.doubts.copy()
    for holds, doubt in flags:
        found[holds] |= int(doubt)
    return found
