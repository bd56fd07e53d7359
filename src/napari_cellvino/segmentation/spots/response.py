"""How much each place of an image looks like a spot of one width, in standard deviations of the noise there.

The response is the Laplacian of Gaussian with the width of the spots, which even and slowly changing backgrounds leave
at 0. Noise grows with brightness, so that its spread is measured among places of equal background: in the middle of
the distribution of the response, which the few places with spots do not reach.

References
----------
Lindeberg 1998, "Feature detection with automatic scale selection"; Raj et al. 2008, "Imaging individual mRNA molecules
using multiple singly labeled probes".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.special import ndtri

from napari_cellvino.segmentation.spots.bands import (
    Image,
    gaussian,
    highest_beside,
    in_bands,
    kernel_weights,
    neighbours_in_plane,
)

Sigma = tuple[float, float, float]

BINS = 16  # of equal background
BIN_PIXELS = 4000  # at least
CENTRAL = (0.35, 0.65)  # part of the distribution of the response that is noise alone
BLOCK_SIGMAS = 6.0  # side of a block in which the background is looked for
HOT_SHARE = 0.5  # of its light, that the brightest neighbour of a hot pixel has at most
HOT_BESIDE = 0.12  # of a spot's peak that its four neighbours have at least, on average: 0.25 at a width of 0.6 px
HOT_DEVIATIONS = 6.0
TOLD = 0.15  # of the curvature across, that a spot has along z at least for it to tell something
DARK = 0.25  # share of an image, in which the noise of responses is compared with that of pixels
MORE_NOISE = 3.0  # times what these tell, that there may be elsewhere
SAMPLES = 500_000
ROUND = 0.3
FEW_PIXELS = 4  # times the image, that patches round places have at most where only these are filtered
AT_A_TIME = 2_000_000  # pixels of patches
ONE = np.ones(1, np.float32)
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
    middle, brightest = neighbours_in_plane(image)
    above = image - middle
    spread = _usual_spread(_some(above)) + 1e-6
    at = np.argwhere((above > HOT_DEVIATIONS * spread) & (brightest - middle < HOT_SHARE * above))
    at = at[_light_beside(image, at) < HOT_BESIDE]
    cleaned = image.copy()
    cleaned[tuple(at.T)] = middle[tuple(at.T)]
    return cleaned


def _usual_spread(values: NDArray[np.float32]) -> float:
    """Return the standard deviation that most values tell; where most pixels have no photon, that of all but a few."""
    usual = 1.4826 * float(np.median(np.abs(values)))
    return usual if usual > 0 else float(np.clip(values, *np.quantile(values, (0.01, 0.99))).std())


def _light_beside(image: Image, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean light of the four neighbours of pixels (N, 3), as a share of theirs, both above surroundings."""
    if not len(at):
        return np.zeros(0)
    around = [_shifted(image, at, (0, dy, dx)) for dy in range(-2, 3) for dx in range(-2, 3)]
    middle = np.median(around, axis=0)
    beside = np.mean([_shifted(image, at, (0, dy, dx)) for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))], axis=0)
    return np.asarray((beside - middle) / np.maximum(_shifted(image, at, (0, 0, 0)) - middle, 1e-6))


def spot_response(image: Image, sigma: Sigma) -> Image:
    """Return the negative Laplacian of Gaussian (Z, Y, X), scaled so that equal spots of any width respond equally."""
    out = np.zeros(image.shape, np.float32)
    for axis in range(3):
        if sigma[axis] <= 0:
            continue
        order = [0, 0, 0]
        order[axis] = 2
        widths = [max(s, 1e-3) if s > 0 else 0.0 for s in sigma]
        out -= np.float32(sigma[axis] ** 2) * gaussian(image, widths, order)
    return out


