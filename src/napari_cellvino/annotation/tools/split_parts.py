"""Give the pieces of an object numbers and records of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from napari_cellvino.annotation.document import Annotation, describe
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.pixel_runs import PixelRuns, join_runs, runs_between
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.tools.single_object import Mask, Single

Parts = NDArray[np.int32]


def spread(markers: Parts, mask: Mask) -> Parts:
    """Return markers grown until they fill a mask, each pixel going to the one that is reached from it first."""
    level = np.zeros(mask.shape, np.uint8)
    return np.asarray(watershed(level, markers, mask=mask), np.int32)


def flood(depth: NDArray[np.floating[Any]], markers: Parts, mask: Mask) -> Parts:
    """Return markers grown from deep to shallow until they fill a mask; they meet where it is shallowest."""
    return np.asarray(watershed(-depth, markers, mask=mask), np.int32)


def split_edit(annotation: Annotation, cuts: list[tuple[Single, Parts]]) -> Edit:
    """Return the edit that splits objects into their parts 1…K (two or more), given in each one's region.

    The largest part keeps the number, the others get new ones.
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
        records += [whole.part(id_) for id_ in ids.tolist()]
    return describe(annotation, "Split " + ", ".join(f"#{single.id}" for single, _ in cuts), join_runs(runs), records)
