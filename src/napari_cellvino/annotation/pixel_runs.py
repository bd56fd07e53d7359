"""Run-length encoding of changed pixels: runs along a row with one label before and one after.

A cell of 700 px has about 30 runs: 600 bytes. They are written, undone, stored and counted without reading other
pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.region import Region
from napari_cellvino.core.label_runs import labelled_runs
from napari_cellvino.core.threads import together

FEW = 100  # objects that are looked at one by one, 7 us each
SCANNED = 32  # px of an image that take as long as one in the box of an object
FARTHEST = np.iinfo(np.int64).max
MANY = 1 << 14  # runs that are worth a thread
LARGE_PX = 1 << 20  # of a region that is looked at in bands
BANDS = 4

Labels = NDArray[np.int32]
Index = NDArray[np.int64]
AnyLabels = NDArray[Any]  # of any integer type


@dataclass(frozen=True, slots=True, eq=False)
class PixelRuns:
    """R runs: ``length`` pixels from flat index ``start`` (C order) change from ``before`` to ``after``; all (R,)."""

    start: Index
    length: NDArray[np.int32]
    before: Labels
    after: Labels

    def __len__(self) -> int:
        return len(self.start)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.start.nbytes + self.length.nbytes + self.before.nbytes + self.after.nbytes

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> PixelRuns:
        """Return some of the runs."""
        return PixelRuns(self.start[rows], self.length[rows], self.before[rows], self.after[rows])

    def ordered(self) -> PixelRuns:
        """Return the same runs by ascending start."""
        return self.at(np.argsort(self.start))

    def inverse(self) -> PixelRuns:
        """Return the reverse change."""
        return PixelRuns(self.start, self.length, self.after, self.before)

    def holds(self, labels: Labels) -> bool:
        """Return whether an image has the labels ``before``."""
        flat = labels.reshape(-1)
        return all(together(lambda part: part._holds(flat, part._pixels()), self._parts()))

    def write(self, labels: Labels) -> None:
        """Write the labels ``after`` into a contiguous image, in place."""
        flat = labels.reshape(-1)
        together(lambda part: part._put(flat, part._pixels()), self._parts())

    def write_over(self, labels: Labels) -> bool:
        """Write the labels ``after`` where all labels are ``before``; return whether they are, else nothing changes."""
        flat = labels.reshape(-1)

        def look(part: PixelRuns) -> tuple[PixelRuns, Index, bool]:
            pixels = part._pixels()
            return part, pixels, part._holds(flat, pixels)

        found = together(look, self._parts())
        if not all(holds for _, _, holds in found):
            return False
        together(lambda one: one[0]._put(flat, one[1]), found)
        return True

    def region(self, shape: tuple[int, ...]) -> Region | None:
        """Return the bounding box of the changed pixels in an image of ``shape``, or None without changes."""
        if len(self) == 0:
            return None
        *rows, x = np.unravel_index(self.start, shape)
        low = [int(axis.min()) for axis in (*rows, x)]
        high = [*(int(axis.max()) + 1 for axis in rows), int((x + self.length).max())]
        return Region(tuple(low), tuple(high))

    def _parts(self) -> list[PixelRuns]:
        """Return the runs in a few parts, each worth a thread."""
        ends = range(0, max(len(self), 1), max(MANY, -(-len(self) // BANDS)))
        return [self._between(first, first + ends.step) for first in ends]

    def _between(self, first: int, end: int) -> PixelRuns:
        part = slice(first, end)
        return PixelRuns(self.start[part], self.length[part], self.before[part], self.after[part])

    def _holds(self, flat: Labels, pixels: Index) -> bool:
        return bool((flat[pixels] == np.repeat(self.before, self.length)).all())

    def _put(self, flat: Labels, pixels: Index) -> None:
        flat[pixels] = np.repeat(self.after, self.length)

    def _pixels(self) -> Index:
        """Return the flat index of every changed pixel."""
        ends = np.cumsum(self.length, dtype=np.int64)
        first = np.repeat(self.start - (ends - self.length), self.length)
        return first + np.arange(len(first))


def empty_runs() -> PixelRuns:
    """Return runs without pixels."""
    empty = np.zeros(0, np.int32)
    return PixelRuns(np.zeros(0, np.int64), empty, empty, empty)


def runs_between(shape: tuple[int, ...], region: Region, before: Labels, after: Labels) -> PixelRuns:
    """Return the runs that change a region of an image of ``shape``; both arrays have the region's shape."""
    changed = np.nonzero(before != after)
    flat = np.ravel_multi_index([axis + low for axis, low in zip(changed, region.low, strict=True)], shape)
    return _runs(flat.astype(np.int64), before[changed], after[changed], shape[-1])


