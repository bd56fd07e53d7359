"""Box, area and sum of coordinates of every object, updated incrementally from pixel runs.

The cost of an edit is that of its own runs. Only where it removes pixels at a side of an object's box, the box is
scanned from this side inwards until a pixel of the object is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.pixel_runs import FARTHEST, Labels, PixelRuns
from napari_cellvino.annotation.region import Region
from napari_cellvino.core.label_runs import labelled_runs, numbered
from napari_cellvino.storage.large_arrays import give_back_pages

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


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The geometry of N objects as columns: ``area`` (N,), and ``sums``, ``low`` and ``high`` (N, axes), all int64."""

    area: Bounds
    sums: Bounds
    low: Bounds
    high: Bounds

    @classmethod
    def empty(cls, count: int, axes: int) -> Places:
        """Return the places of ``count`` objects without pixels."""
        return cls(
            np.zeros(count, np.int64),
            np.zeros((count, axes), np.int64),
            np.full((count, axes), FARTHEST),
            np.full((count, axes), -1, np.int64),
        )

    def __len__(self) -> int:
        return len(self.area)

    def at(self, rows: Sequence[int] | NDArray[np.intp]) -> Places:
        """Return a copy of some rows."""
        return Places(self.area[rows], self.sums[rows], self.low[rows], self.high[rows])

    def geometry(self, row: int) -> Geometry:
        """Return the geometry of one object."""
        low, high = tuple(self.low[row].tolist()), tuple(self.high[row].tolist())
        return Geometry(int(self.area[row]), tuple(self.sums[row].tolist()), Region(low, high))

    def regions(self) -> list[Region]:
        """Return the bounding box of every object."""
        bounds = zip(self.low.tolist(), self.high.tolist(), strict=True)
        return [Region(tuple(low), tuple(high)) for low, high in bounds]

    def put(self, row: int, place: Geometry) -> None:
        """Write the geometry of one object."""
        self.area[row], self.sums[row] = place.area, place.sums
        self.low[row], self.high[row] = place.region.low, place.region.high

    def join(self, rows: Sequence[int], parts: Places) -> None:
        """Add parts to different objects."""
        self.area[rows] += parts.area
        self.sums[rows] += parts.sums
        self.low[rows] = np.minimum(self.low[rows], parts.low)
        self.high[rows] = np.maximum(self.high[rows], parts.high)

    def longer(self, more: int) -> Places:
        """Return the places with room for ``more`` objects without pixels."""
        room = Places.empty(more, self.low.shape[1])
        return Places(
            np.concatenate([self.area, room.area]),
            np.concatenate([self.sums, room.sums]),
            np.concatenate([self.low, room.low]),
            np.concatenate([self.high, room.high]),
        )


class ObjectIndex:
    """Geometry of every object of a label image, by id: columns, since one object each would burden every program."""

    def __init__(self, labels: Labels) -> None:
        self._rows: dict[int, int] = {}  # by id; those of objects that are gone stay empty
        self._used = 0
        self._places = Places.empty(0, labels.ndim)
        for runs in _plane_runs(labels):
            self._add(*_object_parts(runs, labels.shape))

    @classmethod
    def known(cls, ids: Sequence[int], places: Places) -> ObjectIndex:
        """Return the index of objects whose geometry (N,) is known already, and theirs alone from now on."""
        result = cls.__new__(cls)
        result._rows, result._used, result._places = dict(zip(ids, range(len(ids)), strict=True)), len(ids), places
        return result

    def copy(self) -> ObjectIndex:
        """Return a copy."""
        result = ObjectIndex.__new__(ObjectIndex)
        result._rows, result._used = dict(self._rows), self._used
        result._places = self._places.longer(0)
        return result

    def __contains__(self, id_: int) -> bool:
        return id_ in self._rows

    def __getitem__(self, id_: int) -> Geometry:
        return self._places.geometry(self._rows[id_])

    def places(self, ids: Sequence[int]) -> Places:
        """Return the geometry of objects (N,)."""
        return self._places.at([self._rows[id_] for id_ in ids])

    def ids(self) -> list[int]:
        """Return all ids, ascending."""
        return sorted(self._rows)

    def area(self, id_: int) -> int:
        """Return the number of pixels of an object, 0 if it does not exist."""
        return int(self._places.area[self._rows[id_]]) if id_ in self._rows else 0

    def update(self, labels: Labels, runs: PixelRuns) -> None:
        """Update the index after runs were written into ``labels``."""
        if runs.after.any():
            self._add(*_object_parts(runs, labels.shape))
        if runs.before.any():
            self._remove(*_object_parts(runs.inverse(), labels.shape), labels)

    def _add(self, ids: Sequence[int], parts: Places) -> None:
        new = [id_ for id_ in ids if id_ not in self._rows]
        if self._used + len(new) > len(self._places):
            self._places = self._places.longer(self._used + len(new) - len(self._places) + self._used // 8)
        self._rows.update(zip(new, range(self._used, self._used + len(new)), strict=True))
        self._used += len(new)
        self._places.join([self._rows[id_] for id_ in ids], parts)

    def _remove(self, ids: Sequence[int], parts: Places, labels: Labels) -> None:
        whole = self._places.area[[self._rows[id_] for id_ in ids]] == parts.area
        for row, id_ in enumerate(ids):
            if whole[row]:
                del self._rows[id_]
            else:
                self._take(id_, parts.geometry(row), labels)

    def _take(self, id_: int, part: Geometry, labels: Labels) -> None:
        known = self[id_]
        sums = tuple(a - b for a, b in zip(known.sums, part.sums, strict=True))
        region = _shrink_box(known.region, part.region, id_, labels)
        self._places.put(self._rows[id_], Geometry(known.area - part.area, sums, region))


def areas_changed(runs: PixelRuns) -> dict[int, int]:
    """Return the change in pixels of each label, without the background."""
    ids, row = numbered(np.concatenate([runs.before, runs.after]))
    signed = np.concatenate([-runs.length.astype(np.int64), runs.length.astype(np.int64)])
    change = np.zeros(len(ids), np.int64)
    np.add.at(change, row, signed)
    return {id_: grown for id_, grown in zip(ids.tolist(), change.tolist(), strict=True) if id_}


def _plane_runs(labels: Labels) -> Iterator[PixelRuns]:
    """Yield the runs of each plane, plane by plane to limit memory."""
    size = labels.shape[-2] * labels.shape[-1]
    for number, plane in enumerate(labels.reshape(-1, *labels.shape[-2:])):
        first, length, values = labelled_runs(plane, give_back_pages)
        ids = values.astype(np.int32, copy=False)
        yield PixelRuns(first + number * size, length.astype(np.int32), np.zeros_like(ids), ids)


def _object_parts(runs: PixelRuns, shape: tuple[int, ...]) -> tuple[list[int], Places]:
    """Return ids and geometry of the pixels that each object gains by runs."""
    real = runs.after != 0
    ids, row = numbered(runs.after[real])
    length = runs.length[real].astype(np.int64)
    *rows, x = np.unravel_index(runs.start[real], shape)
    weights = (*(axis * length for axis in rows), length * (2 * x + length - 1) // 2)
    parts = Places.empty(len(ids), len(shape))
    parts.area[:] = np.bincount(row, length, minlength=len(ids))
    for axis, (weight, first, last) in enumerate(zip(weights, (*rows, x), (*rows, x + length - 1), strict=True)):
        parts.sums[:, axis] = np.bincount(row, weight, minlength=len(ids))
        np.minimum.at(parts.low[:, axis], row, first)
        np.maximum.at(parts.high[:, axis], row, last + 1)
    return ids.tolist(), parts


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
