"""Ids and records for the parts of a split object."""

from __future__ import annotations

from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray

from napari_cellvino.annotation.document import Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.pixel_runs import PixelRuns, join_runs, runs_between
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.tools.single_object import Mask, ObjectMask

Parts = NDArray[np.int32]


def grow_markers(markers: Parts, mask: Mask) -> Parts:
    """Return markers grown until they fill a mask; each pixel goes to the nearest marker."""
    level = np.zeros(mask.shape, np.uint8)
    return np.asarray(skimage.segmentation.watershed(level, markers, mask=mask), np.int32)


def grow_by_depth(depth: NDArray[np.floating[Any]], markers: Parts, mask: Mask) -> Parts:
    """Return markers grown by a watershed of ``-depth`` until they fill a mask; they meet where depth is lowest."""
    return np.asarray(skimage.segmentation.watershed(-depth, markers, mask=mask), np.int32)


def split_edit(annotation: Annotation, cuts: list[tuple[ObjectMask, Parts]]) -> Edit:
    """Return the edit that splits objects into parts 1…K (two or more), given in each object's region.

    The largest part keeps the id, the others get new ids.
    """
    next_id = annotation.next_id
    runs: list[PixelRuns] = []
    records: list[ObjectRecord] = []
    for single, parts in cuts:
        count = np.bincount(parts[single.own])[1:]
        ids = np.arange(next_id, next_id + len(count), dtype=np.int32)
        largest = int(count.argmax())
        ids[largest:] -= 1
        ids[largest] = single.id
        next_id += len(count) - 1
        before = annotation.pixels[single.region.slices]
        after = np.where(single.own, np.append(np.int32(0), ids)[parts], before)
        runs.append(runs_between(annotation.shape, single.region, before, after))
        whole = annotation.record(single.id)
        records += [whole.split_part(id_) for id_ in ids.tolist()]
    return make_edit(annotation, "Split " + ", ".join(f"#{single.id}" for single, _ in cuts), join_runs(runs), records)
