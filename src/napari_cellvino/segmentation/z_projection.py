"""Projections along z that take one plane at a time: maximum, mean, or the sharpest plane."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import ZMode
from napari_cellvino.segmentation.sharpness import sharpness
from napari_cellvino.storage.large_arrays import copied

Pixels = NDArray[np.generic]  # (C, Y, X)


class Projection(Protocol):
    """Takes planes (C, Y, X) in order and gives one of the same shape."""

    def add(self, z: int, pixels: Pixels) -> None:
        """Take plane ``z`` (from 0); its memory may be kept and written to."""
        ...

    def result(self) -> Pixels:
        """Return the projection (C, Y, X)."""
        ...


class MaximumProjection:
    """The maximum of all planes, in their dtype; NaN are ignored where another plane has a number."""

    def __init__(self) -> None:
        self._pixels: Pixels | None = None

    def add(self, z: int, pixels: Pixels) -> None:
        """Take the next plane."""
        if self._pixels is None:
            self._pixels = pixels
        else:
            higher = np.fmax if pixels.dtype.kind == "f" else np.maximum
            higher(self._pixels, pixels, out=self._pixels)

    def result(self) -> Pixels:
        """Return the maxima, each channel for itself in memory."""
        pixels = _checked(self._pixels)
        return pixels if pixels.flags.c_contiguous else copied(pixels, pixels.dtype)


class MeanProjection:
    """The mean of all planes, float32; values that are not finite are ignored."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | NDArray[np.uint32] | None = None
        self._count: NDArray[np.uint16] | int = 0

    def add(self, z: int, pixels: Pixels) -> None:
        """Take the next plane; uint32 sums of 8 and 16 bits hold 65,536 planes."""
        if self._sum is None:
            exact = pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2
            self._sum = np.zeros(pixels.shape, np.uint32 if exact else np.float64)
        if pixels.dtype.kind == "f":
            finite = np.isfinite(pixels)
            np.add(self._sum, pixels, out=self._sum, where=finite)
            self._count = self._count + finite.astype(np.uint16)
        else:
            np.add(self._sum, pixels, out=self._sum, casting="unsafe")
            self._count += 1

    def result(self) -> Pixels:
        """Return the means; NaN where no plane had a finite value."""
        total = _checked(self._sum)
        mean = np.full(total.shape, np.nan, np.float32)
        np.divide(total, self._count, out=mean, where=np.asarray(self._count) > 0, casting="unsafe")
        return mean


class SharpestPlane:
    """The plane of the highest `sharpness` in one channel (from 0; None: the mean of all)."""

    def __init__(self, channel: int | None) -> None:
        self.number = 0  # from 1
        self._channel, self._best = channel, -np.inf
        self._pixels: Pixels | None = None

    def add(self, z: int, pixels: Pixels) -> None:
        """Take the next plane; among equally sharp ones the first is kept."""
        measured = pixels.mean(0, dtype=np.float32) if self._channel is None else pixels[self._channel]
        score = sharpness(measured)
        if score > self._best:
            self._best, self._pixels, self.number = score, pixels, z + 1

    def result(self) -> Pixels:
        """Return all channels of the sharpest plane."""
        return _checked(self._pixels)


def make_projection(way: ZMode, channel: int | None) -> Projection:
    """Return an empty projection; for a single plane the maximum."""
    if way is ZMode.MEAN:
        return MeanProjection()
    return SharpestPlane(channel) if way is ZMode.FOCUS else MaximumProjection()


def _checked(pixels: Pixels | None) -> Pixels:
    if pixels is None:
        raise ValueError("no plane was given")
    return pixels
