"""Read a part of an image: rows and columns of one level, so that a slide need not fit in memory.

Readers whose files allow it read no more than the blocks that the part touches; of the others whole planes are read,
one after the other, and cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import PlaneReader, Stack
from napari_cellvino.core.region import ImageRegion
from napari_cellvino.io.source import Position, Source


@runtime_checkable
class PartReader(Protocol):
    """Planes of which parts can be read by themselves."""

    def part(self, region: ImageRegion, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return the (Y, X) pixels of a region that lies in the plane, in memory of their own."""
        ...


def read_part(planes: PlaneReader, region: ImageRegion, *, t: int, c: int, z: int) -> NDArray[np.generic]:
    """Return the pixels (Y, X) of a region of a plane, of which no more is read than the file asks for."""
    if isinstance(planes, PartReader):
        return planes.part(region, t=t, c=c, z=z)
    return np.array(planes.plane(t=t, c=c, z=z)[region.rows, region.columns])


@dataclass(frozen=True, slots=True)
class RegionPlanes:
    """The planes of a region."""

    planes: PlaneReader
    region: ImageRegion

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return the region of one plane (Y, X)."""
        return read_part(self.planes, self.region, t=t, c=c, z=z)


def part_of(stack: Stack, region: ImageRegion) -> Stack:
    """Return the region of a stack, in which it must lie, without reading pixels."""
    shape = stack.shape._replace(y=region.height, x=region.width)
    return replace(stack, planes=RegionPlanes(stack.planes, region), shape=shape)


@dataclass(frozen=True, slots=True)
class RegionSource:
    """An opened file of which the same region of every image is read."""

    source: Source
    region: ImageRegion

    @property
    def path(self) -> Path:
        """The file or folder."""
        return self.source.path

    @property
    def positions(self) -> tuple[Position, ...]:
        """Fields of view."""
        return self.source.positions

    @property
    def parts(self) -> tuple[Path, ...]:
        """Every file that pixels come from."""
        return self.source.parts

    def read(self, position: Position | None = None) -> Stack:
        """Return the region of the stack of ``position``, by default the first, without reading pixels.

        Raises
        ------
        ImageValueError
            If the region does not lie in the image, or as the reader of the file says.
        """
        stack, region = self.source.read(position), self.region
        if region.y1 > stack.shape.y or region.x1 > stack.shape.x:
            raise ImageValueError(
                f"{stack.origin.name} has {stack.shape.y} rows and {stack.shape.x} columns: the region {region} "
                "(Y0:Y1,X0:X1) does not lie in it"
            )
        said = (
            f"a region is read: rows {region.y0} to {region.y1} and columns {region.x0} to {region.x1} of "
            f"{stack.shape.y} and {stack.shape.x}; positions are counted from its corner"
        )
        return replace(part_of(stack, region), warnings=(*stack.warnings, said))
