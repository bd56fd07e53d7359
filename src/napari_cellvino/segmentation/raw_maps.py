"""The network's output for a plane, kept so that other thresholds need no new inference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.storage.large_arrays import allocate


@dataclass(frozen=True, slots=True)
class RawMaps:
    """Stitched maps of a plane, float16 (M, Y / stride, X / stride) rounded up, and how they were computed.

    ``shape`` (Y, X) is that of the plane, ``input_shape`` (Y, X) that of the plane resized for the network.
    ``notices`` are sentences for the user (smaller tiles were needed, …). ``smaller_tile`` is the size in px of tiles
    that were smaller than planned, for lack of memory, which may change single cells; else 0. ``diameter_px`` is the
    cell diameter that was searched for and found, and that the plane was resized for; else None.
    """

    maps: NDArray[np.float16]
    engine_info: EngineInfo
    tile: int
    tiles: int
    shape: tuple[int, int]
    input_shape: tuple[int, int]
    notices: tuple[str, ...] = ()
    smaller_tile: int = 0
    diameter_px: float | None = None

    @property
    def zoom(self) -> tuple[float, float]:
        """Pixels of the plane per pixel of the network's input, along y and x."""
        return self.shape[0] / self.input_shape[0], self.shape[1] / self.input_shape[1]

    def with_plane_maps(self, maps: NDArray[np.float16]) -> RawMaps:
        """Return a copy with maps (M, Y, X) at the size of the plane."""
        return replace(self, maps=maps, input_shape=self.shape)


def allocate_maps(count: int, height: int, width: int) -> NDArray[np.float16]:
    """Return maps (M, Y, X) of zeros; see `allocate`."""
    return allocate((count, height, width), np.float16)
