"""Gaussian filters and their derivatives as products of small matrices: a third of the time of sums of shifted images.

A tile of the image, with what the filter reaches beyond it, is multiplied from both sides by matrices whose rows hold
the kernel, each a pixel further on. Tiles are so small that linear algebra does not share a product out among threads,
which would wait for each other: bands of tiles are filtered on several threads instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.bands import Image, in_bands, mirrored

TRUNCATE = 4.0  # widths of a Gaussian
SIDES = (48, 40, 32, 24, 16)  # px of a tile, the first that is small enough
MOST_PRODUCTS = 250_000  # of numbers, in a product that one thread does: OpenBLAS shares out those of more than 2^18

Orders = tuple[int, int, int]


def gaussian(image: Image, sigma: Sequence[float], order: Orders = (0, 0, 0)) -> Image:
    """Return `scipy.ndimage.gaussian_filter` of an image (Z, Y, X), mirrored at its edges; width 0 leaves an axis."""
    return sum_of_gaussians(image, sigma, {order: 1.0})


def sum_of_gaussians(image: Image, sigma: Sequence[float], factors: Mapping[Orders, float]) -> Image:
    """Return an image (Z, Y, X) filtered by the sum of derivatives of a Gaussian, mirrored at its edges.

    ``factors`` has what each of them counts, by the orders of the derivative along z, y and x. Width 0 leaves an axis.
    """
    height, width = image.shape[1:]
    above, before = reach = reach_of(sigma[1]), reach_of(sigma[2])
    side = _side_of(reach, len({order[1] for order in factors}))
    planes = [_TileFilter.of(sigma, _of_plane(factors, z), z, side) for z in sorted({order[0] for order in factors})]
    columns = mirrored(np.arange(-before, width + -width % side + before), width)
    out = np.empty(image.shape, np.float32)

    def filtered(first: int, last: int) -> None:
        rows = mirrored(np.arange(first - above, last + (first - last) % side + above), height)
        part = image[:, rows]
        total = sum(one.over(_along_z(part, sigma[0], one.order).take(columns, 2)) for one in planes)
        out[:, first:last] = np.asarray(total)[:, : last - first, :width]

    in_bands(filtered, image.shape, side)
    return out


def _of_plane(factors: Mapping[Orders, float], along_z: int) -> dict[tuple[int, int], float]:
    return {(down, across): factor for (z, down, across), factor in factors.items() if z == along_z}


def _along_z(part: Image, sigma: float, order: int) -> Image:
    if sigma <= 0:
        return part
    filtered = scipy.ndimage.gaussian_filter1d(part, sigma, 0, order, mode="mirror", truncate=TRUNCATE)
    return np.asarray(filtered, np.float32)


@dataclass(frozen=True, slots=True)
class _TileFilter:
    """A filter in the plane, of planes filtered along z in an ``order``: ``left`` @ tile @ ``right``, added up.

    Tiles are ``side`` px wide, and are read with ``reach`` px (y, x) beyond.
    """

    order: int
    side: int
    reach: tuple[int, int]
    left: NDArray[np.float32]  # (K * side, side + 2 * reach): one below the other
    right: NDArray[np.float32]  # (K, side + 2 * reach, side)

    @classmethod
    def of(cls, sigma: Sequence[float], factors: Mapping[tuple[int, int], float], order: int, side: int) -> _TileFilter:
        """Return the sum of derivatives of a Gaussian, by their orders along y and x."""
        down = sorted({y for y, _ in factors})
        reach = reach_of(sigma[1]), reach_of(sigma[2])
        left = np.concatenate([_kernel_rows(sigma[1], y, side) for y in down])
        right = np.zeros((len(down), side + 2 * reach[1], side), np.float32)
        for (y, x), factor in factors.items():
            right[down.index(y)] += np.float32(factor) * _kernel_rows(sigma[2], x, side).T
        return cls(order, side, reach, left, right)

    def over(self, image: Image) -> Image:
        """Return an image (Z, N * side + 2 * reach, M * side + 2 * reach) filtered, without what is beyond."""
        window = (self.side + 2 * self.reach[0], self.side + 2 * self.reach[1])
        tiles = sliding_window_view(image, window, axis=(1, 2))[:, :: self.side, :: self.side]
        filtered = self.left @ tiles
        total = filtered[..., : self.side, :] @ self.right[0]
        for n in range(1, len(self.right)):
            total += filtered[..., n * self.side : (n + 1) * self.side, :] @ self.right[n]
        planes, rows, columns = tiles.shape[:3]
        return np.asarray(total.swapaxes(2, 3).reshape(planes, rows * self.side, columns * self.side))


def _side_of(reach: tuple[int, int], many: int) -> int:
    """Return the side of the largest tile, of which no product is too large, with ``many`` kernels along y."""

    def products(side: int) -> int:
        high, wide = side + 2 * reach[0], side + 2 * reach[1]
        return max(many * side * high * wide, side * wide * side)

    return next((side for side in SIDES if products(side) <= MOST_PRODUCTS), SIDES[-1])


def _kernel_rows(sigma: float, order: int, side: int) -> NDArray[np.float32]:
    """Return a matrix (side, side + 2 * reach) whose rows hold the kernel, each a pixel further on."""
    weights = kernel_weights(float(sigma), order)
    reach = len(weights) - 1
    rows = np.zeros((side, side + 2 * reach), np.float32)
    for n in range(side):
        rows[n, n : n + 2 * reach + 1] = both_sides(weights)
    return rows


def reach_of(sigma: float) -> int:
    """Return how many px a Gaussian of a width reaches to each side."""
    return int(TRUNCATE * sigma + 0.5)


def both_sides(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a kernel (2 * reach + 1,) whose one side, from its middle on, is known."""
    return np.concatenate([weights[:0:-1], weights])


@lru_cache(maxsize=64)
def kernel_weights(sigma: float, order: int) -> NDArray[np.float32]:
    """Return what a pixel and those on one side of it weigh (reach + 1,) in the Gaussian or its second derivative.

    At width 0 it is the pixel alone, and nothing in a derivative.
    """
    if sigma <= 0:
        return np.full(1, order == 0, np.float32)
    reach = reach_of(sigma)
    point = np.zeros(2 * reach + 1)
    point[reach] = 1
    kernel = scipy.ndimage.gaussian_filter1d(point, sigma, order=order, truncate=TRUNCATE, mode="constant")
    return np.asarray(kernel[reach:], np.float32)
