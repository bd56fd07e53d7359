"""Classical filters at several sizes as parts of an OpenVINO graph, so that a taught model is one network.

At each size: the image smoothed, the length of its gradient, and the eigenvalues of the Hessian and of the structure
tensor. Larger sizes are computed on the image made smaller: wide kernels on every pixel would cost more than a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

TRUNCATE = 3.0  # standard deviations
SIZES = {1: (0.7, 1.6), 2: (1.75,), 4: (2.0,)}  # sigmas in px of the image made smaller by 1, 2 and 4
ORDERS = ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 1))  # derivatives along y and x
INNER = 0.7  # of a size: how far the structure tensor is smoothed


@dataclass(frozen=True, slots=True)
class Filters:
    """Features (N, F, Y, X) of an image made smaller by ``stride``."""

    stride: int
    features: ov.Output


def filters(image: ov.Output) -> list[Filters]:
    """Return the features of single-channel images (N, 1, Y, X) at every size."""
    found = []
    for stride, sigmas in SIZES.items():
        small = image if stride == 1 else _smaller(image, stride)
        parts = [part for sigma in sigmas for part in _at(small, sigma)]
        found.append(Filters(stride, ops.concat([small, *parts], 1).output(0)))
    return found


def _smaller(image: ov.Output, stride: int) -> ov.Output:
    size = [stride, stride]
    return ops.avg_pool(image, size, [0, 0], [0, 0], size, exclude_pad=True).output(0)


def _at(image: ov.Output, sigma: float) -> list[ov.Output]:
    """Return the features of one size: (N, 1, Y, X) and (N, 2, Y, X) each."""
    smooth, dx, dy, dxx, dyy, dxy = _derivatives(image, sigma)
    slope = ops.sqrt(ops.add(_square(dx), _square(dy)))
    hessian = _eigenvalues(dyy, dxx, dxy)
    products = ops.concat([_square(dy), _square(dx), ops.multiply(dy, dx).output(0)], 1).output(0)
    tensor = _smooth_each(products, INNER * sigma + 0.5)
    structure = _eigenvalues(*(_channel(tensor, n) for n in range(3)))
    roots = [ops.sqrt(ops.relu(value)).output(0) for value in structure]
    return [smooth, slope.output(0), *hessian, *roots]


def _eigenvalues(yy: ov.Output, xx: ov.Output, xy: ov.Output) -> list[ov.Output]:
    """Return the larger and the smaller eigenvalue of symmetric 2 x 2 matrices."""
    half = np.float32(0.5)
    middle = ops.multiply(ops.add(yy, xx), half)
    apart = ops.multiply(ops.subtract(yy, xx), half)
    reach = ops.sqrt(ops.add(_square(apart.output(0)), _square(xy)))
    return [ops.add(middle, reach).output(0), ops.subtract(middle, reach).output(0)]


def _derivatives(image: ov.Output, sigma: float) -> list[ov.Output]:
    """Return the image smoothed and its derivatives times sigma to their order, each (N, 1, Y, X)."""
    kernels = [gaussian_kernel(sigma, order) for order in range(3)]
    reach = len(kernels[0]) // 2
    along_y = _convolve(_padded(image, reach), np.stack(kernels)[:, None, :, None])
    pairs = np.zeros((len(ORDERS), 3, 1, 2 * reach + 1), np.float32)
    for row, (y, x) in enumerate(ORDERS):
        pairs[row, y, 0] = kernels[x]
    both = _convolve(along_y, pairs)
    return [_channel(both, n) for n in range(len(ORDERS))]


def _smooth_each(maps: ov.Output, sigma: float) -> ov.Output:
    """Return three maps (N, 3, Y, X), each smoothed."""
    kernel = gaussian_kernel(sigma, 0)
    each = np.eye(3, dtype=np.float32)[:, :, None, None]
    along_y = _convolve(_padded(maps, len(kernel) // 2), each * kernel[None, None, :, None])
    return _convolve(along_y, each * kernel[None, None, None, :])


def gaussian_kernel(sigma: float, order: int) -> NDArray[np.float32]:
    """Return a Gaussian's derivative times sigma to its order, to be correlated with an image; of sum 1 or 0."""
    reach = int(TRUNCATE * sigma + 0.5)
    at = np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 * (at / sigma) ** 2)
    bell /= bell.sum()
    if order == 1:
        bell = bell * at / sigma
    elif order == 2:
        bell = bell * ((at / sigma) ** 2 - 1)
        bell -= bell.mean()
    return bell.astype(np.float32)


def _padded(maps: ov.Output, reach: int) -> ov.Output:
    sides = np.array([0, 0, reach, reach], np.int64)
    return ops.pad(maps, sides, sides, "edge").output(0)


def _convolve(maps: ov.Output, kernel: NDArray[np.floating]) -> ov.Output:
    still = [0, 0]
    return ops.convolution(maps, kernel.astype(np.float32), [1, 1], still, still, [1, 1]).output(0)


def _channel(maps: ov.Output, number: int) -> ov.Output:
    one = np.array([number], np.int64)
    return ops.slice(maps, one, one + 1, np.array([1], np.int64), np.array([1], np.int64)).output(0)


def _square(maps: ov.Output) -> ov.Output:
    return ops.multiply(maps, maps).output(0)
