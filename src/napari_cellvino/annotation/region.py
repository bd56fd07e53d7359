"""Axis-aligned regions of an image, for edits and tools."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Region:
    """Half-open ranges ``low`` to ``high`` in px, one per axis of the label image: (Y, X) or (Z, Y, X)."""

    low: tuple[int, ...]
    high: tuple[int, ...]

    @classmethod
    def around(cls, points: NDArray[np.floating[Any]], margin: float, shape: tuple[int, ...]) -> Region:
        """Return the bounding box of points (P, D) with ``margin`` px, clipped to an image of ``shape``."""
        low = np.floor(points.min(axis=0) - margin).astype(int)
        high = np.ceil(points.max(axis=0) + margin).astype(int) + 1
        return cls(tuple(low.tolist()), tuple(high.tolist())).within(shape)

    @property
    def slices(self) -> tuple[slice, ...]:
        """Slices of the region, to index an image."""
        return tuple(slice(a, b) for a, b in zip(self.low, self.high, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes in px."""
        return tuple(b - a for a, b in zip(self.low, self.high, strict=True))

    @property
    def empty(self) -> bool:
        """Whether it contains no pixel."""
        return min(self.shape) <= 0

    @property
    def centre(self) -> tuple[float, ...]:
        """Centre in px, pixel centres on integers."""
        return tuple((a + b - 1) / 2 for a, b in zip(self.low, self.high, strict=True))

    def within(self, shape: tuple[int, ...]) -> Region:
        """Return the region clipped to an image of ``shape``."""
        low = tuple(min(max(a, 0), size) for a, size in zip(self.low, shape, strict=True))
        high = tuple(max(min(b, size), a) for a, b, size in zip(low, self.high, shape, strict=True))
        return Region(low, high)

    def expanded(self, margin: int, shape: tuple[int, ...]) -> Region:
        """Return the region with ``margin`` px more on each side, clipped to an image of ``shape``."""
        wider = Region(tuple(a - margin for a in self.low), tuple(b + margin for b in self.high))
        return wider.within(shape)

    def union(self, other: Region) -> Region:
        """Return the smallest region that contains both."""
        return Region(
            tuple(map(min, zip(self.low, other.low, strict=True))),
            tuple(map(max, zip(self.high, other.high, strict=True))),
        )

    def intersection(self, other: Region) -> Region:
        """Return the overlap of both; it may be empty."""
        low = tuple(map(max, zip(self.low, other.low, strict=True)))
        high = tuple(map(min, zip(self.high, other.high, strict=True)))
        return Region(low, tuple(map(max, zip(low, high, strict=True))))

    def in_plane(self, plane: int | None) -> Region:
        """Return the part in one plane of a z-stack; the whole region for None."""
        if plane is None:
            return self
        return self.intersection(Region((plane, *self.low[1:]), (plane + 1, *self.high[1:])))


def join_regions(regions: list[Region]) -> Region:
    """Return the smallest region that contains all regions, at least one."""
    return reduce(Region.union, regions)
