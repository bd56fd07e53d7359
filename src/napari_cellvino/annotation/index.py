"""Where every object lies: box, area and sum of coordinates, kept up to date run by run.

No edit looks at more than its own runs; only where it takes pixels from a side of an object's box is that box looked
at, from this side inwards, until a pixel of the object is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.pixel_runs import Labels, PixelRuns
from napari_cellvino.annotation.region import Region

Bounds = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Area in px (voxels), sum of the pixel coordinates per axis, and box of an object."""

    area: int
    sums: tuple[int, ...]
    region: Region

    @property
    def centroid(self) -> tuple[float, ...]:
        """Mean pixel position, pixel centres on integers."""
        return tuple(total / self.area for total in self.sums)


class ObjectIndex:
    """Geometry by id, of every object of a label image."""

    def __init__(self, labels: Labels) -> None:
        self._of: dict[int, Geometry] = {}
        for planes in _planes(labels):
            for id_, part in _parts(planes, labels.shape):
                known = self._of.get(id_)
                self._of[id_] = part if known is None else _sum(known, part)

    def copy(self) -> ObjectIndex:
        """Return the same as it is now."""
        twin = ObjectIndex.__new__(ObjectIndex)
        twin._of = dict(self._of)
        return twin

    def __contains__(self, id_: int) -> bool:
        return id_ in self._of

    def __getitem__(self, id_: int) -> Geometry:
        return self._of[id_]

    def ids(self) -> list[int]:
        """Return all ids, ascending."""
        return sorted(self._of)

    def area(self, id_: int) -> int:
        """Return the number of pixels of an object, 0 if there is none."""
        return self._of[id_].area if id_ in self._of else 0

    def update(self, labels: Labels, runs: PixelRuns) -> None:
        """Take in runs that were just written into ``labels``."""
        lost = dict(_parts(runs.inverse(), labels.shape))
        for id_, part in _parts(runs, labels.shape):
            known = self._of.get(id_)
            self._of[id_] = part if known is None else _sum(known, part)
        for id_, part in lost.items():
            self._take(id_, part, labels)

    def _take(self, id_: int, part: Geometry, labels: Labels) -> None:
        known = self._of[id_]
        if known.area == part.area:
            del self._of[id_]
            return
        sums = tuple(a - b for a, b in zip(known.sums, part.sums, strict=True))
        self._of[id_] = Geometry(known.area - part.area, sums, _tightened(known.region, part.region, id_, labels))


def areas_changed(runs: PixelRuns) -> dict[int, int]:
    """Return by how many pixels each label grows; the background is left out."""
    ids, row = np.unique(np.concatenate([runs.before, runs.after]), return_inverse=True)
    signed = np.concatenate([-runs.length.astype(np.int64), runs.length.astype(np.int64)])
    change = np.zeros(len(ids), np.int64)
    np.add.at(change, row, signed)
    return {id_: grown for id_, grown in zip(ids.tolist(), change.tolist(), strict=True) if id_}


def _planes(labels: Labels) -> Iterator[PixelRuns]:
    """Yield the runs that would draw each plane on nothing: a large stack is never looked at as a whole."""
    flat, size = labels.reshape(-1), labels.shape[-2] * labels.shape[-1]
    for begin in range(0, labels.size, size):
        plane = flat[begin : begin + size]
        edge = np.empty(size, bool)
        np.not_equal(plane[1:], plane[:-1], out=edge[1:])
        edge[:: labels.shape[-1]] = True
        first = np.flatnonzero(edge)
        length = np.diff(first, append=size).astype(np.int32)
        kept = plane[first] != 0
        ids = plane[first][kept]
        yield PixelRuns(first[kept] + begin, length[kept], np.zeros_like(ids), ids)


def _parts(runs: PixelRuns, shape: tuple[int, ...]) -> Iterator[tuple[int, Geometry]]:
    """Yield what each object gains by runs."""
    real = runs.after != 0
    ids, row = np.unique(runs.after[real], return_inverse=True)
    length = runs.length[real].astype(np.int64)
    area = np.bincount(row, length, minlength=len(ids)).astype(np.int64)
    *rows, x = np.unravel_index(runs.start[real], shape)
    weights = (*(axis * length for axis in rows), length * (2 * x + length - 1) // 2)
    sums = [np.bincount(row, weight, minlength=len(ids)) for weight in weights]
    low = np.stack([_extreme(np.minimum, row, axis, len(ids)) for axis in (*rows, x)], axis=1)
    ends = (*rows, x + length - 1)
    high = np.stack([_extreme(np.maximum, row, axis, len(ids)) for axis in ends], axis=1) + 1
    total = np.stack(sums, axis=1).astype(np.int64)
    for id_, size, s, a, b in zip(
        ids.tolist(), area.tolist(), total.tolist(), low.tolist(), high.tolist(), strict=True
    ):
        yield id_, Geometry(size, tuple(s), Region(tuple(a), tuple(b)))


def _extreme(ufunc: np.ufunc, row: NDArray[np.intp], values: NDArray[np.intp], count: int) -> Bounds:
    """Return the least or greatest of the values of each object (count,)."""
    start = np.iinfo(np.int64).max if ufunc is np.minimum else -1
    found = np.full(count, start, np.int64)
    ufunc.at(found, row, values)
    return found


def _sum(a: Geometry, b: Geometry) -> Geometry:
    sums = tuple(x + y for x, y in zip(a.sums, b.sums, strict=True))
    return Geometry(a.area + b.area, sums, a.region.joined(b.region))


def _tightened(region: Region, lost: Region, id_: int, labels: Labels) -> Region:
    """Return the box of an object that lost pixels in the box ``lost``."""
    low, high = list(region.low), list(region.high)
    for axis in range(len(low)):
        if lost.low[axis] == low[axis]:
            while not (labels[_face(low, high, axis, low[axis])] == id_).any():
                low[axis] += 1
        if lost.high[axis] == high[axis]:
            while not (labels[_face(low, high, axis, high[axis] - 1)] == id_).any():
                high[axis] -= 1
    return Region(tuple(low), tuple(high))


def _face(low: list[int], high: list[int], axis: int, at: int) -> tuple[slice, ...]:
    bounds = list(zip(low, high, strict=True))
    bounds[axis] = (at, at + 1)
    return tuple(slice(a, b) for a, b in bounds)
