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
from napari_cellvino.annotation import Annotation, Provenance, pixels_sha256
from napari_cellvino.annotation.document_text import FORMAT, annotation_dict
from napari_cellvino.export.atomic import atomic_folder
from napari_cellvino.export.label_tiff import write_labels
from napari_cellvino.export.qc_picture import write_qc
from napari_cellvino.export.tables import write_table
from napari_cellvino.image import Plane, Stack
from napari_cellvino.inference.engine import Engine
from napari_cellvino.inference.heads import check_parameters
from napari_cellvino.inference.maps import RawMaps
from napari_cellvino.inference.outline import CellMasks, Outliner, infer_masks, outline_cells
from napari_cellvino.inference.predict import Prediction, decode, infer_maps
from napari_cellvino.inference.progress import Progress
from napari_cellvino.inference.project import project
from napari_cellvino.jobs.json_text import json_text
from napari_cellvino.objects import Doubt, Objects
from napari_cellvino.package import ModelPackage
from napari_cellvino.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

ANNOTATION_NAME = "annotation.json"
LABELS_NAME = "labels.tif"
RESULT_NAMES = ("objects.csv", "qc.png", ANNOTATION_NAME)  # and labels, where outlines were found
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
    stack: Stack, recipe: Recipe, package: ModelPackage, engine: Engine, outliner: Outliner | None = None
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return the prediction for the plane of ``stack`` that the recipe names.

    With an ``outliner``, every cell found is outlined.
    """
    values = check_parameters(package.spec, recipe.parameters, outliner.package.spec if outliner else None)
    plane = yield from project(
        stack, channel=recipe.channel, z=recipe.z_choice, frame=recipe.frame, inputs=package.spec.input_channels
    )
    raw = yield from infer_maps(plane, package.spec, engine, diameter_px=recipe.diameter_px)
    return (yield from decode_plane(plane, raw, values, recipe, package, outliner))


def decode_plane(
    plane: Plane,
    raw: RawMaps,
    values: dict[str, float],
    recipe: Recipe,
    package: ModelPackage,
    outliner: Outliner | None = None,
    known: CellMasks | None = None,
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return what kept maps hold, decoded with ``values``.

    The network of an ``outliner`` is run on the cells that are not ``known`` from an earlier decoding.
    """
    found = decode(raw, package.spec, values)
    if outliner is None:
        return Prediction(plane, raw, found, values)
    masks = yield from infer_masks(plane, found.objects, outliner, known=known)
    outlined = outline_cells(found, masks, plane.shape, values["outline"])
    return Prediction(plane, raw, outlined, values, masks)


def finish_field(
    prediction: Prediction, recipe: Recipe, package: ModelPackage, outline: ModelPackage | None = None
) -> FieldResult:
    """Return the annotation of a prediction with everything measured."""
    plane, decoded, spec = prediction.plane, prediction.decoded, package.spec
    objects = replace(decoded.objects, doubts=find_doubts(decoded.objects, plane.shape))
    provenance = Provenance(
        origin=plane.origin,
        plane=plane.chosen,
        pixels_sha256=pixels_sha256(plane),
        model=package.label,
        model_sha256=package.sha256,
        recipe=resolved(recipe, package, outline).model_copy(update={"parameters": prediction.values}),
        engine=prediction.raw.facts,
        outline=outline.label if outline else "",
        outline_engine=prediction.masks.facts if prediction.masks else None,
    )
    annotation = Annotation.found(decoded.labels, objects, spec.classes, provenance, shape=plane.shape)
    return measured(annotation, plane)


def measured(annotation: Annotation, plane: Plane) -> FieldResult:
    """Return an annotation with its table of objects, and the counts of those that are not excluded."""
    objects, classes = annotation.objects, annotation.classes
    table = measure(annotation.labels, objects, plane.pixels, plane.channels, plane.spacing, classes)
    records = [annotation.records[id_] for id_ in objects.id.tolist()]
    table["excluded"] = np.array([record.excluded for record in records], bool)
    table["note"] = np.array([record.note for record in records], object)
    counts = count_row(table[~table["excluded"]], classes, plane.spacing, plane.shape)
    return FieldResult(annotation, plane, table, counts)


def resolved(recipe: Recipe, package: ModelPackage, outline: ModelPackage | None = None) -> Recipe:
    """Return the recipe with the hashes of its models."""
    return recipe.model_copy(
        update={"model_sha256": package.sha256, "outline_sha256": outline.sha256 if outline else ""}
    )


def notices_of(prediction: Prediction) -> tuple[str, ...]:
    """Return what the user should know of a prediction, as sentences."""
    left_out = prediction.decoded.left_out
    if not left_out:
        return prediction.raw.notices
    cells = "1 cell was" if left_out == 1 else f"{left_out} cells were"
    return (*prediction.raw.notices, f"{cells} found but nothing could be outlined there: not counted")


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

    Where boxes were found and no outlines, there is no ``labels.tif``. ``extra`` goes into ``annotation.json`` beside
    the provenance.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    with atomic_folder(folder) as part:
        fill_folder(part, result, extra or {})


def fill_folder(folder: Path, result: FieldResult, extra: dict[str, object]) -> None:
    """Write the files of a result into an empty folder."""
    annotation, plane = result.annotation, result.plane
    if annotation.labels is not None:
        write_labels(folder / LABELS_NAME, annotation.labels, plane.spacing)
    write_table(folder / "objects.csv", result.table)
    write_qc(
        folder / "qc.png",
        plane.inputs,
        annotation.labels,
        annotation.objects,
        name=plane.origin.name,
        classes=annotation.classes,
        ran=_ran(annotation.provenance),
        spacing=plane.spacing,
        rgb=len(plane.inputs) == 3,
    )
    (folder / ANNOTATION_NAME).write_text(json_text(_content(result, extra)), encoding="utf-8", newline="\n")


def _ran(provenance: Provenance) -> list[str]:
    engine = provenance.engine
    values = ", ".join(f"{name} {value:g}" for name, value in provenance.recipe.parameters.items())
    models = " and ".join(filter(None, (provenance.model, provenance.outline)))
    return [f"{provenance.plane} · {models} on {engine.device} ({engine.number_type})", values]


def _content(result: FieldResult, extra: dict[str, object]) -> dict[str, object]:
    return {"format": FORMAT, **extra, "counts": result.counts} | annotation_dict(result.annotation)
