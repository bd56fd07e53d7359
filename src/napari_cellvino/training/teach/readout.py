"""Kept features of a plane read out by a learner: what the taught network gives, without running it.

After a further stroke only the learner is new. A plane's features are kept, so that the answer takes a few sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.raw_maps import allocate_maps
from napari_cellvino.segmentation.tiling import Stitcher, TilePlan
from napari_cellvino.training.teach.features import FeatureTile
from napari_cellvino.training.teach.learner import Learner
from napari_cellvino.training.teach.lesson import Lesson
from napari_cellvino.training.teach.taught_graph import map_names, maps_of_logits

Logits = NDArray[np.float32]  # (K, Y, X)


def read_out(
    tiles: Sequence[FeatureTile], plan: TilePlan, strides: Sequence[int], lesson: Lesson
) -> NDArray[np.float16]:
    """Return the stitched maps (M, Y, X) of a resized plane for the features of all its tiles."""
    height, width = plan.rows[-1].stop, plan.columns[-1].stop
    stitcher = Stitcher(plan, allocate_maps(len(map_names(lesson.kinds, lesson.classes)), height, width))
    for index, tile in enumerate(tiles):
        kinds = logits_of(tile, strides, lesson.kinds)
        classes = None if lesson.classes is None else logits_of(tile, strides, lesson.classes)
        stitcher.add(index, maps_of_logits(kinds, classes).astype(np.float16))
    return stitcher.out


def logits_of(tile: FeatureTile, strides: Sequence[int], learner: Learner) -> Logits:
    """Return the logits (K, tile, tile) of a tile."""
    side = tile.maps[0].shape[-1] * strides[0]
    total = np.zeros((len(learner.bias), side, side), np.float32) + learner.bias[:, None, None]
    first = 0
    for maps, stride in zip(tile.maps, strides, strict=True):
        weights = learner.weights[first : first + len(maps)]
        first += len(maps)
        part = (weights.T @ maps.reshape(len(maps), -1).astype(np.float32)).reshape(-1, *maps.shape[1:])
        total += part if stride == 1 else _enlarged(part, stride)
    return total


def _enlarged(maps: Logits, stride: int) -> Logits:
    """Return maps larger by ``stride``, interpolated linearly, pixel centres on halves."""
    for axis in (1, 2):
        size = maps.shape[axis]
        place = np.clip((np.arange(size * stride) + 0.5) / stride - 0.5, 0, size - 1)
        low = np.floor(place).astype(np.intp)
        share = (place - low).astype(np.float32).reshape((-1, 1) if axis == 1 else (-1,))
        high = np.minimum(low + 1, size - 1)
        maps = maps.take(low, axis) * (1 - share) + maps.take(high, axis) * share
    return maps