def spot_response_at(image: Image, at: NDArray[np.int64], sigma: Sigma) -> NDArray[np.float64]:
    """Return `spot_response` at voxels (N, 3): of the pixels round these where they are few."""
    weights = [[kernel_weights(s, order) for order in (0, 2)] if s > 0 else [ONE, ONE * 0] for s in sigma]
    reach = np.array([len(of[0]) - 1 for of in weights])
    patch = int(np.prod(2 * reach + 1))
    if len(at) * patch > FEW_PIXELS * image.size or (reach >= np.array(image.shape)).any():
        return np.asarray(spot_response(image, sigma)[tuple(at.T)], np.float64)
    both = [np.stack([np.r_[w[:0:-1], w] for w in of]).astype(np.float64) for of in weights]
    size = max(1, AT_A_TIME // patch)
    parts = [_response_of(image, at[n : n + size], reach, both, sigma) for n in range(0, len(at), size)]
    return np.concatenate([np.zeros(0), *parts])


def _response_of(
    image: Image, at: NDArray[np.int64], reach: NDArray[np.int64], weights: list[NDArray[np.float64]], sigma: Sigma
) -> NDArray[np.float64]:
    """Return the response (N,) of patches: ``weights`` (2, L) of each axis are a Gaussian and its second derivative."""
    z, y, x = (
        _mirrored(at[:, axis, None] + np.arange(-reach[axis], reach[axis] + 1), image.shape[axis]) for axis in range(3)
    )
    values = image[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]].astype(np.float64)
    plane = weights[1] @ (values @ weights[2].T)  # (N, Z, 2, 2)
    both = np.einsum("az,nzbc->nabc", weights[0], plane)
    bent = np.stack([both[:, 1, 0, 0], both[:, 0, 1, 0], both[:, 0, 0, 1]], 1)
    return np.asarray(-bent @ np.array(sigma) ** 2, np.float64)


