"""Images to measure on, put together from the simulated samples: nobody needs to download anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.image import ArrayPlanes, Shape, Spacing, Stack
from napari_cellvino.core.resources import shipped_folder

SIDE = 1024
Z, C, Y, X = 40, 3, 2496, 3328


def nuclei_field() -> NDArray[np.uint16]:
    """Return a (1024, 1024) mosaic of the plate's nuclei, mirrored in turn; about 650 of them."""
    wells = [tifffile.imread(path)[0] for path in sorted((shipped_folder("sample_data") / "plate").glob("*.ome.tif"))]
    mirrors = (slice(None), slice(None, None, -1))
    tiles = [wells[i % len(wells)][mirrors[i // 2 % 2], mirrors[i // 4 % 2]] for i in range(16)]
    return np.block([tiles[row : row + 4] for row in range(0, 16, 4)])


def in_memory(pixels: NDArray[np.generic]) -> Stack:
    """Return a stack of one plane (Y, X) that was already read."""
    planes = ArrayPlanes(pixels[None, None, None])
    return Stack(planes, Shape(1, 1, 1, *pixels.shape), pixels.dtype, Spacing(y=0.65, x=0.65))


def write_large_stack(path: Path) -> None:
    """Write a BigTIFF of 40 planes, 3 channels and 2496 x 3328 px of uint8 (1 GB), axes ZCYX, plane after plane."""
    shape = (Z, C, Y, X)
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as writer:
        writer.write(_large_planes(), shape=shape, dtype=np.uint8, photometric="minisblack", metadata={"axes": "ZCYX"})


def _large_planes() -> Iterator[NDArray[np.uint8]]:
    field = nuclei_field().astype(np.float32)
    repeats = (-(-Y // SIDE), -(-X // SIDE))
    sharp = np.tile(np.clip(field * (255 / field.max()), 0, 255), repeats)[:Y, :X]
    for z in range(Z):
        light = 1 - 0.6 * abs(2 * z / (Z - 1) - 1)
        plane = (sharp * light).astype(np.uint8)
        yield from (np.roll(plane, 300 * c, axis=1) for c in range(C))
