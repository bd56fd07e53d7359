"""Cut planes out of blocks: the one way from what a file can be read in to the (Y, X) planes of a `Stack`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Shape, Spacing
from napari_cellvino.io.axes import AxisLayout
from napari_cellvino.io.orientation import FIRST_ON_ITS_SIDE, apply_orientation
from napari_cellvino.storage.large_arrays import copied


class Blocks(Protocol):
    """Blocks of a file's array, numbered in its order."""

    @property
    def start(self) -> int:
        """First dimension of a block."""
        ...

    def block(self, number: int) -> NDArray[np.generic]:
        """Return one block, an array of the stored sizes from ``start`` on, that nobody else holds."""
        ...


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

    def shown(self, stored: Shape) -> Shape:
        """Return the sizes of a stack as it is shown."""
        return stored._replace(y=stored.x, x=stored.y) if self.orientation >= FIRST_ON_ITS_SIDE else stored

    def shown_spacing(self, stored: Spacing) -> Spacing:
        """Return the spacing of a stack as it is shown."""
        return Spacing(stored.z, stored.x, stored.y) if self.orientation >= FIRST_ON_ITS_SIDE else stored


class BlockPlanes:
    """Planes of one position; keeps the last block that held several, as red, green and blue of one page do."""

    def __init__(
        self, name: str, layout: AxisLayout, blocks: Blocks, transform: PixelTransform, position: int = 0
    ) -> None:
        self._name, self._layout, self._blocks, self._transform = name, layout, blocks, transform
        self._position = position
        self._keeps = math.prod(layout.stored[blocks.start :]) > math.prod(layout.shape[-2:])
        self._last: tuple[int, NDArray[np.generic]] | None = None  # replaced as a whole, so threads may share it

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X), in memory of its own.

        Raises
        ------
        ImageReadError
            If the file is cut short or damaged there.
        ImageValueError
            If there is no such plane.
        """
        _check_index(self._name, self._layout.shape, t=t, c=c, z=z)
        roles = {"T": t, "C": c, "Z": z, "P": self._position}
        number, inside = self._layout.locate(self._blocks.start, roles)
        pixels = self._block(number)[inside]
        pixels = copied(pixels, pixels.dtype) if self._keeps else pixels
        swapped = self._layout.roles.index("X") < self._layout.roles.index("Y")
        return self._transform.apply(pixels.T if swapped else pixels)

    def _block(self, number: int) -> NDArray[np.generic]:
        if not self._keeps:
            return self._blocks.block(number)
        last = self._last
        if last is None or last[0] != number:
            self._last = last = None  # the old block goes before the new one comes
            self._last = last = number, self._blocks.block(number)
        return last[1]


def _check_index(name: str, shape: Shape, *, t: int, c: int, z: int) -> None:
    for noun, index, size in (("time point", t, shape.t), ("channel", c, shape.c), ("plane", z, shape.z)):
        if not 0 <= index < size:
            raise ImageValueError(f"{name} has no {noun} {index + 1}; it holds {size}")
