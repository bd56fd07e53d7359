"""Links between the objects of neighbouring planes: an optimal assignment by overlap.

Each object has at most one link up and one down. Where a cell is missing in one plane, its parts on both sides are
linked across the gap if they overlap and the pixels between them are background.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.core.linked import linked_groups
from napari_cellvino.segmentation.stitch_z.slices import Slices

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pairs of rows (K,) of objects in two planes that share pixels, and the IoU of each pair (K,)."""

    low: Rows
    high: Rows
    iou: NDArray[np.float64]

    def select(self, keep: NDArray[np.bool_]) -> Overlaps:
        """Return the pairs where ``keep`` holds."""
        return Overlaps(self.low[keep], self.high[keep], self.iou[keep])


@dataclass(frozen=True, slots=True)
class GapFill:
    """A cell across a plane where it is missing: rows below and above, and flat indices (K,) of its pixels between."""

    low: int
    high: int
    plane: int
    pixels: Rows


def overlaps(slices: Slices, z: int, step: int = 1) -> Overlaps:
    """Return the overlaps of objects in plane ``z`` and in plane ``z + step``."""
    a, b = slices.labels[z].reshape(-1), slices.labels[z + step].reshape(-1)
    where = np.flatnonzero((a > 0) & (b > 0))
    width = int(slices.first[z + step + 1] - slices.first[z + step]) + 1
    key, both = np.unique(a[where].astype(np.int64) * width + b[where], return_counts=True)
    low, high = np.divmod(key, width)
    low, high = slices.first[z] + low - 1, slices.first[z + step] + high - 1
    return Overlaps(low, high, both / (slices.area_px[low] + slices.area_px[high] - both))


def assign(pairs: Overlaps) -> Overlaps:
    """Return the pairs of largest total IoU in which each object occurs at most once."""
    if len(pairs.iou) == 0:
        return pairs
    names, rows = np.unique(np.concatenate([pairs.low, pairs.high]), return_inverse=True)
    low, high = np.split(rows, 2)
    group = linked_groups(len(names), low, high)[low]
    order = np.argsort(group, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    kept = np.concatenate([_assign_group(pairs, rows) for rows in groups])
    return Overlaps(pairs.low[kept], pairs.high[kept], pairs.iou[kept])


def _assign_group(pairs: Overlaps, rows: Rows) -> Rows:
    if len(rows) == 1:
        return rows
    low, i = np.unique(pairs.low[rows], return_inverse=True)
    high, j = np.unique(pairs.high[rows], return_inverse=True)
    value = np.zeros((len(low), len(high)))
    value[i, j] = pairs.iou[rows]
    number = np.full(value.shape, -1, np.intp)
    number[i, j] = rows
    from scipy.optimize import linear_sum_assignment  # importing it takes as long as a field

    chosen: Rows = number[linear_sum_assignment(value, maximize=True)]
    return np.asarray(chosen[chosen >= 0])


def link(slices: Slices, min_iou: float) -> tuple[Rows, list[GapFill]]:
    """Return the successor row of each object (N,), -1 where it ends, and the bridges across gaps among the links."""
    successor = np.full(len(slices.area_px), -1, np.intp)
    for z in range(len(slices.labels) - 1):
        pairs = overlaps(slices, z)
        pairs = assign(pairs.select(pairs.iou >= min_iou))
        successor[pairs.low] = pairs.high
    begun = np.zeros(len(successor), bool)
    begun[successor[successor >= 0]] = True
    bridges = []
    for z in range(len(slices.labels) - 2):
        pairs = overlaps(slices, z, 2)
        pairs = assign(pairs.select((pairs.iou >= min_iou) & (successor[pairs.low] < 0) & ~begun[pairs.high]))
        found = [
            _bridge(slices, z, low, high) for low, high in zip(pairs.low.tolist(), pairs.high.tolist(), strict=True)
        ]
        for bridge in found:
            if len(bridge.pixels):
                successor[bridge.low], begun[bridge.high] = bridge.high, True
                bridges.append(bridge)
    return successor, bridges


def _bridge(slices: Slices, z: int, low: int, high: int) -> GapFill:
    """Return the shape halfway between two outlines (mean of their signed distances), on background pixels only."""
    boxes = slices.box[[low, high]]
    y, x = (slice(int(boxes[:, a].min()), int(boxes[:, a + 2].max())) for a in (0, 1))
    masks = (slices.labels[z, y, x] == low - slices.first[z] + 1,
             slices.labels[z + 2, y, x] == high - slices.first[z + 2] + 1)  # fmt: skip
    middle = sum(_depth(mask) for mask in masks) > 0
    rows, columns = np.nonzero(middle & (slices.labels[z + 1, y, x] == 0))
    return GapFill(low, high, z + 1, (rows + y.start) * slices.labels.shape[2] + columns + x.start)


def _depth(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the signed distance (px) of each pixel to the outline, negative outside."""
    framed = np.pad(mask, 1)
    depth: NDArray[np.float64] = scipy.ndimage.distance_transform_edt(framed) - scipy.ndimage.distance_transform_edt(
        ~framed
    )
    return depth[1:-1, 1:-1]
