"""Split an object by a click in each of its parts, or where its own shape says so.

References
----------
Meyer 1994, "Topographic distance and watershed lines" (parts grow from seeds).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.tools.drawing import Points, pixel_at
from napari_cellvino.annotation.tools.single_object import Mask, Single, cut_out
from napari_cellvino.annotation.tools.split_parts import Parts, flood, split_edit
from napari_cellvino.core.errors import EditError

CLEAR_WAIST = 0.75  # a waist is clear where it is at most so wide as this share of the narrower side
LEVELS = np.linspace(0.08, CLEAR_WAIST, 10)  # of the greatest depth, at which parts may come asunder
NEARNESS = 0.2  # how much less likely the pixel farthest from all seeds is taken: where a map is flat, nearness decides
SMOOTHING = 1.0  # px: a stair in an outline is no waist

Depth = NDArray[np.floating[Any]]
Sampling = Sequence[float] | None


def split_by_seeds(
    annotation: Annotation,
    seeds: Points,
    *,
    plane: int | None = None,
    whole: bool = True,
    foreground_probability: Depth | None = None,
    sampling: Sampling = None,
) -> Edit:
    """Return the edit that splits one object into a part round each seed (P, 2).

    Parameters
    ----------
    annotation, seeds
        Two points or more, all in one object.
    plane, whole
        In a z-stack, where the seeds were set, and whether the object is split in all planes or in this one.
    foreground_probability
        How likely each pixel of the image (of its shape) is inside a cell, such as a model's kept map: parts meet where
        it is lowest, halfway between seeds where it is flat. Without it they meet where the object is narrowest.
    sampling
        Size of a pixel per axis, where a stack's planes are farther apart than its pixels.

    Raises
    ------
    EditError
        If there are fewer than two seeds, one lies in the background, or they lie in several objects or one pixel.
    """
    places = [pixel_at(annotation, (float(y), float(x)), plane=plane) for y, x in seeds]
    single = cut_out(annotation, _one_object(annotation, places), plane=None if whole else plane, margin=0)
    markers = np.zeros(single.own.shape, np.int32)
    for number, place in enumerate(places, 1):
        markers[tuple(a - b for a, b in zip(place, single.region.low, strict=True))] = number
    if len(np.unique(markers)) != len(places) + 1:
        raise EditError("two seeds are in the same pixel; click once in each part of the cell")
    if foreground_probability is None:
        depth = _depth(single.own, sampling)
    else:
        depth = _of_region(foreground_probability, annotation, single) - NEARNESS * _away(markers, sampling)
    return split_edit(annotation, [(single, flood(depth, markers, single.own))])


def split_at_waist(annotation: Annotation, id_: int, *, plane: int | None = None, sampling: Sampling = None) -> Edit:
    """Return the edit that splits an object at its waists, whole or in one plane.

    Raises
    ------
    EditError
        If it has no clear waist.
    """
    single = cut_out(annotation, id_, plane=plane)
    parts = waist_parts(single.own, sampling)
    if parts.max() < 2:
        raise EditError(f"#{id_} has no clear waist; split it by a line, or by a click in each part")
    return split_edit(annotation, [(single, parts)])


def waist_parts(mask: Mask, sampling: Sampling = None) -> Parts:
    """Return the parts 1…K into which clear waists divide a mask; all 1 where there is none."""
    depth = _depth(mask, sampling)
    tops = _tops(depth)
    return flood(depth, tops, mask) if tops.max() > 1 else mask.astype(np.int32)


def count_parts(mask: Mask) -> int:
    """Return the number of parts that `waist_parts` finds, in less time."""
    return int(_tops(_depth(mask, None)).max())


def _tops(depth: NDArray[np.float32]) -> Parts:
    """Return the parts above the level of depth that has most of them; a part counts if it rises well above it.

    Levels are tried one by one: morphological reconstruction finds the same hills, but takes many times as long for an
    object, and all objects of an image are looked at.
    """
    best, most = (depth > 0).astype(np.int32), 1
    for level in LEVELS * depth.max():
        pieces, count = ndi.label(depth > level)
        if count <= most:
            continue
        rises = np.append(False, ndi.maximum(depth, pieces, np.arange(1, count + 1)) * CLEAR_WAIST >= level)
        if rises.sum() > most:
            most = int(rises.sum())
            best = np.where(rises, np.cumsum(rises), 0)[pieces].astype(np.int32)
    return best


def _depth(mask: Mask, sampling: Sampling) -> NDArray[np.float32]:
    """Return the smoothed distance of each pixel to the nearest one outside; 0 outside.

    Beyond the edge is outside; what is one plane of a stack has no outside above and below.
    """
    frame = [(0, 0) if mask.ndim > 2 and size == 1 else (1, 1) for size in mask.shape]
    inner = tuple(slice(before, before + size) for (before, _), size in zip(frame, mask.shape, strict=True))
    distance = ndi.distance_transform_edt(np.pad(mask, frame), sampling=sampling)[inner]
    return np.where(mask, ndi.gaussian_filter(distance.astype(np.float32), SMOOTHING), np.float32(0))


def _away(markers: Parts, sampling: Sampling) -> NDArray[np.float32]:
    """Return how far each pixel is from the nearest seed, as a share of the greatest such distance."""
    distance = ndi.distance_transform_edt(markers == 0, sampling=sampling).astype(np.float32)
    return np.asarray(distance / max(1.0, float(distance.max())), np.float32)


def _of_region(foreground_probability: Depth, annotation: Annotation, single: Single) -> NDArray[np.float32]:
    if foreground_probability.shape != annotation.shape:
        raise EditError(f"maps of shape {foreground_probability.shape} do not fit an image of {annotation.shape} px")
    return foreground_probability[single.region.slices].astype(np.float32)


def _one_object(annotation: Annotation, places: list[tuple[int, ...]]) -> int:
    if len(places) < 2:
        raise EditError(f"splitting takes two seeds or more, not {len(places)}; click once in each part of the cell")
    ids = list(dict.fromkeys(int(annotation.pixels[place]) for place in places))
    if 0 in ids:
        raise EditError("a seed lies in the background; click inside the cell to split")
    if len(ids) > 1:
        raise EditError(f"the seeds lie in {', '.join(f'#{i}' for i in ids)}; set all of them in one cell")
    return ids[0]
