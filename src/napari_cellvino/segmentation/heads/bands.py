"""Decode large images in bands of rows; the result is the same since all decisions are local.

A band is decoded with rows beyond it. Where these are too few for what stands in it, all is decoded again in larger
bands with more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import passed
from napari_cellvino.core.label_runs import LabelRuns, labelled_runs, pixels_of_runs
from napari_cellvino.core.objects import Objects
from napari_cellvino.segmentation.heads.connected_components import (
    LARGEST_HOLE,
    RunColumns,
    collect_objects,
    objects_of_runs,
    write_runs,
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
Band = tuple[TouchingRuns, int]  # of labels 1…N, in one piece each or several, and N
DecodeBand = Callable[[Maps, Mapping[str, float]], Band]


def band_of(labels: NDArray[np.int32]) -> Band:
    """Return the band of a label image (Y, X)."""
    return TouchingRuns.of_image(labels), int(labels.max(initial=0))


def decode_in_bands(
    maps: Maps, values: Mapping[str, float], decode_band: DecodeBand, wait_for: Callable[[int], object] = lambda _: None
) -> Decoded:
    """Return labels and objects, from top to bottom, that reach the limits on score and area in ``values``.

    A band keeps the objects whose middle lies in it. ``wait_for`` is called with the number of rows, from the first,
    that have to be there next.
    """
    if at_once(maps):
        wait_for(maps.shape[1])
        return decode_runs(*decode_band(maps, values), maps[0], values)
    rows, overlap = _band_rows(maps.shape[2]), BAND_OVERLAP
    while (found := _in_bands(maps, values, decode_band, wait_for, rows, overlap)) is None:
        rows, overlap = 2 * rows, 2 * overlap
    parts, count, cut_px = found
    return _limited(_in_order(parts, maps.shape[1:]), count, maps[0], values, cut_px)


def _in_bands(
    maps: Maps,
    values: Mapping[str, float],
    decode_band: DecodeBand,
    wait_for: Callable[[int], object],
    rows: int,
    overlap: int,
) -> tuple[list[RunColumns], int, float] | None:
    """Return the runs of objects by bands of so many rows, and how many objects; None where these rows are too few.

    And the height from which objects may be cut, where larger bands would take too much memory; else 0. Half of the
    rows around a band are enough for nearly all: the others are decoded once more.
    """
    height, width = maps.shape[1:]
    parts, count, cut_px = list[RunColumns](), 0, 0
    step = rows + overlap
    for top in range(0, height, step):
        for around in (overlap // 2, overlap):
            first, last = max(0, top - around), min(height, top + step + around)
            wait_for(last)
            band, number = decode_band(maps[:, first:last], values)
            middle = first + _middle_rows(band, number)
            own = (middle >= top) & (middle < top + step)
            whole = not _is_cut(band, own, around // 2, at_top=first > 0, at_bottom=last < height)
            if whole:
                break
        if not whole:
            if 2 * (rows + 3 * overlap) * width <= MOST_PX:
                return None
            cut_px = overlap // 2
        passed(step * width)
        band.clean(LARGEST_HOLE)
        parts.append(_own_runs(band, own, count, first))
        count += int(own.sum())
        give_back_pages()
    return parts, count, cut_px


def at_once(maps: Maps) -> bool:
    """Return whether an image is so small that it is no more than one band."""
    return bool(maps.shape[1] <= _band_rows(maps.shape[2]))


def decode_runs(
    runs: TouchingRuns, count: int, foreground: NDArray[np.float16], values: Mapping[str, float]
) -> Decoded:
    """Return labels and objects within the limits on score and area, from top to bottom, of runs of ids 1…``count``."""
    passed(foreground.size)
    runs.clean(LARGEST_HOLE)
    return _limited(runs.labelled(), count, foreground, values)


def _limited(
    runs: RunColumns, count: int, foreground: NDArray[np.float16], values: Mapping[str, float], cut_px: float = 0
) -> Decoded:
    """Return labels and objects within the limits, of runs of ids 1…``count`` in raster order.

    The image is written once, at the end.
    """
    begin, length, ids = runs
    lookup, kept = _chosen(objects_of_runs(runs, count, foreground), values)
    labels = allocate((foreground.shape[0], foreground.shape[1]), np.int32, zeros=False)
    found = LabelRuns.joined(labels, begin, length, lookup[ids])
    write_runs(found)
    return Decoded(labels, kept, cut_px=cut_px, runs=found)


def _own_runs(band: TouchingRuns, own: NDArray[np.bool_], count: int, first: int) -> RunColumns:
    """Return the runs of the objects that are a band's ``own``, numbered from ``count + 1``.

    ``first`` is the row of the image that the band begins with.
    """
    begin, length, ids = band.labelled()
    lookup = np.zeros(len(own) + 1, np.int32)
    lookup[1:][own] = np.arange(count + 1, count + 1 + own.sum())
    ids = lookup[ids]
    inside = ids > 0
    return begin[inside] + first * band.graph.shape[1], length[inside], ids[inside]


def _in_order(parts: Sequence[RunColumns], shape: tuple[int, ...]) -> RunColumns:
    """Return the runs of several bands in raster order; where two claim a pixel, the later band has it."""
    begin, length, ids = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(begin, kind="stable")  # of sorted parts
    ordered = begin[order], length[order], ids[order]
    if (ordered[0][1:] >= ordered[0][:-1] + ordered[1][:-1]).all():
        return ordered
    labels = allocate((shape[0], shape[1]), np.int32)
    for begin, length, ids in parts:
        labels.reshape(-1)[pixels_of_runs(begin, length)] = np.repeat(ids, length)
    return labelled_runs(labels, give_back_pages)


def _is_cut(band: TouchingRuns, own: NDArray[np.bool_], margin: int, *, at_top: bool, at_bottom: bool) -> bool:
    """Return whether an own object comes within ``margin`` rows of where the image was cut, at the top or the bottom.

    Or whether another one reaches from there beyond them: what is made of it may differ, and with it its neighbours.
    """
    begin, _, ids = band.labelled()
    rows = begin // band.graph.shape[1]
    sides = ([rows] if at_top else []) + ([band.graph.shape[0] - 1 - rows] if at_bottom else [])
    return any(_reaches(from_cut, ids, own, margin) for from_cut in sides)


def _reaches(rows: NDArray[np.intp], ids: NDArray[np.int32], own: NDArray[np.bool_], margin: int) -> bool:
    """Return the same for one side, by the rows (R,) that runs of ids (R,) are away from it."""
    near, cut, deep = (
        _there(ids[part], len(own)) for part in (rows < margin, rows == 0, (rows >= margin) & (rows < 2 * margin))
    )
    return bool((near & (own | (cut & deep))).any())


def _there(ids: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Return which ids 1…``count`` (N,) are among some."""
    there = np.zeros(count + 1, bool)
    there[ids] = True
    return there[1:]


def above(foreground: NDArray[np.float16], level: float) -> NDArray[np.bool_]:
    """Return the mask where a float16 map exceeds a positive level; positive float16 compare in order as int16."""
    return np.ascontiguousarray(foreground).view(np.int16) > int(np.float16(level).view(np.int16))


def _middle_rows(band: TouchingRuns, count: int) -> NDArray[np.int64]:
    """Return the mean row of each id 1…``count``, rounded down; of an id without pixels, one that no band has.

    Whole numbers are the same from wherever rows are counted.
    """
    begin, length, ids = band.labelled()
    pixels = np.bincount(ids, length, minlength=count + 1)[1:].astype(np.int64)
    total = np.bincount(ids, length * (begin // band.graph.shape[1]), minlength=count + 1)[1:].astype(np.int64)
    return np.where(pixels > 0, total // np.maximum(pixels, 1), np.iinfo(np.int32).min)


def _band_rows(width: int) -> int:
    return max(BAND_OVERLAP, BAND_PX // max(width, 1))


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