def runs_of_pixels(shape: tuple[int, ...], pixels: Index, before: AnyLabels, after: AnyLabels) -> PixelRuns:
    """Return the runs of single pixels, unique flat indices in any order; unchanged pixels are left out."""
    changed = np.flatnonzero(before != after)
    order = changed[np.argsort(pixels[changed], kind="stable")]
    return _runs(pixels[order].astype(np.int64), before[order], after[order], shape[-1])


def runs_of_objects(labels: Labels, low: Index, high: Index, ids: Sequence[int], after: int) -> PixelRuns:
    """Return the runs that change the pixels of different objects to ``after``, in any order.

    The pixels of each lie from its ``low`` to its ``high`` (N, axes), or outside the box around all.
    """
    if len(ids) > FEW:
        box_px = (high - low).prod(axis=1)
        around = low[box_px > 0].min(axis=0, initial=FARTHEST), high[box_px > 0].max(axis=0, initial=0)
        whole = Region(*(tuple(corner.tolist()) for corner in around))
        if not whole.empty and math.prod(whole.shape) < SCANNED * box_px.sum():
            return _runs_inside(labels, whole, ids, after)
    places = zip(low.tolist(), high.tolist(), ids, strict=True)
    bounds = [_bounds(labels[tuple(map(slice, first, end))] == id_) for first, end, id_ in places]
    number = np.array([len(bound) // 2 for bound in bounds], np.int64)
    edges = np.concatenate([np.zeros(0, np.int64), *bounds])
    rest, start, step = edges[::2], np.zeros(len(edges) // 2, np.int64), 1
    for axis in reversed(range(labels.ndim)):
        size = np.repeat(high[:, axis] - low[:, axis], number)
        rest, place = np.divmod(rest, size + (axis == labels.ndim - 1))
        start += step * (np.repeat(low[:, axis], number) + place)
        step *= labels.shape[axis]
    length = (edges[1::2] - edges[::2]).astype(np.int32)
    return PixelRuns(start, length, np.repeat(np.array(ids, np.int32), number), np.full(len(length), after, np.int32))


def _runs_inside(labels: Labels, region: Region, ids: Sequence[int], after: int) -> PixelRuns:
    """Return the runs that change the pixels of objects inside a region to ``after``, in raster order."""
    wanted = np.zeros(max(ids) + 1, bool)
    wanted[list(ids)] = True
    (top, *_), (bottom, *_) = region.low, region.high
    tall = bottom - top if math.prod(region.shape) < LARGE_PX else -(-(bottom - top) // BANDS)

    def look(first: int) -> PixelRuns:
        band = Region((first, *region.low[1:]), (min(first + tall, bottom), *region.high[1:]))
        return _runs_in_band(labels, band, wanted, after)

    return join_runs(together(look, range(top, bottom, tall)))


def _runs_in_band(labels: Labels, region: Region, wanted: NDArray[np.bool_], after: int) -> PixelRuns:
    part = labels[region.slices]
    first, length, values = labelled_runs(part.reshape(-1, part.shape[-1]))
    mine = (values < len(wanted)) & wanted[np.minimum(values, len(wanted) - 1)]
    at = np.unravel_index(first[mine], part.shape)
    start = np.ravel_multi_index([axis + low for axis, low in zip(at, region.low, strict=True)], labels.shape)
    number = int(mine.sum())
    return PixelRuns(
        start.astype(np.int64),
        length[mine].astype(np.int32),
        values[mine].astype(np.int32),
        np.full(number, after, np.int32),
    )


def _bounds(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return where runs begin and end, in turn, in rows that are each a pixel of background longer than a mask."""
    *rows, width = mask.shape
    wider = (*rows, width + 1)
    row = np.zeros(math.prod(wider) + 1, bool)
    row[1:].reshape(wider)[..., :-1] = mask
    return np.flatnonzero(row[1:] != row[:-1])


def join_runs(parts: Sequence[PixelRuns]) -> PixelRuns:
    """Return the runs of disjoint parts together."""
    if not parts:
        return empty_runs()
    columns = zip(*((p.start, p.length, p.before, p.after) for p in parts), strict=True)
    start, length, before, after = (np.concatenate(column) for column in columns)
    return PixelRuns(start, length, before, after)


def _runs(flat: Index, before: AnyLabels, after: AnyLabels, width: int) -> PixelRuns:
    """Return the runs of ascending flat indices; a run ends at the end of its row."""
    new = np.ones(len(flat), bool)
    new[1:] = (flat[1:] != flat[:-1] + 1) | (before[1:] != before[:-1]) | (after[1:] != after[:-1])
    new |= flat % width == 0
    first = np.flatnonzero(new)
    length = np.diff(first, append=len(flat)).astype(np.int32)
    return PixelRuns(flat[first], length, before[first].astype(np.int32), after[first].astype(np.int32))
