"""How much each place of an image looks like a spot of one width, in standard deviations of the noise there.

The response is the Laplacian of Gaussian with the width of the spots, which even and slowly changing backgrounds leave
at 0; its noise is measured in `noise`.

References
----------
Lindeberg 1998, "Feature detection with automatic scale selection"; Raj et al. 2008, "Imaging individual mRNA molecules
using multiple singly labeled probes".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.bands import (
    Image,
    mirrored,
    neighbours_in_plane,
    peaks_in_plane,
)
from napari_cellvino.segmentation.spots.gaussian_filter import (
    Orders,
    both_sides,
    kernel_weights,
    reach_of,
    sum_of_gaussians,
)

Sigma = tuple[float, float, float]

MIDDLE = 4  # of the eight neighbours in their order: the upper median
HOT_SHARE = 0.5  # of its light, that the brightest neighbour of a hot pixel has at most
HOT_BESIDE = 0.12  # of a spot's peak that its four neighbours have at least, on average: 0.25 at a width of 0.6 px
HOT_DEVIATIONS = 6.0
HOT_SAMPLES = 100_000  # pixels that tell how much they differ from those beside them
TOLD = 0.15  # of the curvature across, that a spot has along z at least for it to tell something
ROUND = 0.3
LEAST_WIDTH = 1e-3  # px
FEW_PIXELS = 2  # times the image, that patches round places have at most where only these are filtered
AT_A_TIME = 2_000_000  # pixels of patches
WAYS = 8  # directions over half a turn
LINE_WIDTHS = (3.0, 4.5)  # from a place, where a fibre is looked for
LINE = 0.6  # of the brightness above the surroundings, that a fibre has there


def finite_image(image: NDArray[np.generic]) -> Image:
    """Return an image (Z, Y, X) as float32; pixels without a value get the median."""
    pixels = image.astype(np.float32)
    bad = ~np.isfinite(pixels)
    if bad.any():
        pixels[bad] = np.median(pixels[~bad]) if not bad.all() else 0.0
    return pixels


def without_hot_pixels(image: Image) -> Image:
    """Return an image (Z, Y, X) with single pixels that outshine all their neighbours replaced by their median.

    The light of a spot falls onto several pixels, that of a defect of the camera or a cosmic ray onto one.
    """
    some = np.stack(np.unravel_index(np.arange(0, image.size, max(1, image.size // HOT_SAMPLES) | 1), image.shape), 1)
    spread = _usual_spread(image[tuple(some.T)] - neighbours_in_plane(image, some)[:, MIDDLE]) + 1e-6
    at = peaks_in_plane(image, (1 - HOT_SHARE) * HOT_DEVIATIONS * spread)
    ranked = neighbours_in_plane(image, at)
    middle, brightest = ranked[:, MIDDLE], ranked[:, -1]
    above = image[tuple(at.T)] - middle
    hot = (above > HOT_DEVIATIONS * spread) & (brightest - middle < HOT_SHARE * above)
    hot[hot] = _light_beside(image, at[hot]) < HOT_BESIDE
    cleaned = image.copy()
    cleaned[tuple(at[hot].T)] = middle[hot]
    return cleaned


def _usual_spread(values: NDArray[np.float32]) -> float:
    """Return the standard deviation that most values tell; where most pixels have no photon, that of all but a few."""
    usual = 1.4826 * float(np.median(np.abs(values)))
    return usual if usual > 0 else float(np.clip(values, *np.quantile(values, (0.01, 0.99))).std())


def _light_beside(image: Image, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean light of the four neighbours of pixels (N, 3), as a share of theirs, both above surroundings."""
    if not len(at):
        return np.zeros(0)
    z, y, x = at.T
    around = {
        (dy, dx): image[z, mirrored(y + dy, image.shape[1]), mirrored(x + dx, image.shape[2])].astype(np.float64)
        for dy in range(-2, 3)
        for dx in range(-2, 3)
    }
    middle = np.median(list(around.values()), axis=0)
    beside = np.mean([around[way] for way in ((-1, 0), (1, 0), (0, -1), (0, 1))], axis=0)
    return np.asarray((beside - middle) / np.maximum(around[0, 0] - middle, 1e-6))


