"""Masks of single cells, each from a crop of its own, made whole and pasted into one label image.

Masks are shaped many at once, as a pile of images: one by one, the calls would cost more than the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.core.objects import Objects
from napari_cellvino.segmentation.heads.connected_components import collect_objects, keep_largest_pieces

PILE_PX = 4_000_000  # pixels shaped at once
RIM = 2  # px of background round each mask of a pile: more than closing reaches
IN_PLANE = np.zeros((3, 3, 3), bool)  # 4-neighbours within one mask, none between masks
IN_PLANE[1] = ndi.generate_binary_structure(2, 1)
CLOSING = np.ones((1, 3, 3), bool)

Pile = NDArray[np.bool_]  # (N, y, x)


@dataclass(frozen=True, slots=True, eq=False)
class CellMask:
    """Probability (y, x) that a pixel belongs to a cell, the first pixel at row ``top`` and column ``left``.

    The cell is expected at ``middle`` (y, x), in pixels of the array; by default in its middle.
    """

    top: int
    left: int
    probability: NDArray[np.float16]
    middle: tuple[float, float] | None = None

    def expected(self) -> tuple[float, float]:
        """Return where in the array the cell is expected."""
        height, width = self.probability.shape
        return self.middle or ((height - 1) / 2, (width - 1) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Pasted:
    """Label image (Y, X) with ids 1…N, one row per id (score: its mean probability), and the mask of each id (N,)."""

    labels: NDArray[np.int32]
    objects: Objects
    source: NDArray[np.intp]


def paste_masks(masks: Sequence[CellMask], shape: tuple[int, int], level: float) -> Pasted:
    """Return the cells of all masks, in their order; a mask without a pixel above ``level`` is no cell.

    Where cells overlap, a pixel goes to the one it belongs to with the higher probability, and to the first of equals.
    A cell that others cut in pieces keeps the largest.
    """
    labels = np.zeros(shape, np.int32)
    surest = np.zeros(shape, np.float16)
    for number, (mask, whole) in enumerate(zip(masks, _shaped(masks, level), strict=True), 1):
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
    return Pasted(labels, collect_objects(labels, len(present), surest), present.astype(np.intp))


def _shaped(masks: Sequence[CellMask], level: float) -> Iterator[NDArray[np.bool_]]:
    """Yield the pixels (y, x) of each mask that are its cell."""
    for part in _piles(masks):
        sides = np.array([mask.probability.shape for mask in part])
        pile = np.zeros((len(part), *(sides.max(0) + 2 * RIM)), bool)
        for row, mask in zip(pile, part, strict=True):
            _inside(row, mask)[...] = mask.probability >= np.float16(level)
        expected = np.array([mask.expected() for mask in part]) + RIM
        pile = fill_holes(keep_largest(ndi.binary_closing(pile, CLOSING), expected))
        yield from (_inside(row, mask) for row, mask in zip(pile, part, strict=True))


def _inside(row: NDArray[np.bool_], mask: CellMask) -> NDArray[np.bool_]:
    height, width = mask.probability.shape
    return row[RIM : RIM + height, RIM : RIM + width]


def _piles(masks: Sequence[CellMask]) -> Iterator[Sequence[CellMask]]:
    """Yield runs of masks that together, each as large as the largest, have at most `PILE_PX` pixels."""
    start, side = 0, 0
    for end, mask in enumerate(masks):
        larger = max(side, *mask.probability.shape)
        if end > start and (end - start + 1) * larger**2 > PILE_PX:
            yield masks[start:end]
            start, larger = end, max(mask.probability.shape)
        side = larger
    if start < len(masks):
        yield masks[start:]


def keep_largest(pile: Pile, expected: NDArray[np.floating]) -> Pile:
    """Return the largest piece of each mask; of equals, the one nearest to where the cell is expected (N, 2)."""
    pieces, count = ndi.label(pile, IN_PLANE)
    if count == 0:
        return pile
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


def fill_holes(pile: Pile) -> Pile:
    """Return masks without holes: background that does not reach a mask's corner, which must be background."""
    outside, _ = ndi.label(~pile, IN_PLANE)
    return np.asarray(outside != outside[:, :1, :1])
