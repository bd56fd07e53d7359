"""Split an object by a seed in each part, or at its waists.

References
----------
Meyer 1994, "Topographic distance and watershed lines" (parts grow from seeds).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.tools.drawing import Points, pixel_at
from napari_cellvino.annotation.tools.single_object import Mask, ObjectMask, extract_object
from napari_cellvino.annotation.tools.split_parts import Parts, grow_by_depth, split_edit
from napari_cellvino.core.errors import EditError

CLEAR_WAIST = 0.75  # largest width of a clear waist, as a share of the narrower part's width
LEVELS = np.linspace(0.08, CLEAR_WAIST, 10)  # tested depths, as shares of the maximum
DISTANCE_WEIGHT = 0.2  # weight of the distance to the seeds, which decides where a map is flat
SMOOTHING = 1.0  # px: pixel steps of an outline are no waists

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
    """Return the edit that splits one object into one part per seed (P, 2).

    Parameters
    ----------
    annotation, seeds
        Two or more points, all in one object.
    plane, whole
        In a z-stack, the plane of the seeds, and whether the object is split in all planes or only there.
    foreground_probability
        Foreground map of the image's shape: parts meet where it is lowest, or halfway between seeds where it is flat.
        Without it, they meet where the object is narrowest.
    sampling
        Pixel size per axis, for anisotropic stacks.

    Raises
    ------
    EditError
        If there are fewer than two seeds, one lies in the background, or they lie in several objects or one pixel.
    """
    places = [pixel_at(annotation, (float(y), float(x)), plane=plane) for y, x in seeds]
    single = extract_object(annotation, _one_object(annotation, places), plane=None if whole else plane, margin=0)
    markers = np.zeros(single.own.shape, np.int32)
    for number, place in enumerate(places, 1):
        markers[tuple(a - b for a, b in zip(place, single.region.low, strict=True))] = number
    if len(np.unique(markers)) != len(places) + 1:
        raise EditError("two seeds are in the same pixel; click once in each part of the cell")
    if foreground_probability is None:
        depth = _depth(single.own, sampling)
    else:
        depth = _crop(foreground_probability, annotation, single) - DISTANCE_WEIGHT * _seed_distance(markers, sampling)
    return split_edit(annotation, [(single, grow_by_depth(depth, markers, single.own))])


def split_at_waist(annotation: Annotation, id_: int, *, plane: int | None = None, sampling: Sampling = None) -> Edit:
    """Return the edit that splits an object at its waists, whole or in one plane.

    Raises
    ------
    EditError
        If it has no clear waist.
    """
    single = extract_object(annotation, id_, plane=plane)
    parts = waist_parts(single.own, sampling)
    if parts.max() < 2:
        raise EditError(f"#{id_} has no clear waist; split it by a line, or by a click in each part")
    return split_edit(annotation, [(single, parts)])


def waist_parts(mask: Mask, sampling: Sampling = None) -> Parts:
    """Return the parts 1…K of a mask divided at clear waists; all 1 where there is none."""
    depth = _depth(mask, sampling)
    tops = _depth_markers(depth)
    return grow_by_depth(depth, tops, mask) if tops.max() > 1 else mask.astype(np.int32)


def _depth_markers(depth: NDArray[np.float32]) -> Parts:
    """Return the components above the level of depth with most of them; only components well above it count.

    Levels are tested one by one: morphological reconstruction finds the same maxima but takes many times as long, and
    this runs on all objects of an image.
    """
    best, most = (depth > 0).astype(np.int32), 1
    for level in LEVELS * depth.max():
        pieces, count = scipy.ndimage.label(depth > level)
        if count <= most:
            continue
        rises = np.append(False, scipy.ndimage.maximum(depth, pieces, np.arange(1, count + 1)) * CLEAR_WAIST >= level)
        if rises.sum() > most:
            most = int(rises.sum())
            best = np.where(rises, np.cumsum(rises), 0)[pieces].astype(np.int32)
    return best


def _depth(mask: Mask, sampling: Sampling) -> NDArray[np.float32]:
    """Return the smoothed distance of each pixel to the nearest pixel outside; 0 outside.

    Beyond the array counts as outside, except above and below a single plane of a stack.
    """
    frame = [(0, 0) if mask.ndim > 2 and size == 1 else (1, 1) for size in mask.shape]
    inner = tuple(slice(before, before + size) for (before, _), size in zip(frame, mask.shape, strict=True))
    distance = scipy.ndimage.distance_transform_edt(np.pad(mask, frame), sampling=sampling)[inner]
    return np.where(mask, scipy.ndimage.gaussian_filter(distance.astype(np.float32), SMOOTHING), np.float32(0))


def _seed_distance(markers: Parts, sampling: Sampling) -> NDArray[np.float32]:
    """Return the distance of each pixel to the nearest seed, relative to the maximum."""
    distance = scipy.ndimage.distance_transform_edt(markers == 0, sampling=sampling).astype(np.float32)
    return np.asarray(distance / max(1.0, float(distance.max())), np.float32)


def _crop(foreground_probability: Depth, annotation: Annotation, single: ObjectMask) -> NDArray[np.float32]:
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