def spot_response(image: Image, sigma: Sigma) -> Image:
    """Return the negative Laplacian of Gaussian (Z, Y, X), scaled so that equal spots of any width respond equally."""
    widths = [max(s, LEAST_WIDTH) if s > 0 else 0.0 for s in sigma]
    return sum_of_gaussians(image, widths, _bends(sigma))


def _bends(sigma: Sigma) -> dict[Orders, float]:
    """Return the derivatives, by their orders along z, y and x, that a response is the sum of, and their factors."""
    every: tuple[Orders, ...] = ((2, 0, 0), (0, 2, 0), (0, 0, 2))
    return {order: -(s**2) for order, s in zip(every, sigma, strict=True) if s > 0}


def spot_response_at(image: Image, at: NDArray[np.int64], sigma: Sigma) -> NDArray[np.float64]:
    """Return `spot_response` at voxels (N, 3): of the pixels round these where they are few."""
    reach = [reach_of(s) for s in sigma]
    patch = int(np.prod([2 * r + 1 for r in reach]))
    if len(at) * patch > FEW_PIXELS * image.size or any(r >= n for r, n in zip(reach, image.shape, strict=True)):
        return np.asarray(spot_response(image, sigma)[tuple(at.T)], np.float64)
    kernels = [np.float32(factor) * _kernel(sigma, order) for order, factor in _bends(sigma).items()]
    return filtered_at(image, at, np.sum(kernels, axis=0))


def _kernel(sigma: Sigma, orders: Orders) -> NDArray[np.float32]:
    """Return the kernel (Z, Y, X) of a derivative of a Gaussian."""
    z, y, x = (both_sides(kernel_weights(s, order)) for s, order in zip(sigma, orders, strict=True))
    return np.asarray(z[:, None, None] * y[:, None] * x)


