"""The files of a result: labels, a table of objects, a picture to check, and what is known of all of them."""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.annotation import Provenance
from napari_cellvino.annotation.document_json import FORMAT, annotation_dict
from napari_cellvino.figures.qc_picture import write_qc
from napari_cellvino.figures.top_view import flattened
from napari_cellvino.io.label_tiff import write_labels
from napari_cellvino.results.field_result import NO_DEVICE, FieldResult
from napari_cellvino.storage.atomic import atomic_folder
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.json_text import json_text

ANNOTATION_NAME = "annotation.json"
LABELS_NAME = "labels.tif"
RESULT_NAMES = ("objects.csv", "qc.png", ANNOTATION_NAME)  # and labels, where outlines were found


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
    labels, objects = flattened(annotation.labels, annotation.objects)
    if annotation.labels is not None:
        write_labels(folder / LABELS_NAME, annotation.labels, plane.spacing)
    write_table(folder / "objects.csv", result.table)
    write_qc(
        folder / "qc.png",
        plane.inputs,
        labels,
        objects,
        name=plane.origin.name,
        classes=annotation.classes,
        ran=_ran(annotation.provenance),
        spacing=plane.spacing,
        rgb=len(plane.inputs) == 3,
        excluded=[id_ for id_, record in annotation.records.items() if record.excluded],
    )
    (folder / ANNOTATION_NAME).write_text(json_text(_content(result, extra)), encoding="utf-8", newline="\n")


def _ran(provenance: Provenance) -> list[str]:
    engine = provenance.engine
    values = ", ".join(f"{name} {value:g}" for name, value in provenance.recipe.parameters.items())
    models = " and ".join(filter(None, (provenance.model, provenance.outline)))
    where = "" if engine.device == NO_DEVICE else f" on {engine.device} ({engine.number_type})"
    return [f"{provenance.plane} · {models}{where}", values]


def _content(result: FieldResult, extra: dict[str, object]) -> dict[str, object]:
    return {"format": FORMAT, **extra, "counts": result.counts} | annotation_dict(result.annotation)
