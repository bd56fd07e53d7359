"""Clean label images: one connected component per object and no holes; and one table row per object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.label_runs import labelled_runs, pixels_of_runs
from napari_cellvino.core.objects import Objects
from napari_cellvino.segmentation.heads.touching_runs import TouchingRuns
from napari_cellvino.storage.large_arrays import give_back_pages

CHUNK_PX = 16_000_000  # pixels processed together
LARGEST_HOLE = 400  # px; a larger gap inside an object is background


def keep_largest_pieces(labels: NDArray[np.int32]) -> None:
    """Set all but the largest 4-connected component of every object to background, in place."""
    runs = TouchingRuns(labels)
    runs.keep_largest_pieces()
    runs.write()


def close_holes(labels: NDArray[np.int32]) -> None:
    """Assign small background regions that touch exactly one object, and no edge, to that object, in place."""
    runs = TouchingRuns(labels)
    runs.close_holes(LARGEST_HOLE)
    runs.write()


def keep_whole_pieces(labels: NDArray[np.int32]) -> None:
    """Keep the largest 4-connected component of every object, and close its holes, in place."""
    runs = TouchingRuns(labels)
    runs.keep_largest_pieces()
    runs.close_holes(LARGEST_HOLE)
    runs.write()


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
    width = labels.shape[1]
    begin, length, values = labelled_runs(labels)
    if len(begin) == 0:
        return
    own = values.astype(np.intp)
    ys, xs = np.divmod(begin, width)
    ys += top
    probability = foreground.reshape(-1)[pixels_of_runs(begin, length)].astype(np.float32)
    first = np.cumsum(length) - length
    of_run = np.add.reduceat(probability, first, dtype=np.float64)
    weights = (length, of_run, length * ys, length * xs + length * (length - 1) // 2)
    for row, weight in zip(sums, weights, strict=True):
        row += np.bincount(own, weight, minlength=sums.shape[1])
    for column, (extreme, values) in enumerate(
        ((np.minimum, ys), (np.minimum, xs), (np.maximum, ys + 1), (np.maximum, xs + length))
    ):
        extreme.at(box[:, column], own, values.astype(np.int32))