def filtered_at(image: Image, at: NDArray[np.int64], kernel: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return an image, mirrored at its edges, correlated with a kernel, at voxels (N, 3)."""
    reach, shape = np.array(kernel.shape) // 2, np.array(image.shape)
    inner = ((at >= reach) & (at < shape - reach)).all(1)
    flat = kernel.ravel()
    out, size = np.empty(len(at)), max(1, AT_A_TIME // kernel.size)
    for part in _parts(np.flatnonzero(inner), size):
        windows = sliding_window_view(image, kernel.shape)[tuple((at[part] - reach).T)]
        out[part] = windows.reshape(len(part), -1) @ flat
    for part in _parts(np.flatnonzero(~inner), size):
        z, y, x = (mirrored(at[part, n, None] + np.arange(-reach[n], reach[n] + 1), image.shape[n]) for n in range(3))
        around = image[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]]
        out[part] = around.reshape(len(part), -1) @ flat
    return out


def _parts(numbers: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for first in range(0, len(numbers), size):
        yield numbers[first : first + size]


def gaussian_response(spot: Sigma, seen: Sigma) -> float:
    """Return the response at width ``seen`` to a Gaussian of peak 1 and width ``spot``, both 0 where there is no z."""
    pairs = [(own, wide) for own, wide in zip(spot, seen, strict=True) if wide > 0]
    bent = sum(wide**2 / (own**2 + wide**2) for own, wide in pairs)
    return float(bent * np.prod([own / np.hypot(own, wide) for own, wide in pairs]))


def kernel_norm(sigma: Sigma) -> float:
    """Return the standard deviation of the response to white noise of standard deviation 1."""
    reach = [int(np.ceil(4 * s)) if s > 0 else 0 for s in sigma]
    point = np.zeros([2 * r + 1 for r in reach], np.float32)
    point[tuple(reach)] = 1
    return float(np.sqrt((spot_response(point, sigma) ** 2).sum()))


def roundness(smooth: Image, at: NDArray[np.int64], sigma: Sigma) -> NDArray[np.float64]:
    """Return the least over the largest curvature (N,), scaled by the width: 1 of spots, 0 or less of edges and fibres.

    ``smooth`` (Z, Y, X) is the image smoothed at the width ``sigma``.

    What goes through all planes alike is no spot either; where the stack is so thin that a spot does too, nobody can
    tell, and only its look in the plane counts.
    """
    if not len(at):
        return np.zeros(0)
    step = max(1, round(max(sigma[1:]) * 0.8))
    here = _shifted(smooth, at, (0, 0, 0))
    yy, xx = (_curvature(smooth, at, here, way) for way in ((0, step, 0), (0, 0, step)))
    corners = [_shifted(smooth, at, (0, dy * step, dx * step)) for dy, dx in ((-1, -1), (1, 1), (-1, 1), (1, -1))]
    xy = (corners[0] + corners[1] - corners[2] - corners[3]) / 4
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    strongest, weakest = np.minimum(middle - spread, -1e-12), middle + spread
    if sigma[0] > 0:
        deep = max(1, round(sigma[0] * 0.8))
        usual = _usual_curvature(len(smooth), sigma[0], deep)
        across = _usual_curvature(8 * step + 1, sigma[1], step)[4 * step]
        told = usual[at[:, 0]] < TOLD * across
        along = _curvature(smooth, at, here, (deep, 0, 0)) * across / np.minimum(usual[at[:, 0]], TOLD * across)
        weakest = np.where(told, np.maximum(weakest, along), weakest)
    return np.asarray(weakest / strongest)


def on_a_line(smooth: Image, at: NDArray[np.int64], sigma: Sigma) -> NDArray[np.bool_]:
    """Return which places (N, 3) lie on a fibre: on both sides, twice as far apart, it is nearly as bright as here.

    ``smooth`` (Z, Y, X) is the image smoothed at the width ``sigma``.
    """
    if not len(at):
        return np.zeros(0, bool)
    here, line = _shifted(smooth, at, (0, 0, 0)), np.zeros((WAYS, len(at)))
    rings = [[_shifted(smooth, at, way) for way in _ring(widths * max(sigma[1:]))] for widths in LINE_WIDTHS]
    low = np.min(rings, axis=(0, 1))
    for n in range(WAYS):
        near = [np.minimum(_brightest_of(ring, n), _brightest_of(ring, n + WAYS)) for ring in rings]
        line[n] = np.min(near, axis=0)
    return np.asarray((line.max(0) - low) > LINE * (here - low))


def _ring(radius: float) -> list[tuple[int, int, int]]:
    """Return steps to the places of a circle, in two times `WAYS` directions."""
    angles = np.arange(2 * WAYS) * np.pi / WAYS
    return [(0, round(radius * float(np.sin(a))), round(radius * float(np.cos(a)))) for a in angles]


def _brightest_of(ring: list[NDArray[np.float64]], way: int) -> NDArray[np.float64]:
    """Return the brightest (N,) of a ring in one direction and the two beside: fibres bend."""
    return np.asarray(np.max([ring[(way + n) % len(ring)] for n in (-1, 0, 1)], axis=0))


def _usual_curvature(planes: int, sigma: float, step: int) -> NDArray[np.float64]:
    """Return the second differences (planes,) that a smoothed spot has in each plane of a stack of so many."""
    place = np.arange(planes)
    spots = np.exp(-0.5 * ((place[None] - place[:, None]) / sigma) ** 2)
    smooth = scipy.ndimage.gaussian_filter1d(spots, sigma, axis=1, mode="mirror")
    back, on = np.clip(place - step, 0, planes - 1), np.clip(place + step, 0, planes - 1)
    return np.asarray(smooth[place, back] + smooth[place, on] - 2 * smooth[place, place])


def _curvature(
    image: Image, at: NDArray[np.int64], here: NDArray[np.float64], way: tuple[int, int, int]
) -> NDArray[np.float64]:
    """Return the second differences (N,) along a way."""
    back = (-way[0], -way[1], -way[2])
    return np.asarray(_shifted(image, at, way) + _shifted(image, at, back) - 2 * here)


def _shifted(image: Image, at: NDArray[np.int64], way: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the values (N,) beside voxels, at the rim those of the last one."""
    where = np.clip(at + np.array(way), 0, np.array(image.shape) - 1)
    return np.asarray(image[tuple(where.T)], np.float64)
