"""Objects in 3D as they are seen from above, so that one picture shows a stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects

Labels = NDArray[np.integer[Any]]


def seen_flat(labels: Labels | None, objects: Objects) -> tuple[Labels | None, Objects]:
    """Return labels and objects of a picture: as they are, or those in 3D as seen from above."""
    if labels is None or labels.ndim == 2:
        return labels, objects
    seen = labels_from_above(labels)
    return seen, objects_from_above(objects, seen)


def labels_from_above(labels: Labels) -> Labels:
    """Return, of a label image (Z, Y, X), the first object at each pixel (Y, X), counted from the first plane."""
    seen: Labels = labels[0].copy()
    for plane in labels[1:]:
        np.copyto(seen, plane, where=seen == 0)
    return seen


def objects_from_above(objects: Objects, seen: Labels) -> Objects:
    """Return objects in 3D as objects of a picture ``seen`` (Y, X): the area is what is not hidden, at least 1 px."""
    ids, counts = np.unique(seen, return_counts=True)
    known = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    area = np.array([known.get(id_, 0) for id_ in objects.id.tolist()], np.int32)
    box = objects.box[:, [1, 2, 4, 5]]
    return replace(objects, box=box, centroid=objects.centroid[:, 1:], area_px=np.maximum(area, 1))
