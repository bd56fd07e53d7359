"""Cut planes out of blocks: the one way from what a file can be read in to the (Y, X) planes of a `Stack`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Shape, Spacing
from napari_cellvino.core.region import ImageRegion
from napari_cellvino.io.axes import AxisLayout
from napari_cellvino.io.orientation import FIRST_ON_ITS_SIDE, apply_orientation
from napari_cellvino.storage.large_arrays import copied

Window = Mapping[int, slice]  # rows and columns, by the dimension of the block that they lie along


class Blocks(Protocol):
    """Blocks of a file's array, numbered in its order."""

    @property
    def start(self) -> int:
        """First dimension of a block."""
        ...

    def block(self, number: int) -> NDArray[np.generic]:
        """Return one block, an array of the stored sizes from ``start`` on, that nobody else holds."""
        ...

    def part(self, number: int, window: Window) -> NDArray[np.generic]:
        """Return the rows and columns of one block that are asked for, of which no more is read than is needed."""
        ...


def cut(block: NDArray[np.generic], window: Window) -> NDArray[np.generic]:
    """Return rows and columns of a block, in memory of their own."""
    return np.array(block[tuple(window.get(d, slice(None)) for d in range(block.ndim))])


@dataclass(frozen=True, slots=True)
class PixelTransform:
    """What is done to pixels as they are read.

    ``white`` is the value to subtract from where 0 is white, ``orientation`` how they are turned (`orientation`).
    """

    dtype: np.dtype[np.generic]
    white: int | None = None
    orientation: int = 1

    def apply(self, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the pixels as they are shown: upright, and bright where the sample is bright."""
        shown = np.asarray(apply_orientation(pixels, self.orientation), self.dtype, order="C")
        return shown if self.white is None else np.asarray(np.subtract(self.white, shown), self.dtype)

    @property
    def turns(self) -> bool:
        """Whether rows and columns are others once upright."""
        return self.orientation in range(2, 9)

    def shown(self, stored: Shape) -> Shape:
        """Return the sizes of a stack as it is shown."""
        return stored._replace(y=stored.x, x=stored.y) if self.orientation >= FIRST_ON_ITS_SIDE else stored

    def shown_spacing(self, stored: Spacing) -> Spacing:
        """Return the spacing of a stack as it is shown."""
        return Spacing(stored.z, stored.x, stored.y) if self.orientation >= FIRST_ON_ITS_SIDE else stored


_Held = tuple[int, ImageRegion | None, NDArray[np.generic]]  # the number of a block, what of it is held, its pixels


class BlockPlanes:
    """Planes of one position; keeps the last block that held several, as red, green and blue of one page do."""

    def __init__(
        self, name: str, layout: AxisLayout, blocks: Blocks, transform: PixelTransform, position: int = 0
    ) -> None:
        self._name, self._layout, self._blocks, self._transform = name, layout, blocks, transform
        self._position = position
        self._keeps = math.prod(layout.stored[blocks.start :]) > math.prod(layout.shape[-2:])
        self._last: _Held | None = None  # replaced as a whole, so threads may share it

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X), in memory of its own.

        Raises
        ------
        ImageReadError
            If the file is cut short or damaged there.
        ImageValueError
            If there is no such plane.
        """
        return self._read(None, t=t, c=c, z=z)

    def colours(self, *, t: int, z: int) -> NDArray[np.generic] | None:
        """Return all channels (C, Y, X) of a plane as they lie in the file, where a block is a plane of colours.

        Else, or where pixels are not shown as they are stored, None. Errors are those of `plane`.
        """
        layout, shown = self._layout, self._transform
        alone = layout.roles[self._blocks.start :] == "YXC" and layout.roles.count("C") == 1
        if not alone or shown.turns or shown.white is not None:
            return None
        _check_index(self._name, layout.shape, t=t, c=0, z=z)
        number, _ = layout.locate(self._blocks.start, {"T": t, "C": 0, "Z": z, "P": self._position})
        pixels = np.asarray(self._blocks.block(number)[..., : layout.shown[-1]], shown.dtype)
        return np.moveaxis(pixels, -1, 0)

    def part(self, region: ImageRegion, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return a region of a plane (Y, X), in memory of its own; errors as `plane`."""
        if self._transform.turns:
            return np.array(self.plane(t=t, c=c, z=z)[region.rows, region.columns])
        return self._read(region, t=t, c=c, z=z)

    def _read(self, region: ImageRegion | None, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        _check_index(self._name, self._layout.shape, t=t, c=c, z=z)
        roles = {"T": t, "C": c, "Z": z, "P": self._position}
        number, inside = self._layout.locate(self._blocks.start, roles)
        pixels = self._block(number, region)[inside]
        pixels = copied(pixels, pixels.dtype) if self._keeps else pixels
        swapped = self._layout.roles.index("X") < self._layout.roles.index("Y")
        return self._transform.apply(pixels.T if swapped else pixels)

    def _block(self, number: int, region: ImageRegion | None) -> NDArray[np.generic]:
        if not self._keeps:
            return self._load(number, region)
        last = self._last
        if last is None or last[:2] != (number, region):
            self._last = last = None  # the old block goes before the new one comes
            self._last = last = number, region, self._load(number, region)
        return last[2]

    def _load(self, number: int, region: ImageRegion | None) -> NDArray[np.generic]:
        if region is None:
            return self._blocks.block(number)
        rows, columns = (self._layout.roles.index(role) - self._blocks.start for role in "YX")
        return self._blocks.part(number, {rows: region.rows, columns: region.columns})


def _check_index(name: str, shape: Shape, *, t: int, c: int, z: int) -> None:
    for noun, index, size in (("time point", t, shape.t), ("channel", c, shape.c), ("plane", z, shape.z)):
        if not 0 <= index < size:
            raise ImageValueError(f"{name} has no {noun} {index + 1}; it holds {size}")
