"""Clean label images: one connected component per object and no holes; and one table row per object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected_components

from napari_cellvino.core.objects import Objects
from napari_cellvino.storage.large_arrays import give_back_pages

CHUNK_PX = 16_000_000  # pixels processed together
LARGEST_HOLE = 400  # px; a larger gap inside an object is background


def keep_largest_pieces(labels: NDArray[np.int32]) -> None:
    """Set all but the largest 4-connected component of every object to background, in place."""
    flat = labels.reshape(-1)
    where = np.flatnonzero(flat != 0)
    if len(where) == 0:
        return
    pieces = connected_components(labels, connectivity=1).reshape(-1)[where]
    size = np.bincount(pieces)
    owner = np.zeros(len(size), np.int32)
    owner[pieces] = flat[where]
    order = np.lexsort((-np.arange(len(size)), size, owner))  # per owner, the largest last; among equals the first
    last = np.append(owner[order][1:] != owner[order][:-1], True)
    keep = np.zeros(len(size), bool)
    keep[order[last]] = True
    flat[where[~keep[pieces]]] = 0


def close_holes(labels: NDArray[np.int32]) -> None:
    """Assign small background regions that touch exactly one object to that object, in place."""
    regions = connected_components(labels == 0, connectivity=1)
    size = np.bincount(regions.reshape(-1))
    small = size <= LARGEST_HOLE
    small[0] = False
    for side in (regions[0], regions[-1], regions[:, 0], regions[:, -1]):
        small[side] = False
    where = np.flatnonzero(small[regions])
    if len(where) == 0:
        return
    flat, width = labels.reshape(-1), labels.shape[1]
    region = regions.reshape(-1)[where]
    highest = np.zeros(len(size), np.int32)
    lowest = np.full(len(size), np.iinfo(np.int32).max, np.int32)
    for shift in (-width, -1, 1, width):
        around = flat[where + shift]
        np.maximum.at(highest, region, around)
        np.minimum.at(lowest, region[around > 0], around[around > 0])
    flat[where] = np.where(highest == lowest, highest, 0)[region]


def collect_objects(labels: NDArray[np.int32], count: int, foreground: NDArray[np.float16]) -> Objects:
    """Return one row per id 1…``count`` of ``labels``; the score is the mean of ``foreground`` (Y, X) over the object.

    Ids without a pixel get area 0. Sums are accumulated over bands of rows, so memory does not grow with the image.
    """
    sums = np.zeros((4, count + 1))  # pixels, foreground, y, x
    box = np.zeros((count + 1, 4), np.int32)
    box[:, :2] = np.iinfo(np.int32).max
    rows = max(1, CHUNK_PX // labels.shape[1])
    for top in range(0, len(labels), rows):
        part = slice(top, top + rows)
        _gather(labels[part], foreground[part], top, sums, box)
        if rows < len(labels):
            give_back_pages()
    area = sums[0, 1:].astype(np.int64)
    score, cy, cx = sums[1:, 1:] / np.maximum(area, 1)
    return Objects.found(score=score, box=box[1:], centroid=np.stack([cy, cx], 1), area_px=area)


def _gather(
    labels: NDArray[np.int32],
    foreground: NDArray[np.float16],
    top: int,
    sums: NDArray[np.float64],
    box: NDArray[np.int32],
) -> None:
    """Add the pixels of some rows, starting at row ``top``, to the sums and boxes of their objects."""
    where = np.flatnonzero(labels != 0)
    own = labels.reshape(-1)[where].astype(np.intp)
    ys, xs = np.divmod(where, labels.shape[1])
    ys += top
    weights = (None, foreground.reshape(-1)[where].astype(np.float32), ys, xs)
    for row, weight in zip(sums, weights, strict=True):
        row += np.bincount(own, weight, minlength=sums.shape[1])
    for column, (extreme, values) in enumerate(
        ((np.minimum, ys), (np.minimum, xs), (np.maximum, ys + 1), (np.maximum, xs + 1))
    ):
        extreme.at(box[:, column], own, values.astype(np.int32))
