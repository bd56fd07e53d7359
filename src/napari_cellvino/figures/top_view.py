"""Top views of objects in 3D, so that one picture shows a stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects

Labels = NDArray[np.integer[Any]]


def flattened(labels: Labels | None, objects: Objects) -> tuple[Labels | None, Objects]:
    """Return labels and objects in 2D: unchanged, or the top view of those in 3D."""
    if labels is None or labels.ndim == 2:
        return labels, objects
    top = label_top_view(labels)
    return top, object_top_view(objects, top)


def label_top_view(labels: Labels) -> Labels:
    """Return, of a label image (Z, Y, X), the first object at each pixel (Y, X), counted from the first plane."""
    top: Labels = labels[0].copy()
    for plane in labels[1:]:
        np.copyto(top, plane, where=top == 0)
    return top


def object_top_view(objects: Objects, top: Labels) -> Objects:
    """Return objects in 3D as objects of a top view (Y, X): the area is what is not hidden, at least 1 px."""
    ids, counts = np.unique(top, return_counts=True)
    known = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    area = np.array([known.get(id_, 0) for id_ in objects.id.tolist()], np.int32)
    box = objects.box[:, [1, 2, 4, 5]]
    return replace(objects, box=box, centroid=objects.centroid[:, 1:], area_px=np.maximum(area, 1))
