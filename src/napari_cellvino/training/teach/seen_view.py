"""What a lesson says of a part of a plane, from features that are kept: no network runs where they are there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.engines.engine import NO_ENGINE
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.training.teach.features import FeatureEngine, FeatureTile, Part, TiledPlane
from napari_cellvino.training.teach.learner import Learner
from napari_cellvino.training.teach.lesson import Lesson
from napari_cellvino.training.teach.taught_graph import map_names, maps_of_logits
from napari_cellvino.training.teach.viewed_part import Box

TOGETHER = 2  # tiles at once


def maps_of_view(plane: TiledPlane, engine: FeatureEngine, lesson: Lesson, view: Box) -> RawMaps:
    """Return the maps of a lesson for a part of a plane, as the network of the taught model gives them."""
    part = plane.part(view)
    (top, bottom), (left, right) = ((axis.start, axis.stop) for axis in part)
    learners = [one for one in (lesson.kinds, lesson.depth, lesson.classes) if one is not None]
    ends = np.cumsum([len(one.bias) for one in learners])[:-1]
    every = Learner(np.concatenate([o.weights for o in learners], 1), np.concatenate([o.bias for o in learners]))
    count = len(map_names(lesson.kinds, lesson.depth, lesson.classes))
    maps = np.zeros((count, bottom - top, right - left), np.float16)

    def fill(tile: FeatureTile) -> None:
        rows = slice(max(tile.row.core_start, top), min(tile.row.core_stop, bottom))
        columns = slice(max(tile.column.core_start, left), min(tile.column.core_stop, right))
        kinds, *others = np.split(_logits(tile, engine.graph.strides, every, (rows, columns)), ends)
        depth = None if lesson.depth is None else others[0]
        classes = None if lesson.classes is None else others[-1]
        place = np.s_[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        maps[place] = maps_of_logits(kinds, depth, classes)

    tiles, filled = plane.tiles_of(part, engine), 0
    with ThreadPoolExecutor(TOGETHER) as pool:
        while some := list(islice(tiles, TOGETHER)):
            filled += len(list(pool.map(fill, some)))
    shape = view[2] - view[0], view[3] - view[1]
    return RawMaps(maps, NO_ENGINE, plane.plan().tile, filled, shape, maps.shape[1:])


def _logits(tile: FeatureTile, strides: tuple[int, ...], learner: Learner, part: Part) -> NDArray[np.float32]:
    """Return the logits (K, y, x) of a part of the resized plane that lies in a tile."""
    rows, columns = (
        slice(axis.start - span.start, axis.stop - span.start)
        for axis, span in zip(part, (tile.row, tile.column), strict=True)
    )
    total = np.zeros((len(learner.bias), rows.stop - rows.start, columns.stop - columns.start), np.float32)
    total += learner.bias[:, None, None]
    first = 0
    for maps, stride in zip(tile.maps, strides, strict=True):
        last = first + len(maps)
        small = (learner.weights[first:last].T @ maps.reshape(len(maps), -1)).reshape(-1, *maps.shape[1:])
        total += small[:, rows, columns] if stride == 1 else _enlarged(small, stride, rows, columns)
        first = last
    return total


def _enlarged(maps: NDArray[np.float32], stride: int, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Return rows and columns of what is ``stride`` times as large as maps (K, y, x), interpolated linearly."""
    for axis, at in ((2, columns), (1, rows)):
        last = maps.shape[axis] - 1
        place = np.clip((np.arange(at.start, at.stop) + 0.5) / stride - 0.5, 0, last)
        low = np.floor(place).astype(np.intp)
        share = (place - low).astype(np.float32).reshape((-1, 1) if axis == 1 else (1, -1))
        below, above = maps.take(low, axis), maps.take(np.minimum(low + 1, last), axis)
        above -= below
        above *= share
        above += below
        maps = above
    return maps
