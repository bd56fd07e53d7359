"""Decode large images in bands of rows; the result is the same since all decisions are local.

A band is decoded with rows beyond it. Where these are too few for what stands in it, all is decoded again in larger
bands with more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.label_runs import LabelRuns, pixels_of_runs
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.threads import together
from napari_cellvino.segmentation.heads.connected_components import (
    LARGEST_HOLE,
    RUNS_AT_ONCE,
    collect_objects,
    keep_whole_pieces,
    objects_of_runs,
)
from napari_cellvino.segmentation.heads.head import FRAGMENTS, Decoded, usual_size
from napari_cellvino.segmentation.heads.touching_runs import TouchingRuns
from napari_cellvino.storage.large_arrays import BAND_BYTES, allocate, give_back_pages

BAND_PX = 2**24  # pixels decoded at once
MOST_PX = 2**27  # of larger bands; they take 5 GB
BAND_OVERLAP = 512  # rows decoded beyond a band, at first: enough for cells as tall as that
RELABELLED_ROWS = 256  # rows relabelled at once
LIMITS = ("confidence", "smallest", FRAGMENTS)  # parameters by which objects that were found are left out

Maps = NDArray[np.float16]  # (M, Y, X), the foreground first
Band = tuple[NDArray[np.int32], int]  # labels 1…N, in one piece each or several, and N
DecodeBand = Callable[[Maps, Mapping[str, float]], Band]


def decode_in_bands(maps: Maps, values: Mapping[str, float], decode_band: DecodeBand) -> Decoded:
    """Return labels and objects, from top to bottom, that reach the limits on score and area in ``values``.

    A band keeps the objects whose middle lies in it.
    """
    if at_once(maps):
        labels, count = decode_band(maps, values)
        return decode_runs(TouchingRuns.of_image(labels), count, maps[0], values)
    rows, overlap = _band_rows(maps.shape[2]), BAND_OVERLAP
    while (found := _in_bands(maps, values, decode_band, rows, overlap)) is None:
        rows, overlap = 2 * rows, 2 * overlap
    (labels, count), cut_px = found
    return filter_objects(labels, count, maps[0], values, cut_px=cut_px)


def _in_bands(
    maps: Maps, values: Mapping[str, float], decode_band: DecodeBand, rows: int, overlap: int
) -> tuple[Band, float] | None:
    """Return labels and their number from bands of so many rows, and more around; None where these are too few.

    And the height from which objects may be cut, where larger bands would take too much memory; else 0.
    """
    height, width = maps.shape[1:]
    labels, count, cut_px = allocate((height, width), np.int32), 0, 0
    for top in range(0, height, rows):
        first, last = max(0, top - overlap), min(height, top + rows + overlap)
        band, found = decode_band(maps[:, first:last], values)
        middle = first + _middle_rows(band, found)
        own = (middle >= top) & (middle < top + rows)
        cut = ([band] if first > 0 else []) + ([band[::-1]] if last < height else [])
        if any(_reaches(part, own, overlap // 2) for part in cut):
            if 2 * (rows + 2 * overlap) * width <= MOST_PX:
                return None
            cut_px = overlap // 2
        keep_whole_pieces(band)
        _paste(labels[first:last], band, own, count)
        count += int(own.sum())
        give_back_pages()
    return (labels, count), cut_px


def at_once(maps: Maps) -> bool:
    """Return whether an image is so small that it is no more than one band."""
    return bool(maps.shape[1] <= _band_rows(maps.shape[2]))


def decode_runs(
    runs: TouchingRuns, count: int, foreground: NDArray[np.float16], values: Mapping[str, float]
) -> Decoded:
    """Return labels and objects within the limits on score and area, from top to bottom, of runs of ids 1…``count``.

    The image is written once, at the end.
    """
    runs.keep_largest_pieces()
    runs.close_holes(LARGEST_HOLE)
    lookup, kept = _chosen(objects_of_runs(runs, count, foreground), values)
    labels = np.zeros(foreground.shape, np.int32)
    begin, length, ids = runs.labelled()
    found = LabelRuns.joined(labels, begin, length, lookup[ids])

    def write(part: slice) -> None:
        long = found.length[part]
        labels.reshape(-1)[pixels_of_runs(found.begin[part], long)] = np.repeat(found.values[part], long)

    together(write, [slice(first, first + RUNS_AT_ONCE) for first in range(0, len(found.begin), RUNS_AT_ONCE)])
    return Decoded(labels, kept, runs=found)


def _reaches(labels: NDArray[np.int32], own: NDArray[np.bool_], margin: int) -> bool:
    """Return whether an own object comes within ``margin`` rows of where the image was cut, the first row here.

    Or whether another one reaches from there beyond them: what is made of it may differ, and with it its neighbours.
    """
    near, cut, deep = (_ids_in(rows, len(own)) for rows in (labels[:margin], labels[:1], labels[margin : 2 * margin]))
    return bool((near & (own | (cut & deep))).any())


def _ids_in(labels: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Return which ids 1…``count`` (N,) are in a label image."""
    there = np.zeros(count + 1, bool)
    there[labels.reshape(-1)] = True
    return there[1:]


