"""What the network said about a plane, kept so that thresholds re-decode without it."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_cellvino.engines.engine import EngineInfo

S = TypeVar("S", bound=np.generic)

IN_MEMORY_SHARE = 0.3  # of the free memory; larger maps lie in a temporary file


@dataclass(frozen=True, slots=True)
class RawMaps:
    """Stitched output for a plane, float16 (M, Y / stride, X / stride) rounded up, and how it came about.

    ``shape`` (Y, X) is that of the plane, ``seen`` that of the plane as the network saw it, after resizing.
    ``notices`` are sentences for the user (smaller tiles were needed, …).
    """

    maps: NDArray[np.float16]
    facts: EngineInfo
    tile: int
    tiles: int
    shape: tuple[int, int]
    seen: tuple[int, int]
    notices: tuple[str, ...] = ()

    @property
    def zoom(self) -> tuple[float, float]:
        """Pixels of the plane per pixel that the network saw, along y and x."""
        return self.shape[0] / self.seen[0], self.shape[1] / self.seen[1]

    def at_plane(self, maps: NDArray[np.float16]) -> RawMaps:
        """Return the same facts with maps (M, Y, X) at the size of the plane."""
        return replace(self, maps=maps, seen=self.shape)


def allocate_maps(count: int, height: int, width: int) -> NDArray[np.float16]:
    """Return room for maps, all 0; see `allocate`."""
    return allocate((count, height, width), np.float16)


def allocate(shape: tuple[int, ...], dtype: type[S]) -> NDArray[S]:
    """Return zeros, in memory where it is free and else in a temporary file that vanishes with the array."""
    if np.dtype(dtype).itemsize * math.prod(shape) <= IN_MEMORY_SHARE * psutil.virtual_memory().available:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="cellvino-maps-") as file:
        return np.memmap(file, dtype, "w+", shape=shape)
