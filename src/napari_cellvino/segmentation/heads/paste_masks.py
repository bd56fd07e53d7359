"""Masks of single cells, each from its own crop, closed, filled and pasted into one label image.

Morphology runs on batches of masks: for single masks, the overhead of the calls exceeds the computing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.segmentation.heads.connected_components import collect_objects, keep_largest_pieces

BATCH_PX = 4_000_000  # pixels processed at once
MARGIN = 2  # px of background around each mask of a batch: more than closing reaches
WITHIN_MASK = np.zeros((3, 3, 3), bool)  # 4-neighbours within one mask, none between masks
WITHIN_MASK[1, 1, :] = WITHIN_MASK[1, :, 1] = True
CLOSING = np.ones((1, 3, 3), bool)

MaskBatch = NDArray[np.bool_]  # (N, y, x)


@dataclass(frozen=True, slots=True, eq=False)
class CellMask:
    """Probability (y, x) float16 that a pixel belongs to a cell; its first pixel is (``top``, ``left``) of the plane.

    ``middle`` (y, x) is the expected centre of the cell, in pixels of the array; by default the array's centre.
    """

    top: int
    left: int
    probability: NDArray[np.float16]
    middle: tuple[float, float] | None = None

    def expected(self) -> tuple[float, float]:
        """Return the expected centre (y, x) of the cell, in pixels of the array."""
        height, width = self.probability.shape
        return self.middle or ((height - 1) / 2, (width - 1) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class PastedMasks:
    """Label image (Y, X) with ids 1…N, one row per id (score: mean probability), and the index of its mask (N,)."""

    labels: NDArray[np.int32]
    objects: Objects
    source: NDArray[np.intp]


def paste_masks(masks: Sequence[CellMask], shape: tuple[int, int], level: float) -> PastedMasks:
    """Return the cells of all masks, in order; a mask without a pixel at ``level`` or above gives no cell.

    Where cells overlap, a pixel goes to the cell of the higher probability, and to the first among equals. A cell cut
    in pieces by others keeps the largest piece.
    """
    labels = np.zeros(shape, np.int32)
    surest = np.zeros(shape, np.float16)
    for number, (mask, whole) in enumerate(zip(masks, _shape_masks(masks, level), strict=True), 1):
        here = np.s_[mask.top : mask.top + whole.shape[0], mask.left : mask.left + whole.shape[1]]
        claimed = np.maximum(mask.probability, np.float16(level), where=whole, out=np.zeros(whole.shape, np.float16))
        wins = claimed > surest[here]
        labels[here][wins] = number
        surest[here][wins] = claimed[wins]
    keep_largest_pieces(labels)
    present = np.unique(labels[labels > 0]) - 1
    lookup = np.zeros(len(masks) + 1, np.int32)
    lookup[present + 1] = np.arange(1, len(present) + 1)
    labels = lookup[labels]
    return PastedMasks(labels, collect_objects(labels, len(present), surest), present.astype(np.intp))


def _shape_masks(masks: Sequence[CellMask], level: float) -> Iterator[NDArray[np.bool_]]:
    """Yield the closed and filled mask (y, x) of each cell."""
    for part in _batches(masks):
        sides = np.array([mask.probability.shape for mask in part])
        batch = np.zeros((len(part), *(sides.max(0) + 2 * MARGIN)), bool)
        for row, mask in zip(batch, part, strict=True):
            _without_margin(row, mask)[...] = mask.probability >= np.float16(level)
        expected = np.array([mask.expected() for mask in part]) + MARGIN
        batch = fill_holes(keep_largest(scipy.ndimage.binary_closing(batch, CLOSING), expected))
        yield from (_without_margin(row, mask) for row, mask in zip(batch, part, strict=True))


def _without_margin(row: NDArray[np.bool_], mask: CellMask) -> NDArray[np.bool_]:
    height, width = mask.probability.shape
    return row[MARGIN : MARGIN + height, MARGIN : MARGIN + width]


def _batches(masks: Sequence[CellMask]) -> Iterator[Sequence[CellMask]]:
    """Yield batches of masks that, padded to the largest mask, have at most `BATCH_PX` pixels."""
    start, side = 0, 0
    for end, mask in enumerate(masks):
        larger = max(side, *mask.probability.shape)
        if end > start and (end - start + 1) * larger**2 > BATCH_PX:
            yield masks[start:end]
            start, larger = end, max(mask.probability.shape)
        side = larger
    if start < len(masks):
        yield masks[start:]


def keep_largest(batch: MaskBatch, expected: NDArray[np.floating]) -> MaskBatch:
    """Return the largest component of each mask; among equals the one nearest to the expected centre (N, 2)."""
    pieces, count = scipy.ndimage.label(batch, WITHIN_MASK)
    if count == 0:
        return batch
    n, y, x = np.nonzero(pieces)
    piece = pieces[n, y, x]
    size = np.bincount(piece, minlength=count + 1)
    owner = np.zeros(count + 1, np.intp)
    owner[piece] = n
    middle = np.stack([np.bincount(piece, axis, count + 1) for axis in (y, x)], 1) / np.maximum(size, 1)[:, None]
    away = np.hypot(*(middle - expected[owner]).T)
    order = np.lexsort((-away[1:], size[1:], owner[1:])) + 1
    last = np.append(owner[order][1:] != owner[order][:-1], True)
    keep = np.zeros(count + 1, bool)
    keep[order[last]] = True
    return np.asarray(keep[pieces])


def fill_holes(batch: MaskBatch) -> MaskBatch:
    """Return masks with holes filled: background not connected to the corner, which must be background."""
    outside, _ = scipy.ndimage.label(~batch, WITHIN_MASK)
    return np.asarray(outside != outside[:, :1, :1])