def above(foreground: NDArray[np.float16], level: float) -> NDArray[np.bool_]:
    """Return the mask where a float16 map exceeds a positive level; positive float16 compare in order as int16."""
    return np.ascontiguousarray(foreground).view(np.int16) > int(np.float16(level).view(np.int16))


def _middle_rows(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return the mean row of each id 1…``count``, rounded down; of an id without pixels, one that no band has.

    Whole numbers are the same from wherever rows are counted.
    """
    where = np.flatnonzero(labels)
    own, rows = labels.reshape(-1)[where], where // labels.shape[1]
    pixels = np.bincount(own, minlength=count + 1)[1:]
    total = np.bincount(own, rows, minlength=count + 1)[1:].astype(np.int64)
    return np.where(pixels > 0, total // np.maximum(pixels, 1), np.iinfo(np.int32).min)


def _band_rows(width: int) -> int:
    return max(BAND_OVERLAP, BAND_PX // max(width, 1))


def _paste(labels: NDArray[np.int32], band: NDArray[np.int32], own: NDArray[np.bool_], count: int) -> None:
    """Write the objects of a band that are its own into ``labels``, numbered from ``count + 1``."""
    lookup = np.zeros(len(own) + 1, np.int32)
    lookup[1:][own] = np.arange(count + 1, count + 1 + own.sum())
    ids = lookup[band]
    np.copyto(labels, ids, where=ids > 0)


def filter_objects(
    labels: NDArray[np.int32],
    count: int,
    foreground: NDArray[np.float16],
    values: Mapping[str, float],
    *,
    cut_px: float = 0,
) -> Decoded:
    """Return the objects within the limits on score and area, relabelled from top to bottom; in place."""
    found = Decoded(labels, collect_objects(labels, count, foreground), cut_px=cut_px)
    return leave_out(found, values, into=labels)


def leave_out(found: Decoded, values: Mapping[str, float], into: NDArray[np.int32] | None = None) -> Decoded:
    """Return the objects within the limits on score and area, relabelled from top to bottom.

    The labels are written ``into`` an array, which may be those of ``found``: a second image may not fit in memory.
    """
    labels = found.label_image()
    lookup, kept = _chosen(found.objects, values)
    written = np.empty_like(labels) if into is None else into
    for top in range(0, len(labels), RELABELLED_ROWS):
        rows = slice(top, top + RELABELLED_ROWS)
        np.take(lookup, labels[rows], out=written[rows], mode="clip")  # all are in range: "raise" buffers
        if labels.nbytes > BAND_BYTES:
            give_back_pages()
    return replace(found, labels=written, objects=kept, runs=None)


def _chosen(objects: Objects, values: Mapping[str, float]) -> tuple[NDArray[np.int32], Objects]:
    """Return the new id of each old one from 0, 0 of what is left out, and what is left, from top to bottom."""
    within = np.flatnonzero((objects.score >= values["confidence"]) & (objects.area_px >= max(1.0, values["smallest"])))
    area = objects.area_px[within]
    within = within[area >= values.get(FRAGMENTS, 0.0) * usual_size(area)]
    order = within[np.lexsort((objects.centroid[within, 1], objects.centroid[within, 0]))]
    ids = np.arange(1, len(order) + 1, dtype=np.int32)
    lookup = np.zeros(len(objects) + 1, np.int32)
    lookup[objects.id[order]] = ids
    return lookup, replace(objects.select(order), id=ids)