def _mirrored(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return places along an axis, those beyond its ends mirrored at the first and the last one."""
    return np.asarray(np.minimum(np.abs(places), 2 * (length - 1) - np.abs(places)), np.int64)


def background_of(image: Image, sigma: Sigma) -> Image:
    """Return the background (Z, Y, X): the median of blocks in every plane, smoothed."""
    side = max(8, round(BLOCK_SIGMAS * max(sigma[1:])))
    out = np.empty(image.shape, np.float32)
    for z, plane in enumerate(image):
        height, width = (-(-n // side) for n in plane.shape)
        beyond = [(0, n * side - size) for n, size in zip((height, width), plane.shape, strict=True)]
        padded = np.pad(plane, beyond, mode="symmetric")
        blocks = padded.reshape(height, side, width, side).swapaxes(1, 2).reshape(height, width, -1)
        low = ndi.gaussian_filter(_median(blocks), 0.7)
        out[z] = _between_blocks(low, side)[: plane.shape[0], : plane.shape[1]]
    return out


def _between_blocks(low: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return values of the middles of blocks as those of pixels, ``side`` times as many, linear between them."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5  # in blocks, from the middle of one
    before, after = np.maximum(-place, 0), np.maximum(place, 0)
    here = 1 - before - after
    down = np.pad(low, ((1, 1), (0, 0)), mode="edge")[:, None]
    rows = down[1:-1] * here[:, None] + down[:-2] * before[:, None] + down[2:] * after[:, None]
    across = np.pad(rows.reshape(-1, low.shape[1]), ((0, 0), (1, 1)), mode="edge")[..., None]
    mixed = across[:, 1:-1] * here
    half = side // 2
    mixed[..., :half] += across[:, :-2] * before[:half]
    mixed[..., half:] += across[:, 2:] * after[half:]
    return np.asarray(mixed.reshape(len(mixed), -1), np.float32)


def _median(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median along the last axis; sorting short rows whole takes a sixth of the time of `np.median`."""
    ordered = np.sort(blocks, axis=-1)
    half = ordered.shape[-1] // 2
    upper = ordered[..., half]
    return np.asarray(upper if ordered.shape[-1] % 2 else upper - (upper - ordered[..., half - 1]) * np.float32(0.5))


def noise_of(response: Image, background: Image, floor: float) -> Image:
    """Return the standard deviation (Z, Y, X) of the noise of a response, by the background; ``floor`` at least."""
    values, levels = _some(response), _some(background)
    bins = int(np.clip(len(values) // BIN_PIXELS, 1, BINS))
    order = np.argsort(levels)
    ordered, values = levels[order], values[order]
    edges = quantile_of_sorted(ordered, np.linspace(0, 1, bins + 1))
    first, last = ordered.searchsorted(edges[:-1], "left"), ordered.searchsorted(edges[1:], "right")
    central = np.diff(ndtri(CENTRAL))[0]
    middles, spreads = [], []
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        if end - start >= min(BIN_PIXELS, len(values)) // 4:
            middles.append(float((ordered[(start + end - 1) // 2] + ordered[(start + end) // 2]) / 2))
            alike = np.sort(values[start:end])
            spreads.append(float(np.diff(quantile_of_sorted(alike, np.array(CENTRAL)))[0] / central))
    spread = np.maximum(spreads, max(floor, 0.1 * float(np.median(spreads))))
    line = None
    if len(middles) > 2 and np.ptp(middles) > 0:
        line = np.polyfit(middles, spread**2, 1, w=1 / spread**2)
    return _by_light(background, np.array(middles), spread, line)


def quantile_of_sorted(ordered: NDArray[np.float32], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `np.quantile` of values in order, at shares from 0 to 1."""
    place = shares * (len(ordered) - 1)
    below = np.floor(place).astype(np.int64)
    beyond = place - below
    low, high = ordered[below], ordered[np.minimum(below + 1, len(ordered) - 1)]
    step = high - low
    return np.where(beyond < 0.5, low + step * beyond, high - step * (1 - beyond))


def _by_light(
    background: Image, middles: NDArray[np.float64], spread: NDArray[np.float64], line: NDArray[np.float64] | None
) -> Image:
    """Return the noise (Z, Y, X) of a background, between that of some of its levels; its variance on a line at least.

    That of photons grows with the light, also beyond the brightest level.
    """
    out = np.empty(background.shape, np.float32)

    def filled(first: int, last: int) -> None:
        light = background[:, first:last]
        found = np.interp(light, middles, spread)
        if line is not None:
            found = np.maximum(found, np.sqrt(np.maximum(line[1] + max(line[0], 0.0) * light, 0)))
        out[:, first:last] = found

    in_bands(filled, background.shape)
    return out


def noise_floor(image: Image, *, whole_numbers: bool) -> float:
    """Return the least noise of a pixel: that of rounding, or of nothing but the numbers' own precision."""
    return float(np.sqrt(1 / 12)) if whole_numbers else 1e-6 * float(np.abs(_some(image)).max() + 1e-12)


def pixel_noise(image: Image) -> Image:
    """Return second differences along both axes of each plane (Z, Y, X), of standard deviation 1 in white noise of 1.

    Hardly anything but noise is left of spots that are wider than a pixel (Immerkaer 1996, "Fast noise variance
    estimation").
    """
    second = np.array([1.0, -2.0, 1.0]) / np.sqrt(6)
    along_y = ndi.correlate1d(image, second, axis=1, mode="mirror")
    return np.asarray(ndi.correlate1d(along_y, second, axis=2, mode="mirror"), np.float32)


def noise_without_crowds(broad: Image, fine: Image, background: Image, floor: float) -> Image:
    """Return the noise of a response (Z, Y, X) where spots crowd: as the darkest part of the image tells from pixels.

    Parameters
    ----------
    broad, fine
        The noise of the response and of single pixels (Z, Y, X). In a crowd the spread of the response is that of the
        spots; what single pixels do hardly tells of them.
    background
        As the noise was measured by.
    floor
        The least noise of a pixel. Where the darkest part has no more, nothing is known of the noise elsewhere.
    """
    dark = _some(background) <= np.quantile(_some(background), DARK)
    told = _some(fine)[dark]
    if float(np.median(told)) < 2 * floor:
        return broad
    ratio = float(np.median(_some(broad)[dark] / told))
    return np.asarray(np.minimum(broad, np.float32(MORE_NOISE * ratio) * fine), np.float32)


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


def local_maxima(response: Image, least: Image | float) -> NDArray[np.int64]:
    """Return the voxels (N, 3) that are above all their neighbours and above ``least``."""
    return np.argwhere((response == highest_beside(response)) & (response > least))


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
    smooth = ndi.gaussian_filter1d(spots, sigma, axis=1, mode="mirror")
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


def _some(values: Image) -> Image:
    """Return some of the values; at a distance that is odd, so that these are of all columns."""
    step = max(1, values.size // SAMPLES)
    return values.ravel()[:: step | 1]
