"""One field from stack to result: read, infer, decode, annotate, write."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.analysis.counting import count_row
from napari_cellvino.analysis.measure import measure
from napari_cellvino.annotation.document import Annotation, Provenance, pixels_sha256
from napari_cellvino.export.atomic import atomic_folder
from napari_cellvino.export.label_tiff import write_labels
from napari_cellvino.export.qc_picture import write_qc
from napari_cellvino.export.tables import write_table
from napari_cellvino.image import Plane, Stack
from napari_cellvino.inference.engine import Engine
from napari_cellvino.inference.heads import check_parameters
from napari_cellvino.inference.predict import Prediction, decode, infer_maps
from napari_cellvino.inference.progress import Progress
from napari_cellvino.inference.project import project
from napari_cellvino.jobs.json_text import json_text
from napari_cellvino.objects import Doubt, ObjectOrigin, Objects, ReviewState
from napari_cellvino.package import ModelPackage
from napari_cellvino.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

ANNOTATION_NAME = "annotation.json"
RESULT_NAMES = ("labels.tif", "objects.csv", "qc.png", ANNOTATION_NAME)
LOW_SCORE = 0.7  # cells less sure than this are worth a second look
ODD_SIZE = 3.0  # times larger or smaller than the median area


@dataclass(frozen=True, slots=True)
class FieldResult:
    """A finished field: the annotation, the plane it belongs to, its table of objects and its row of counts."""

    annotation: Annotation
    plane: Plane
    table: pd.DataFrame
    counts: dict[str, float | int]


def predict_field(
    stack: Stack, recipe: Recipe, package: ModelPackage, engine: Engine
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return the prediction for the plane of ``stack`` that the recipe names."""
    values = check_parameters(package.spec, recipe.parameters)
    plane = yield from project(stack, channel=recipe.channel, z=recipe.z_choice, frame=recipe.frame)
    raw = yield from infer_maps(plane, package.spec, engine, diameter_px=recipe.diameter_px)
    return Prediction(plane, raw, decode(raw, package.spec, values), values)


def finish_field(prediction: Prediction, recipe: Recipe, package: ModelPackage) -> FieldResult:
    """Return the annotation of a prediction with everything measured."""
    plane, decoded, spec = prediction.plane, prediction.decoded, package.spec
    objects = replace(decoded.objects, doubts=find_doubts(decoded.objects, plane.shape))
    done = recipe.model_copy(update={"parameters": prediction.values, "model_sha256": package.sha256})
    provenance = Provenance(
        origin=plane.origin,
        plane=plane.chosen,
        pixels_sha256=pixels_sha256(plane),
        model=package.label,
        model_sha256=package.sha256,
        recipe=done,
        engine=prediction.raw.facts,
    )
    annotation = Annotation(decoded.labels, objects, spec.classes, provenance)
    table = measure(annotation.labels, objects, plane.pixels, plane.channels, plane.spacing, spec.classes)
    return FieldResult(annotation, plane, table, count_row(table, spec.classes, plane.spacing, plane.shape))


def find_doubts(objects: Objects, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return the reasons to look twice at each object, as `Doubt` flags."""
    box, area = objects.box, objects.area_px
    edge = (box[:, :2] == 0).any(1) | (box[:, 2:] == np.asarray(shape)).any(1)
    usual = np.median(area) if len(area) else 1.0
    odd = (area > ODD_SIZE * usual) | (area * ODD_SIZE < usual)
    flags = ((objects.score < LOW_SCORE, Doubt.LOW_SCORE), (edge, Doubt.TOUCHES_EDGE), (odd, Doubt.ODD_SIZE))
    found = np.zeros(len(objects), np.int32)
    for holds, doubt in flags:
        found[holds] |= int(doubt)
    return found


def write_field(folder: Path, result: FieldResult, extra: dict[str, object] | None = None) -> None:
    """Write ``labels.tif``, ``objects.csv``, ``qc.png`` and ``annotation.json`` as one: all of them or none.

    ``extra`` goes into ``annotation.json`` beside the provenance.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    annotation, plane = result.annotation, result.plane
    with atomic_folder(folder) as part:
        write_labels(part / "labels.tif", annotation.labels, plane.spacing)
        write_table(part / "objects.csv", result.table)
        write_qc(
            part / "qc.png",
            plane.inputs,
            annotation.labels,
            annotation.objects,
            name=plane.origin.name,
            ran=_ran(annotation.provenance),
            spacing=plane.spacing,
        )
        (part / ANNOTATION_NAME).write_text(json_text(_content(result, extra or {})), encoding="utf-8", newline="\n")


def _ran(provenance: Provenance) -> list[str]:
    engine = provenance.engine
    values = ", ".join(f"{name} {value:g}" for name, value in provenance.recipe.parameters.items())
    return [f"{provenance.plane} · {provenance.model} on {engine.device} ({engine.number_type})", values]


def _content(result: FieldResult, extra: dict[str, object]) -> dict[str, object]:
    annotation = result.annotation
    return {
        "format": 1,
        **extra,
        "counts": result.counts,
        "provenance": annotation.provenance.as_dict(),
        "classes": annotation.classes,
        "objects": _object_records(annotation.objects),
    }


def _object_records(objects: Objects) -> list[dict[str, object]]:
    columns = (objects.id, objects.class_index, objects.score, objects.origin, objects.review, objects.doubts)
    return [
        {
            "id": int(id_),
            "class": int(class_),
            "score": round(float(score), 4),
            "origin": ObjectOrigin(origin).name.lower(),
            "review": ReviewState(review).name.lower(),
            "doubts": [d.name.lower() for d in Doubt if d.name and d & int(doubts)],
        }
        for id_, class_, score, origin, review, doubts in zip(*columns, strict=True)
    ]
