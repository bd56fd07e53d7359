"""Conversion between records, for editing single objects, and columns, for measuring all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_cellvino.annotation.index import Geometry
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.core.objects import Doubt, ObjectOrigin, Objects, ReviewState


def records_of_objects(objects: Objects, *, boxes: bool) -> list[ObjectRecord]:
    """Return one record per row; with its box if ``boxes``, where objects have no pixels."""
    columns = (
        objects.id, objects.class_index, objects.score, objects.origin, objects.review, objects.doubts, objects.box,
    )  # fmt: skip
    return [
        ObjectRecord(
            id_,
            class_index,
            score,
            ObjectOrigin(origin),
            ReviewState(review),
            doubts=Doubt(doubts),
            box=tuple(box) if boxes else None,
        )
        for id_, class_index, score, origin, review, doubts, box in zip(*(c.tolist() for c in columns), strict=True)
    ]


def objects_of_records(records: Sequence[ObjectRecord], places: Sequence[Geometry], axes: int) -> Objects:
    """Return one row per record; boxes (N, 2 axes) have lows before highs, centroids are (N, axes)."""
    n = len(records)
    area = np.array([p.area for p in places], np.int64)
    sums = np.array([p.sums for p in places], np.float64).reshape(n, axes)
    return Objects(
        id=np.array([r.id for r in records], np.int32),
        class_index=np.array([r.class_index for r in records], np.int32),
        score=np.array([r.score for r in records], np.float32),
        box=np.array([(*p.region.low, *p.region.high) for p in places], np.int32).reshape(n, 2 * axes),
        centroid=(sums / area[:, None]).astype(np.float32),
        area_px=area.astype(np.int32),
        origin=np.array([r.origin for r in records], np.int32),
        review=np.array([r.review for r in records], np.int32),
        doubts=np.array([r.doubts for r in records], np.int32),
    )
