"""Box, area and sum of coordinates of every object, updated incrementally from pixel runs.

The cost of an edit is that of its own runs. Only where it removes pixels at a side of an object's box, the box is
scanned from this side inwards until a pixel of the object is found.
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
    """Area in px (voxels), sum of the pixel coordinates per axis, and bounding box of an object."""

    area: int
    sums: tuple[int, ...]
    region: Region

    @property
    def centroid(self) -> tuple[float, ...]:
        """Mean pixel position, pixel centres on integers."""
        return tuple(total / self.area for total in self.sums)


class ObjectIndex:
    """Geometry of every object of a label image, by id."""

    def __init__(self, labels: Labels) -> None:
        self._geometry: dict[int, Geometry] = {}
        for planes in _plane_runs(labels):
            for id_, part in _object_parts(planes, labels.shape):
                known = self._geometry.get(id_)
                self._geometry[id_] = part if known is None else _sum(known, part)

    def copy(self) -> ObjectIndex:
        """Return a copy."""
        result = ObjectIndex.__new__(ObjectIndex)
        result._geometry = dict(self._geometry)
        return result

    def __contains__(self, id_: int) -> bool:
        return id_ in self._geometry

    def __getitem__(self, id_: int) -> Geometry:
        return self._geometry[id_]

    def ids(self) -> list[int]:
        """Return all ids, ascending."""
        return sorted(self._geometry)

    def area(self, id_: int) -> int:
        """Return the number of pixels of an object, 0 if it does not exist."""
        return self._geometry[id_].area if id_ in self._geometry else 0

    def update(self, labels: Labels, runs: PixelRuns) -> None:
        """Update the index after runs were written into ``labels``."""
        lost = dict(_object_parts(runs.inverse(), labels.shape))
        for id_, part in _object_parts(runs, labels.shape):
            known = self._geometry.get(id_)
            self._geometry[id_] = part if known is None else _sum(known, part)
        for id_, part in lost.items():
            self._remove(id_, part, labels)

    def _remove(self, id_: int, part: Geometry, labels: Labels) -> None:
        known = self._geometry[id_]
        if known.area == part.area:
            del self._geometry[id_]
            return
        sums = tuple(a - b for a, b in zip(known.sums, part.sums, strict=True))
        self._geometry[id_] = Geometry(
            known.area - part.area, sums, _shrink_box(known.region, part.region, id_, labels)
        )


def areas_changed(runs: PixelRuns) -> dict[int, int]:
    """Return the change in pixels of each label, without the background."""
    ids, row = np.unique(np.concatenate([runs.before, runs.after]), return_inverse=True)
    signed = np.concatenate([-runs.length.astype(np.int64), runs.length.astype(np.int64)])
    change = np.zeros(len(ids), np.int64)
    np.add.at(change, row, signed)
    return {id_: grown for id_, grown in zip(ids.tolist(), change.tolist(), strict=True) if id_}


def _plane_runs(labels: Labels) -> Iterator[PixelRuns]:
    """Yield the runs of each plane, plane by plane to limit memory."""
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


def _object_parts(runs: PixelRuns, shape: tuple[int, ...]) -> Iterator[tuple[int, Geometry]]:
    """Yield id and geometry of the pixels that each object gains by runs."""
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
    """Return the minimum or maximum value of each object (count,)."""
    start = np.iinfo(np.int64).max if ufunc is np.minimum else -1
    found = np.full(count, start, np.int64)
    ufunc.at(found, row, values)
    return found


def _sum(a: Geometry, b: Geometry) -> Geometry:
    sums = tuple(x + y for x, y in zip(a.sums, b.sums, strict=True))
    return Geometry(a.area + b.area, sums, a.region.union(b.region))


def _shrink_box(region: Region, lost: Region, id_: int, labels: Labels) -> Region:
    """Return the bounding box of an object after it lost pixels in the box ``lost``."""
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
