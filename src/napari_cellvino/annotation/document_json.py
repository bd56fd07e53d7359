"""An annotation as plain values for ``annotation.json``, and back; the label image has its own file.

Format 3 names its keys otherwise than format 2, which added reviews and notes, deleted objects, and the image size.
Format 1 was written by version 0.2; with boxes it has no image size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.provenance import Provenance
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.record_json import read_records, record_dict
from napari_cellvino.core.errors import ImageValueError

FORMAT = 3


def annotation_dict(annotation: Annotation) -> dict[str, object]:
    """Return provenance, classes and objects as plain values; every object has its box, even with an outline."""
    records = annotation.records
    ids = sorted(records)
    places = annotation.places(ids)
    boxes = np.concatenate([places.low, places.high], axis=1).tolist()
    objects = [record_dict(records[id_], box) for id_, box in zip(ids, boxes, strict=True)]
    deleted = [record_dict(annotation.deleted[id_]) for id_ in sorted(annotation.deleted)]
    return {
        "provenance": annotation.provenance.as_dict(),
        "classes": list(annotation.classes),
        "outlines": annotation.labels is not None,
        "shape": list(annotation.shape),
        "objects": objects,
    } | ({"deleted": deleted} if deleted else {})


def read_annotation_dict(
    content: Mapping[str, Any], labels: NDArray[np.integer[Any]] | None, *, shape: tuple[int, ...] | None = None
) -> Annotation:
    """Return the annotation from plain values.

    Parameters
    ----------
    content
        As written by `annotation_dict`, in the newest format; other keys are ignored.
    labels
        Its label image; None where objects are boxes.
    shape
        Size of the image if the content has none; by default the smallest that holds all boxes.

    Raises
    ------
    ImageValueError
        If something is missing or invalid, or the label image does not match.
    """
    missing = [name for name in ("provenance", "objects") if name not in content]
    if missing:
        raise ImageValueError(f"the annotation cannot be read: it has no {' and no '.join(missing)}")
    records = read_records(content["objects"], boxes=labels is None)
    records += read_records(content.get("deleted", []), boxes=labels is None)
    known = content.get("shape")
    size = tuple(known) if known else labels.shape if labels is not None else shape or _extent(records)
    provenance, classes = Provenance.from_dict(content["provenance"]), tuple(content.get("classes", ()))
    pixels = None if labels is None else np.ascontiguousarray(labels, np.int32)
    if pixels is not None and pixels.size == np.prod(size):
        pixels = pixels.reshape(size)  # a stack of one plane is read as a plane
    annotation = Annotation(pixels, records, classes, provenance, shape=size)
    if pixels is not None:
        annotation.index.ids()  # raises where labels and records do not match
    return annotation


def _extent(records: list[ObjectRecord]) -> tuple[int, int]:
    boxes = [record.box for record in records if record.box is not None]
    return (max((box[2] for box in boxes), default=1), max((box[3] for box in boxes), default=1))
