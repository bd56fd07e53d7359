"""The levels of a pyramid: one image in smaller and smaller sizes, as slide scanners and converters store it.

Level 0 has the full resolution and is what is read unless the user chooses another. The size of a pixel follows the
level, and which one is read is said: half the resolution is another image to count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import PlaneReader, Spacing, Stack
from napari_cellvino.core.region import ImageRegion, PlaceInImage
from napari_cellvino.io.checks import check_memory, check_room
from napari_cellvino.io.region import read_part

# Bytes per pixel that a run needs, measured with 70,000 cells on 20,000 x 20,000 px: what is measured and written lies
# in memory; pixels, maps and labels lie in temporary files where memory is short (`storage.large_arrays`).
_IN_MEMORY = 3
_ANYWHERE = 14  # maps of the network, labels, and what is written of them
_COPIES = 2  # of the pixels of all channels


@dataclass(frozen=True, slots=True)
class Pyramid:
    """(width, height) in px of every level, the full resolution first, and the level that is read, from 0."""

    sizes: tuple[tuple[int, int], ...]
    level: int = 0

    @classmethod
    def choose(cls, path: Path, sizes: tuple[tuple[int, int], ...], level: int) -> Pyramid:
        """Return a pyramid of which a level is read.

        Raises
        ------
        ImageValueError
            If it has no such level.
        """
        if level >= len(sizes):
            held = f"its levels are {_list(sizes)}" if len(sizes) > 1 else "it is no pyramid; leave --level out"
            raise ImageValueError(f"{path.name} has no level {level}: {held}")
        return cls(sizes, level)

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """Sizes of the levels; none where there is only one."""
        return self.sizes if len(self.sizes) > 1 else ()

    def spacing(self, full: Spacing) -> Spacing:
        """Return the spacing in µm of the level that is read, of that of the full resolution."""
        x, y = (_factor(whole, part) for whole, part in zip(self.sizes[0], self.sizes[self.level], strict=True))
        return Spacing(full.z, None if full.y is None else full.y * y, None if full.x is None else full.x * x)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to say of a pyramid of which the full resolution is read."""
        if self.level or not self.levels:
            return ()
        return (f"a pyramid, read at full resolution; --level N reads a smaller one: {_list(self.sizes)}",)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to say at every run of a pyramid of which another level is read."""
        if not self.level:
            return ()
        size, full = (f"{width:,} x {height:,} px" for width, height in (self.sizes[self.level], self.sizes[0]))
        return (f"level {self.level} of a pyramid is read: {size} of {full}",)

    def guarded(self, path: Path, planes: PlaneReader, pixel_bytes: int) -> PlaneReader:
        """Return the planes of the level that is read, which are refused where a run over one does not fit.

        Parameters
        ----------
        path
            The file.
        planes
            Planes of this level.
        pixel_bytes
            Bytes of one pixel in all its channels.
        """
        if self.level == len(self.sizes) - 1:
            return planes
        remedy = (
            f"read a smaller level: --level {self.level + 1} of {_list(self.sizes)}; or a part: --region Y0:Y1,X0:X1"
        )
        return GuardedPlanes(path, planes, self.sizes[self.level], _COPIES * pixel_bytes + _ANYWHERE, remedy)


def place_in_image(stack: Stack) -> PlaceInImage:
    """Return where a stack lies in all of its image, by the region and the level that are read of it."""
    said = stack.overrides
    region = ImageRegion.parse(said.region) if said.region else ImageRegion(0, 1, 0, 1)
    step = Pyramid(stack.levels, said.level).spacing(Spacing(None, 1.0, 1.0)) if said.level else Spacing(None, 1.0, 1.0)
    return PlaceInImage((region.x0, region.y0), (step.x or 1.0, step.y or 1.0))


@dataclass(frozen=True, slots=True)
class GuardedPlanes:
    """Planes of a level that are read only where a run over one has room.

    ``size`` is (width, height) in px of the level; for each pixel that is read, ``anywhere`` bytes must be free in
    memory and in the folder of temporary files together.
    """

    path: Path
    planes: PlaneReader
    size: tuple[int, int]
    anywhere: int
    remedy: str

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X).

        Raises
        ------
        ImageReadError
            If there is not enough room for it; the message names the level to choose.
        """
        self._check(math.prod(self.size))
        return self.planes.plane(t=t, c=c, z=z)

    def part(self, region: ImageRegion, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return a region of a plane (Y, X); errors as `plane`."""
        self._check(region.height * region.width)
        return read_part(self.planes, region, t=t, c=c, z=z)

    def _check(self, pixels: int) -> None:
        check_memory(self.path, pixels * _IN_MEMORY, self.remedy)
        check_room(self.path, pixels * self.anywhere, self.remedy)


def _list(sizes: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{n}: {width:,} x {height:,} px" for n, (width, height) in enumerate(sizes))


def _factor(whole: int, part: int) -> float:
    """Return by how much a level is smaller: the power of two that explains both sizes, else their ratio."""
    ratio = whole / part
    power = float(2 ** round(math.log2(ratio)))
    return power if abs(whole - power * part) < power else ratio
