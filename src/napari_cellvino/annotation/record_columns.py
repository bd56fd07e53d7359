"""Conversion between records, for editing single objects, and columns, for measuring all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum, IntFlag
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.index import Places
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.core.label_runs import numbered
from napari_cellvino.core.objects import Doubt, ObjectOrigin, Objects, ReviewState

Member = TypeVar("Member", bound=IntEnum | IntFlag)


def records_of_objects(objects: Objects, *, boxes: bool) -> list[ObjectRecord]:
    """Return one record per row; with its box if ``boxes``, where objects have no pixels."""
    count = len(objects)
    return [
        ObjectRecord(id_, class_index, score, origin, review, doubts=doubts, box=box)
        for id_, class_index, score, origin, review, doubts, box in zip(
            objects.id.tolist(),
            objects.class_index.tolist(),
            objects.score.tolist(),
            _members(ObjectOrigin, objects.origin),
            _members(ReviewState, objects.review),
            _members(Doubt, objects.doubts),
            map(tuple, objects.box.tolist()) if boxes else [None] * count,
            strict=True,
        )
    ]


def _members(kind: type[Member], values: NDArray[np.int32]) -> list[Member]:
    """Return the member of each value; each is looked up once, which takes longer than all the rest of a record."""
    found, place = numbered(values)
    members = [kind(value) for value in found.tolist()]
    return [members[at] for at in place.tolist()]


def objects_of_records(records: Sequence[ObjectRecord], places: Places) -> Objects:
    """Return one row per record; boxes (N, 2 axes) have lows before highs, centroids are (N, axes)."""
    columns: dict[str, NDArray[Any]] = {
        name: np.fromiter(map(attrgetter(name), records), np.int32, len(records))
        for name in ("id", "class_index", "origin", "review", "doubts")
    }
    score = np.fromiter(map(attrgetter("score"), records), np.float32, len(records))
    return Objects(**columns, score=score, **_columns_of(places))


def placed(objects: Objects, places: Places) -> Objects:
    """Return objects (N,) with the geometry that they have in a label image."""
    return replace(objects, **_columns_of(places))


def _columns_of(places: Places) -> dict[str, NDArray[Any]]:
    return {
        "box": np.concatenate([places.low, places.high], axis=1).astype(np.int32),
        "centroid": (places.sums.astype(np.float64) / places.area[:, None]).astype(np.float32),
        "area_px": places.area.astype(np.int32),
    }
