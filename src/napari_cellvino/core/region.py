"""A part of an image that is read by itself: rows and columns of one level of a pyramid, in px."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError

_TEXT = re.compile(r"\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*")


@dataclass(frozen=True, slots=True)
class ImageRegion:
    """Rows ``y0`` to ``y1`` and columns ``x0`` to ``x1`` of an image, from 0, without the last."""

    y0: int
    y1: int
    x0: int
    x1: int

    @classmethod
    def parse(cls, text: str) -> ImageRegion:
        """Return the region written as ``Y0:Y1,X0:X1``.

        Raises
        ------
        OptionError
            If the text is none, or the region is empty.
        """
        match = _TEXT.fullmatch(text)
        found = cls(*map(int, match.groups())) if match else cls(0, 0, 0, 0)
        if not (found.y0 < found.y1 and found.x0 < found.x1):
            raise OptionError(
                f"{text!r} is no region; write rows and columns in px as Y0:Y1,X0:X1, as in 1000:3000,0:2000"
            )
        return found

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.y1 - self.y0

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.x1 - self.x0

    @property
    def rows(self) -> slice:
        """The rows."""
        return slice(self.y0, self.y1)

    @property
    def columns(self) -> slice:
        """The columns."""
        return slice(self.x0, self.x1)

    @property
    def turned(self) -> ImageRegion:
        """The same region of an image whose rows are stored as columns."""
        return ImageRegion(self.x0, self.x1, self.y0, self.y1)

    def __str__(self) -> str:
        return f"{self.y0}:{self.y1},{self.x0}:{self.x1}"


@dataclass(frozen=True, slots=True)
class PlaceInImage:
    """Where what is read of an image lies in all of it: ``corner`` (x, y) of the region in px of the level read.

    ``step`` (x, y) is how many px of the full resolution one px of that level is.
    """

    corner: tuple[int, int] = (0, 0)
    step: tuple[float, float] = (1.0, 1.0)

    def to_image(self, points: NDArray[np.number]) -> NDArray[np.number]:
        """Return points (K, 2) of x, y in what is read as points in px of the full resolution of the whole image."""
        moved = points if self.corner == (0, 0) else points + np.asarray(self.corner, points.dtype)
        return moved if self.step == (1, 1) else moved * np.asarray(self.step)

    def to_part(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (K, 2) of x, y in the whole image at full resolution as points in what is read of it."""
        return points if self == PlaceInImage() else points / np.asarray(self.step) - np.asarray(self.corner)
