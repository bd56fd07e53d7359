"""Hills of depth are cells: two are one where the saddle between them is nearly as deep as the lower top.

That is the regional maxima of the morphological reconstruction of ``share * depth`` under ``depth``. They are found
here from the basins of all tops and the saddles between them, which gives the same pixels: a reconstruction sorts the
whole image, background too, and took half of the time of a head.

References
----------
Vincent 1993, "Morphological grayscale reconstruction in image analysis" (maxima not separated by a saddle).
Meyer 1996, "The dynamics of minima and contours" (basins that merge at their saddles).
"""

from __future__ import annotations

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

SMOOTHING = 1.0  # px: pixel steps of an outline are no waists
NO_CELL = np.float32(np.inf)  # level of a hill that is part of a higher one

Depth = NDArray[np.float32]


def depth_inside(inside: NDArray[np.bool_]) -> Depth:
    """Return the smoothed distance (px) of each pixel to the nearest pixel outside; 0 outside."""
    framed = np.pad(inside, 1)  # beyond the image counts as outside: else an image of foreground only has no depth
    depth = scipy.ndimage.gaussian_filter(
        scipy.ndimage.distance_transform_edt(framed)[1:-1, 1:-1].astype(np.float32), SMOOTHING
    )
    return np.where(inside, depth, np.float32(0))


def hills(depth: Depth, share: float, lowest: float = 0.0) -> NDArray[np.int32]:
    """Return one label per hill whose saddles to higher ones lie under a share (to 1) of its top.

    ``depth`` (Y, X) is not negative. Tops that lie ``lowest`` or lower are no cells.
    """
    from skimage.morphology import local_maxima

    tops = local_maxima(depth, connectivity=2) & (depth > 0)
    if share < 1 and tops.any():
        own = np.asarray(skimage.measure.label(tops, connectivity=2), np.int32)
        basins = flooded(depth, own, depth > 0, connectivity=2)
        top = np.zeros(int(own.max()) + 1, np.float32)
        top[own[tops]] = depth[tops]
        tops = depth >= _levels(top, *_saddles(depth, basins), np.float32(share))[basins]
    return np.asarray(skimage.measure.label(tops & (depth > lowest), connectivity=2), np.int32)


def flooded(
    depth: Depth, tops: NDArray[np.int32], inside: NDArray[np.bool_], connectivity: int = 1
) -> NDArray[np.int32]:
    """Return the label of the one of ``tops`` (0 elsewhere) whose water comes first to each pixel ``inside``.

    Water comes from equally deep tops in raster order; a watershed takes them in an order of its own, which depends on
    what lies far away.
    """
    level, at = -depth.astype(np.float64), np.flatnonzero(tops)
    deepest = depth.reshape(-1)[at]
    rank = 1 - np.arange(len(at)) / max(len(at), 1)
    level.reshape(-1)[at] -= rank * np.spacing(deepest) / 2  # less than to the next deeper pixel
    return np.asarray(skimage.segmentation.watershed(level, tops, mask=inside, connectivity=connectivity), np.int32)


def _saddles(depth: Depth, basins: NDArray[np.int32]) -> tuple[NDArray[np.intp], Depth]:
    """Return pairs (N, 2) of basins that touch and the depth (N,) of the saddle between them, the deepest first."""
    framed, depths = np.pad(basins, 1).reshape(-1), np.pad(depth, 1).reshape(-1)
    width, at, pairs, saddles = basins.shape[1] + 2, np.flatnonzero(framed), [], []
    for step in (1, width - 1, width, width + 1):  # the neighbours to come
        own, other = framed[at], framed[at + step]
        touch = (own != other) & (other > 0)
        pairs.append(np.sort(np.stack([own[touch], other[touch]], 1), 1))
        saddles.append(np.minimum(depths[at[touch]], depths[at[touch] + step]))
    found, height = np.concatenate(pairs).astype(np.intp), np.concatenate(saddles)
    order = np.argsort(-height, kind="stable")
    names = found[order, 0] * framed.size + found[order, 1]
    first = np.sort(np.unique(names, return_index=True)[1])  # the deepest of each pair
    return found[order[first]], height[order[first]]


def _levels(top: Depth, pairs: NDArray[np.intp], saddles: Depth, share: np.float32) -> Depth:
    """Return for each basin the depth from which it belongs to the hill of a cell; `NO_CELL` where it does not.

    Basins merge from the deepest saddle down. The hill of ``top`` t reaches down to ``share * t``: what merges with it
    above is part of it, and it is a cell if it has not merged with a higher one by then.
    """
    level = share * top
    merged, hill = list(range(len(top))), list(range(len(top)))
    for (a, b), saddle in zip(pairs.tolist(), saddles, strict=True):
        low, high = sorted((_root(merged, a), _root(merged, b)), key=top.__getitem__)
        if low == high:
            continue
        merged[low] = high
        if saddle >= share * top[high]:
            hill[low] = high
        elif saddle >= share * top[low]:
            level[low] = NO_CELL
    found = level[[_root(hill, basin) for basin in range(len(top))]]
    found[0] = NO_CELL
    return found


def _root(parents: list[int], own: int) -> int:
    while parents[own] != own:
        parents[own] = parents[parents[own]]
        own = parents[own]
    return own
