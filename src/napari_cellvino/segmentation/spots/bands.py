"""Filters of planes in bands of rows: a band stays in the processor's cache, and several are filtered at a time.

Results are those of the filter of the whole image, as each band is read with the rows around it that the filter
reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.core.threads import together

Image = NDArray[np.float32]

BAND_VOXELS = 250_000  # 1 MB
TRUNCATE = 4.0  # widths of a Gaussian


def in_bands(work: Callable[[int, int], None], shape: tuple[int, ...], step: int = 1) -> None:
    """Call ``work`` with the first row and the one after the last of every band of an image (Z, Y, X).

    Bands begin at multiples of ``step`` rows; ``work`` writes to rows of its own alone.
    """
    rows = max(1, BAND_VOXELS // max(1, shape[0] * shape[2] * step)) * step
    bands = [(first, min(first + rows, shape[1])) for first in range(0, shape[1], rows)]
    together(lambda band: work(*band), bands)


def gaussian(image: Image, sigma: Sequence[float], order: Sequence[int] = (0, 0, 0)) -> Image:
    """Return `scipy.ndimage.gaussian_filter` of an image (Z, Y, X), mirrored at its edges; width 0 leaves an axis."""
    out = np.empty(image.shape, np.float32)
    reach = int(TRUNCATE * sigma[1] + 0.5)

    def filtered(first: int, last: int) -> None:
        start, stop = max(0, first - reach), min(image.shape[1], last + reach)
        part = _along(_along(image[:, start:stop], sigma, order, 0), sigma, order, 1)
        out[:, first:last] = _along(part[:, first - start : last - start], sigma, order, 2)

    in_bands(filtered, image.shape)
    return out


def _along(image: Image, sigma: Sequence[float], order: Sequence[int], axis: int) -> Image:
    """Return an image filtered along an axis.

    In the plane shifted images are added, each with what it weighs: faster than SciPy's filter, which gathers line
    after line. Weights are alike on both sides, so that pairs are added first.
    """
    if sigma[axis] <= 0:
        return image
    if axis == 0:
        filtered = ndi.gaussian_filter1d(image, sigma[0], 0, order[0], mode="mirror", truncate=TRUNCATE)
        return np.asarray(filtered, np.float32)
    weights = kernel_weights(float(sigma[axis]), order[axis])
    reach, count = len(weights) - 1, image.shape[axis]
    beyond = [(0, 0), (0, 0), (0, 0)]
    beyond[axis] = (reach, reach)
    padded = np.pad(image, beyond, mode="reflect")

    def shifted(by: int) -> Image:
        rows = slice(reach + by, reach + by + count)
        return padded[:, rows] if axis == 1 else padded[:, :, rows]

    out, pair = shifted(0) * weights[0], np.empty_like(image)
    for step in range(1, reach + 1):
        np.add(shifted(-step), shifted(step), out=pair)
        pair *= weights[step]
        out += pair
    return np.asarray(out, np.float32)


@lru_cache(maxsize=64)
def kernel_weights(sigma: float, order: int) -> NDArray[np.float32]:
    """Return what a pixel and those on one side of it weigh (reach + 1,) in the Gaussian or its second derivative."""
    reach = int(TRUNCATE * sigma + 0.5)
    point = np.zeros(2 * reach + 1)
    point[reach] = 1
    kernel = ndi.gaussian_filter1d(point, sigma, order=order, truncate=TRUNCATE, mode="constant")
    return np.asarray(kernel[reach:], np.float32)


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


SORT_EIGHT = (
    (0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6),
    (0, 4), (1, 5), (2, 6), (3, 7), (2, 4), (3, 5), (1, 2), (3, 4), (5, 6),
)  # fmt: skip
"""Batcher's odd-even merge sort: pairs to be put in order, one after the other."""


def neighbours_in_plane(image: Image) -> tuple[Image, Image]:
    """Return the upper median and the highest of the eight neighbours in the plane (Z, Y, X), mirrored at edges."""
    middle, highest = np.empty_like(image), np.empty_like(image)
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    width = image.shape[2]

    def ranked(first: int, last: int) -> None:
        ways = [(dy, dx) for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)]
        beside = [padded[:, first + dy : last + dy, dx : dx + width] for dy, dx in ways]
        for a, b in SORT_EIGHT:
            beside[a], beside[b] = np.minimum(beside[a], beside[b]), np.maximum(beside[a], beside[b])
        middle[:, first:last], highest[:, first:last] = beside[4], beside[7]

    in_bands(ranked, image.shape)
    return middle, highest
