"""What linking needs of the cells of a frame: pixels, centroids, sizes, where they touch the edge; in 2D and 3D.

Of large cells every second (third, …) pixel along each axis is enough to tell how far they cover each other: a frame is
thinned so that its small cells keep about `ENOUGH` of them, and a film of large cells is linked as fast as one of small
ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.tracking.looks import Looks

ENOUGH = 80  # pixels of a cell of which the overlap is told to a few in a hundred
FEWEST_MARKS, ALIKE = 5, 0.05  # spots by which it is told that all are of one size, but for so much of it
MANY = 4_000_000  # pairs of cells from which on counting them by sorting is faster than in a table


@dataclass(frozen=True, slots=True)
class FrameCells:
    """The cells of one frame; N of them in D dimensions.

    Attributes
    ----------
    shape
        Size of the frame in px, (Y, X) or (Z, Y, X).
    labels
        Labels (N,) that occur, in ascending order.
    centroids
        Their centroids in px, (N, D).
    sizes
        Their sizes in px, (N,).
    at_edge
        Which touch the edge of the frame in y or x, (N,).
    thinned
        The labels of every ``step``-th pixel along each axis, as indices into ``labels``; -1 is background.
    places
        Where those pixels lie in ``thinned``, one array per axis.
    owners
        The cell of each of those pixels.
    step
        See ``thinned``.
    looks
        What they look like, None where that does not count in linking.
    """

    shape: tuple[int, ...]
    labels: NDArray[np.int64]
    centroids: NDArray[np.float64]
    sizes: NDArray[np.int64]
    at_edge: NDArray[np.bool_]
    thinned: NDArray[np.int32] = field(repr=False)
    places: tuple[NDArray[np.intp], ...] = field(repr=False)
    owners: NDArray[np.intp] = field(repr=False)
    step: int = 1
    looks: Looks | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return len(self.shape)

    @property
    def diameters(self) -> NDArray[np.float64]:
        """Diameters of discs, or balls, of the size of each cell, in px (N,)."""
        return diameter_of(self.sizes, self.dimensions)

    @property
    def diameter(self) -> float:
        """Their median, 0 where there is no cell."""
        return float(np.median(self.diameters)) if len(self) else 0.0

    @property
    def are_marks(self) -> bool:
        """Whether cells are marked by spots of one size, which say where they are and not how large."""
        whole = self.sizes[~self.at_edge]
        if len(whole) < FEWEST_MARKS:
            return False
        low, high = np.percentile(whole, (10, 90))
        return bool(high - low <= ALIKE * low)

    def without_pixels(self) -> FrameCells:
        """Return the same cells without pixels and looks, which a film of thousands of frames could not keep."""
        none = np.zeros(0, np.intp)
        return replace(self, thinned=np.zeros((0,) * self.dimensions, np.int32), places=(), owners=none, looks=None)


def frame_cells(image: NDArray[np.integer]) -> FrameCells:
    """Return the cells of a label image (Y, X) or (Z, Y, X).

    They are counted by runs of equal labels along rows, of which there are far fewer than pixels.
    """
    flat = np.ascontiguousarray(image).reshape(-1)
    begins = np.ones(flat.size, bool)
    np.not_equal(flat[1:], flat[:-1], out=begins[1:])
    begins[:: image.shape[-1]] = True
    first = np.flatnonzero(begins)
    length = np.diff(first, append=flat.size)
    inside = flat[first] != 0
    first, length = first[inside], length[inside]
    labels, own = np.unique(flat[first], return_inverse=True)
    sizes = np.bincount(own, length, minlength=len(labels)).astype(np.int64)
    *rows, x = np.unravel_index(first, image.shape)
    sums = [*(row * length for row in rows), length * (2 * x + length - 1) / 2]
    means = [np.bincount(own, total, minlength=len(labels)) / sizes for total in sums]
    edge = np.zeros(len(labels), bool)  # a stack is cut in y and x only
    edge[own[(rows[-1] == 0) | (rows[-1] == image.shape[-2] - 1) | (x == 0) | (x + length == image.shape[-1])]] = True
    small = float(np.quantile(sizes, 0.1)) if len(sizes) else 0.0
    step = max(1, int((small / ENOUGH) ** (1 / image.ndim)))
    return FrameCells(
        image.shape, labels.astype(np.int64), np.stack(means, 1), sizes, edge, *_thin(image, labels, step), step
    )


def _thin(
    image: NDArray[np.integer], labels: NDArray[np.integer], step: int
) -> tuple[NDArray[np.int32], tuple[NDArray[np.intp], ...], NDArray[np.intp]]:
    """Return the cells at every ``step``-th pixel, where they lie there, and which they are."""
    coarse = image[(slice(None, None, step),) * image.ndim]
    places = np.nonzero(coarse)
    thinned = np.full(coarse.shape, -1, np.int32)
    owners = np.searchsorted(labels, coarse[places])
    thinned[places] = owners
    return thinned, places, owners


def diameter_of(sizes: NDArray[np.number], dimensions: int) -> NDArray[np.float64]:
    """Return the diameters of discs, or balls, of these sizes in px."""
    return np.asarray(2 * np.sqrt(sizes / np.pi) if dimensions == 2 else (6 * sizes / np.pi) ** (1 / 3), np.float64)


def shared_pixels(
    before: FrameCells, after: FrameCells, moved: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return how many px cells share, where each of ``before`` is moved by its own step (N, D) in px.

    Returns
    -------
    tuple
        Indices into ``before``, indices into ``after``, and the shared px of these pairs.
    """
    step, own, columns = before.step, before.owners, len(after) + 1  # the first one stands for background
    steps = np.rint(moved).astype(np.intp)
    there, inside = np.zeros(len(own), np.intp), np.ones(len(own), bool)
    for axis, (place, size, coarse) in enumerate(zip(before.places, after.shape, after.thinned.shape, strict=True)):
        target = place * step + steps[:, axis].take(own)
        inside &= (target >= 0) & (target < size)
        there = there * coarse + target // after.step
    if not inside.all():
        there, own = there[inside], own[inside]
    keys = own * columns + after.thinned.reshape(-1).take(there) + 1
    if len(before) * columns > MANY:
        pairs, counts = np.unique(keys, return_counts=True)
    else:
        table = np.bincount(keys)
        pairs, counts = (found := np.flatnonzero(table)), table[found]
    rows, column = np.divmod(pairs.astype(np.int64), columns)
    cells = column > 0
    return rows[cells], column[cells] - 1, counts[cells] * float(step**before.dimensions)


def covered_pixels(before: FrameCells, after: FrameCells, moved: NDArray[np.float64]) -> float:
    """Return how many px all cells share, where the whole of ``before`` is moved by one step (D,) in px."""
    own, there = before.thinned, after.thinned
    for axis, (shift, size) in enumerate(zip(np.rint(moved).astype(int).tolist(), after.shape, strict=True)):
        step, to = before.step, after.step
        first, last = max(0, -(shift // step)), min(own.shape[axis], -((shift - size) // step))
        if last <= first:
            return 0.0
        own = own[(slice(None),) * axis + (slice(first, last),)]
        if step == to:
            there = there[(slice(None),) * axis + (slice(first + shift // step, last + shift // step),)]
        else:
            there = there.take((np.arange(first, last) * step + shift) // to, axis)
    return float(np.count_nonzero((own >= 0) & (there >= 0)) * before.step**before.dimensions)
