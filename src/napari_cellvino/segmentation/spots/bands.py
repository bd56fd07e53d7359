"""Filters of planes in bands of rows: a band stays in the processor's cache, and several are filtered at a time.

Results are those of the filter of the whole image, as each band is read with the rows around it that the filter
reaches.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.threads import together

Image = NDArray[np.float32]

BAND_VOXELS = 250_000  # 1 MB
SAMPLES = 500_000


def in_bands(work: Callable[[int, int], None], shape: tuple[int, ...], step: int = 1) -> None:
    """Call ``work`` with the first row and the one after the last of every band of an image (Z, Y, X).

    Bands begin at multiples of ``step`` rows; ``work`` writes to rows of its own alone.
    """
    rows = max(1, BAND_VOXELS // max(1, shape[0] * shape[2] * step)) * step
    bands = [(first, min(first + rows, shape[1])) for first in range(0, shape[1], rows)]
    together(lambda band: work(*band), bands)


def some_of(values: Image) -> NDArray[np.float32]:
    """Return some of the values (N,) of an image; at a distance that is odd, so that these are of all columns."""
    step = max(1, values.size // SAMPLES)
    return values.ravel()[:: step | 1]


def highest_beside(image: Image) -> Image:
    """Return the highest of each voxel (Z, Y, X) and all its neighbours."""
    out = image
    for axis in range(3):
        before = np.moveaxis(out, axis, 0)
        out = out.copy()
        here = np.moveaxis(out, axis, 0)
        np.maximum(here[1:], before[:-1], out=here[1:])
        np.maximum(here[:-1], before[1:], out=here[:-1])
    return out


def local_maxima(response: Image, least: Image | float) -> NDArray[np.int64]:
    """Return the voxels (N, 3) that are above all their neighbours and above ``least``."""
    floor = np.broadcast_to(np.asarray(least, np.float32), response.shape)

    def is_maximum(first: int, last: int) -> NDArray[np.bool_]:
        start = max(0, first - 1)
        part, own = response[:, start : last + 1], response[:, first:last]
        highest = highest_beside(part)[:, first - start : last - start]
        return np.asarray((highest == own) & (own > floor[:, first:last]))

    return _places(is_maximum, response.shape)


def peaks_in_plane(image: Image, above: float) -> NDArray[np.int64]:
    """Return the pixels (N, 3) that lie above all their eight neighbours in the plane by more than ``above``."""
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="reflect")

    def is_peak(first: int, last: int) -> NDArray[np.bool_]:
        part = padded[:, first : last + 2]
        beside = np.maximum(part[:, :, :-2], part[:, :, 2:])
        rows = np.maximum(beside, part[:, :, 1:-1])
        highest = np.maximum(np.maximum(rows[:, :-2], rows[:, 2:]), beside[:, 1:-1])
        return np.asarray(image[:, first:last] - highest > np.float32(above))

    return _places(is_peak, image.shape)


def _places(chosen: Callable[[int, int], NDArray[np.bool_]], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the voxels (N, 3), in their order, that are chosen in bands of rows."""
    found = list[NDArray[np.int64]]()

    def add(first: int, last: int) -> None:
        found.append(np.argwhere(chosen(first, last)) + np.array((0, first, 0)))

    in_bands(add, shape)
    at = np.concatenate([np.zeros((0, 3), np.int64), *found])
    return at[np.lexsort((at[:, 2], at[:, 1], at[:, 0]))]


def neighbours_in_plane(image: Image, at: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the eight neighbours in the plane (N, 8), in the order of their values, of pixels (N, 3).

    They are mirrored at the edges.
    """
    ways = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    z, y, x = at.T
    beside = [image[z, mirrored(y + dy, image.shape[1]), mirrored(x + dx, image.shape[2])] for dy, dx in ways]
    return np.sort(np.stack(beside, 1), 1)


def mirrored(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return places along an axis, those beyond its ends mirrored at the first and the last one."""
    if length == 1:
        return np.zeros_like(places)
    again = np.abs(places) % (2 * (length - 1))
    return np.asarray(np.minimum(again, 2 * (length - 1) - again), np.int64)
