"""Planes of a zarr array, and which of its chunks are stored: one that is not reads as if its pixels were black.

Writers leave out chunks of one value, so that a missing chunk is no fault by itself; a copy that broke off looks the
same. How many are missing is said, and a frame without a single one is no image.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import Shape
from napari_cellvino.core.region import ImageRegion
from napari_cellvino.io.checks import check_memory, parse_errors
from napari_cellvino.io.instrument import Foreign

_MOST = 200_000  # chunks that are looked for: their names are held in memory
_PLACE = re.compile(r"c?\d+([./]\d+)*|c([./]\d+)+")  # of zarr 2 and 3, in folders or not: 0.1.2, 0/1/2, c/0/1/2


@dataclass(frozen=True, slots=True)
class StoredChunks:
    """Chunks (of sharded arrays, shards) that an array has, of a grid of so many along each axis."""

    grid: tuple[int, ...]
    sizes: tuple[int, ...]
    stored: frozenset[tuple[int, ...]]

    @classmethod
    def of(cls, folder: Path, array: Foreign) -> StoredChunks | None:
        """Return the chunks that lie in the folder of an array; None where it has too many to look for."""
        sizes = tuple(int(size) for size in (getattr(array, "shards", None) or array.chunks))
        grid = tuple(-(-int(whole) // size) for whole, size in zip(array.shape, sizes, strict=True))
        if math.prod(grid) > _MOST:
            return None
        found = (
            os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
            for place, _, names in os.walk(folder)
            for name in names
        )
        places = {tuple(int(n) for n in re.findall(r"\d+", name)) for name in found if _PLACE.fullmatch(name)}
        return cls(grid, sizes, frozenset(place for place in places if len(place) == len(grid)))

    @property
    def missing(self) -> int:
        """How many are not stored."""
        return math.prod(self.grid) - len(self.stored)

    def any_at(self, axis: int, index: int) -> bool:
        """Return whether one is stored of those that hold an index of an axis."""
        return any(place[axis] == index // self.sizes[axis] for place in self.stored)


@dataclass(frozen=True, slots=True)
class ZarrPlanes:
    """Planes of a zarr array whose axes are letters of t, c, z, y, x in any order; ``chunks`` where they are known."""

    path: Path
    array: Foreign
    axes: str
    shape: Shape
    chunks: StoredChunks | None = None

    @classmethod
    def of(cls, path: Path, axes: str) -> ZarrPlanes:
        """Return the planes of an array on disk.

        Raises
        ------
        ImageReadError
            If it cannot be read, or has other axes than the metadata say.
        """
        import zarr  # as long to import as all else of a small run

        with parse_errors(path):
            array = zarr.open_array(path, mode="r")
        if len(array.shape) != len(axes) or not {"y", "x"} <= set(axes):
            raise ImageReadError(f"{path} has {len(array.shape)} axes, and its metadata say {axes}; convert it again")
        sizes = dict(zip(axes, array.shape, strict=True))
        return cls(path, array, axes, Shape(*(int(sizes.get(axis, 1)) for axis in "tczyx")))

    def with_chunks(self) -> ZarrPlanes:
        """Return the same planes, which know what chunks are stored.

        Raises
        ------
        ImageReadError
            If the folder of the array may not be read.
        """
        with parse_errors(self.path):
            return replace(self, chunks=StoredChunks.of(self.path, self.array))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to say of chunks that are not stored."""
        if self.chunks is None or not self.chunks.missing:
            return ()
        return (
            f"{self.chunks.missing:,} of {math.prod(self.chunks.grid):,} chunks are not stored and read as "
            f"{self.array.fill_value}: writers leave out those of one value; if the copy broke off, cells are missing",
        )

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X).

        Raises
        ------
        ImageReadError
            If a chunk is damaged, or none of the frame is there.
        ImageValueError
            If there is no such plane.
        """
        return self.part(ImageRegion(0, self.shape.y, 0, self.shape.x), t=t, c=c, z=z)

    def part(self, region: ImageRegion, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return a region of a plane (Y, X), of which only the chunks are read that it touches; errors as `plane`."""
        chosen = {"t": t, "c": c, "z": z}
        for axis, index in chosen.items():
            size = getattr(self.shape, axis)
            if not 0 <= index < size:
                raise ImageValueError(f"{self.path} has no {axis} {index + 1}; it holds {size}")
        self._check_frame(t)
        check_memory(self.path, region.height * region.width * self.array.dtype.itemsize)
        where: dict[str, int | slice] = {**chosen, "y": region.rows, "x": region.columns}
        with parse_errors(self.path):
            pixels: NDArray[np.generic] = self.array[tuple(where[axis] for axis in self.axes)]
        return np.ascontiguousarray(pixels if self.axes.index("y") < self.axes.index("x") else pixels.T)

    def _check_frame(self, t: int) -> None:
        """Raise ImageReadError where no chunk of a frame is stored: it was not written, or is not copied yet."""
        if self.chunks is None:
            return
        frames = "t" in self.axes
        held = self.chunks.any_at(self.axes.index("t"), t) if frames else bool(self.chunks.stored)
        if not held:
            raise ImageReadError(
                f"{self.path} has no pixels{f' of time {t + 1}' if frames else ''}: none of its chunks is stored; were "
                "they written, and copied with the rest?"
            )
