"""Clean label images: one connected component per object and no holes; and one table row per object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.core.half_floats import as_singles, single_halves
from napari_cellvino.core.label_runs import Integers, LabelRuns, labelled_runs, pixels_of_runs
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.threads import together
from napari_cellvino.segmentation.heads.touching_runs import TouchingRuns
from napari_cellvino.storage.large_arrays import give_back_pages, in_bands

CHUNK_PX = 16_000_000  # pixels processed together
SUMMED_RUNS = 2**20  # runs whose objects are summed up together
RUNS_AT_ONCE = 65_536  # whose pixels are gathered together
WRITTEN_PX = 2**18  # pixels that are written at once: what the processor's cache holds
LARGEST_HOLE = 400  # px; a larger gap inside an object is background

RunColumns = tuple[NDArray[np.intp], NDArray[np.intp], Integers]
"""Flat index, length and label of runs (R,) that are no background."""


def keep_largest_pieces(labels: NDArray[np.int32]) -> None:
    """Set all but the largest 4-connected component of every object to background, in place."""
    runs = TouchingRuns.of_image(labels)
    runs.keep_largest_pieces()
    runs.write(labels)


def close_holes(labels: NDArray[np.int32]) -> None:
    """Assign small background regions that touch exactly one object, and no edge, to that object, in place."""
    runs = TouchingRuns.of_image(labels)
    runs.close_holes(LARGEST_HOLE)
    runs.write(labels)


def collect_objects(labels: NDArray[np.int32], count: int, foreground: NDArray[np.float16]) -> Objects:
    """Return one row per id 1…``count`` of ``labels``; the score is the mean of ``foreground`` (Y, X) over the object.

    Ids without a pixel get area 0. Sums are accumulated over bands of rows, so memory does not grow with the image.
    """
    sums = _Sums(count)
    rows = max(1, CHUNK_PX // labels.shape[1])
    for top in range(0, len(labels), rows):
        part = slice(top, top + rows)
        sums.add(*labelled_runs(labels[part]), foreground[part], top)
        if rows < len(labels):
            give_back_pages()
    return sums.objects()


def objects_of_runs(runs: RunColumns, count: int, foreground: NDArray[np.float16]) -> Objects:
    """Return what `collect_objects` does, of the label image that ``runs``, in raster order, are of."""
    sums = _Sums(count)
    begin, length, ids = runs
    for first in range(0, len(begin), SUMMED_RUNS):
        part = slice(first, first + SUMMED_RUNS)
        sums.add(begin[part], length[part], ids[part], foreground, 0)
        if len(begin) > SUMMED_RUNS:
            give_back_pages()
    return sums.objects()


def write_runs(runs: LabelRuns) -> None:
    """Write all runs into the label image (Y, X) that they are of, and background between them."""
    height, width = runs.labels.shape
    rows = max(1, WRITTEN_PX // max(width, 1))
    for band in in_bands(runs.labels, rows):
        for top in range(band.start, min(band.stop, height), rows):
            _write_rows(runs, top * width, min(top + rows, height) * width)


def _write_rows(runs: LabelRuns, begin: int, end: int) -> None:
    """Write the pixels of some rows, from one flat index to another."""
    own = slice(*np.searchsorted(runs.begin, (begin, end)))
    if (loops := compiled()) is not None and runs.labels.dtype == runs.values.dtype == np.int32:
        loops.write_runs(runs.labels.reshape(-1)[begin:end], runs.begin[own], runs.length[own], runs.values[own], begin)
        return
    edges = np.empty(2 * (own.stop - own.start) + 2, np.intp)
    edges[0], edges[-1] = begin, end
    edges[1:-1:2] = runs.begin[own]
    edges[2:-1:2] = runs.begin[own] + runs.length[own]
    values = np.zeros(len(edges) - 1, runs.labels.dtype)
    values[1::2] = runs.values[own]
    runs.labels.reshape(-1)[begin:end] = np.repeat(values, np.diff(edges))


class _Sums:
    """Sums over the pixels of each id 1…``count``; all are whole numbers, or of so few digits that none is lost."""

    def __init__(self, count: int) -> None:
        self._sums = np.zeros((4, count + 1))  # pixels, foreground, y, x
        self._box = np.zeros((count + 1, 4), np.int32)
        self._box[:, :2] = np.iinfo(np.int32).max

    def objects(self) -> Objects:
        """Return one row per id."""
        area = self._sums[0, 1:].astype(np.int64)
        score, cy, cx = self._sums[1:, 1:] / np.maximum(area, 1)
        return Objects.found(score=score, box=self._box[1:], centroid=np.stack([cy, cx], 1), area_px=area)

    def add(
        self,
        begin: NDArray[np.intp],
        length: NDArray[np.intp],
        values: Integers,
        foreground: NDArray[np.float16],
        top: int,
    ) -> None:
        """Add the runs of objects in some rows, of which the first is row ``top`` of the image."""
        if len(begin) == 0:
            return
        if (loops := compiled(foreground)) is not None:
            halves, ids = foreground.reshape(-1).view(np.uint16), values.astype(np.int32, copy=False)
            width = foreground.shape[1]
            loops.sums_of_runs(halves, single_halves(), begin, length, ids, width, top, self._sums, self._box)
            return
        own = values.astype(np.intp)
        ys, xs = np.divmod(begin, foreground.shape[1])
        ys += top
        weights = (
            length,
            _sums_along(foreground, begin, length),
            length * ys,
            length * xs + length * (length - 1) // 2,
        )
        for row, weight in zip(self._sums, weights, strict=True):
            row += np.bincount(own, weight, minlength=self._sums.shape[1])
        for column, (extreme, places) in enumerate(
            ((np.minimum, ys), (np.minimum, xs), (np.maximum, ys + 1), (np.maximum, xs + length))
        ):
            extreme.at(self._box[:, column], own, places.astype(np.int32))


def _sums_along(image: NDArray[np.float16], begin: NDArray[np.intp], length: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sum of an image (Y, X) along each run (R,)."""

    def along(part: slice) -> NDArray[np.float64]:
        long = length[part]
        values = as_singles(image.reshape(-1)[pixels_of_runs(begin[part], long)])
        return np.asarray(np.add.reduceat(values, np.cumsum(long) - long, dtype=np.float64))

    parts = [slice(first, first + RUNS_AT_ONCE) for first in range(0, len(begin), RUNS_AT_ONCE)]
    return np.concatenate(together(along, parts))
