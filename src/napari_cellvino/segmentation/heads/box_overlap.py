"""Overlaps of boxes, and non-maximum suppression."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Boxes = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]


def overlaps(boxes: Boxes) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the pairs of rows (K, 2), smaller row first, of boxes (N, 4) that overlap, and the IoU of each pair (K,).

    Boxes are (y0, x0, y1, x1). Only boxes near each other are compared, so that the cost grows with their number.
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    if len(corners) < 2:
        return np.zeros((0, 2), np.intp), np.zeros(0)
    low, high = corners[:, :2], corners[:, 2:]
    tree = scipy.spatial.cKDTree((low + high) / 2)
    pairs = tree.query_pairs((high - low).max(), p=np.inf, output_type="ndarray")
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    iou = _iou(corners[pairs[:, 0]], corners[pairs[:, 1]])
    return pairs[iou > 0], iou[iou > 0]


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union (K,) of boxes (K, 4) pair by pair."""
    sides = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None)
    both = sides.prod(1)
    area = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1)
    iou: NDArray[np.float64] = np.divide(both, area - both, out=np.zeros(len(both)), where=area > both)
    return iou


def keep_best(boxes: Boxes, limit: float) -> NDArray[np.bool_]:
    """Return which of boxes (N, 4), sorted by falling score, remain after non-maximum suppression at IoU ``limit``.

    It runs in rounds. In each round, a box is kept if no undecided box of a higher score overlaps it. The result is
    that of the usual loop over single boxes, but every round is one array operation.
    """
    pairs, iou = overlaps(boxes)
    surer, other = pairs[iou > limit].T
    kept, undecided = np.zeros(len(boxes), bool), np.ones(len(boxes), bool)
    while undecided.any():
        contested = np.zeros(len(boxes), bool)
        contested[other[undecided[surer]]] = True
        winners = undecided & ~contested
        kept |= winners
        undecided &= ~winners
        undecided[other[winners[surer]]] = False
    return kept
