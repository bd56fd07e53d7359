"""The noise of a response by the light at each place: measured in a part of a large image, told where it is asked for.

Noise grows with brightness, so that its spread is measured among places of equal background: in the middle of the
distribution of the response, which the few places with spots do not reach. In a crowd the spread of the response is
that of the spots; what single pixels do hardly tells of them, so that it limits what is taken for noise there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.background import Background, background_of
from napari_cellvino.segmentation.spots.bands import Image, in_bands, some_of
from napari_cellvino.segmentation.spots.gaussian_filter import gaussian, reach_of
from napari_cellvino.segmentation.spots.response import Sigma, kernel_norm, spot_response

BINS = 16  # of equal background
BIN_PIXELS = 4000  # at least
CENTRAL = (0.35, 0.65)  # part of the distribution of the response that is noise alone
DARK = 0.25  # share of an image, in which the noise of responses is compared with that of pixels
MORE_NOISE = 3.0  # times what these tell, that there may be elsewhere
LIGHT_WIDTHS = 1.5  # of a response, that the light is smoothed at
TELLING = 2_500_000  # voxels that noise is measured in, where an image has many more
STRIPS, STRIP_ROWS = 12, (16, 64)  # of a large image: how many, and how high they are


@dataclass(frozen=True, slots=True)
class NoiseCurve:
    """The standard deviation of noise by the light: between some levels; its variance on a ``line`` at least.

    That of photons grows with the light, also beyond the brightest level.
    """

    levels: NDArray[np.float64]
    spread: NDArray[np.float64]
    line: NDArray[np.float64] | None = None

    @property
    def lowest(self) -> float:
        """The least noise at any light."""
        return float(self.spread.min())

    def at(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the noise at light of any shape."""
        found = np.interp(light, self.levels, self.spread)
        if self.line is not None:
            found = np.maximum(found, np.sqrt(np.maximum(self.line[1] + max(self.line[0], 0.0) * light, 0)))
        return np.asarray(found, np.float32)

    def over(self, light: Image) -> Image:
        """Return the noise (Z, Y, X) of a field of light."""
        out = np.empty(light.shape, np.float32)

        def filled(first: int, last: int) -> None:
            out[:, first:last] = self.at(light[:, first:last])

        in_bands(filled, light.shape)
        return out


@dataclass(frozen=True)  # no slots: the light is kept once it is asked for
class Noise:
    """The noise of a response at one width of spots, told where it is asked for.

    ``usual`` is what the response itself tells by the background, ``fine`` what single pixels tell by the light: the
    less counts. Where ``fine`` is None, nothing is known of single pixels. ``told`` is the noise at many places, for
    images of one shape the same ones. ``above`` is noise that this one is at most.
    """

    image: Image
    seen: Sigma
    background: Background
    usual: NoiseCurve
    fine: NoiseCurve | None
    told: NDArray[np.float32]
    above: Noise | None = None

    @cached_property
    def lowest(self) -> float:
        """The least noise anywhere, or less."""
        own = self.usual.lowest if self.fine is None else min(self.usual.lowest, self.fine.lowest)
        return own if self.above is None else min(own, self.above.lowest)

    def at(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the noise (N,) at voxels (N, 3)."""
        noise = self.usual.at(self.background.at(places))
        if self.fine is not None:
            noise = np.minimum(noise, self.fine.at(self._light[tuple(places.T)]))
        return noise if self.above is None else np.minimum(noise, self.above.at(places))

    @property
    def of_response(self) -> Noise:
        """What the response alone tells: with the light of the spots in it, where they crowd."""
        return replace(self, fine=None)

    def within(self, part: tuple[slice, slice, slice]) -> Image:
        """Return the noise of a part of the image."""
        rows = np.arange(self.background.shape[1])[part[1]]
        noise = self.usual.over(self.background.rows(rows)[part[0], :, part[2]])
        if self.fine is not None:
            noise = np.minimum(noise, self.fine.over(self._light[part]))
        return noise if self.above is None else np.minimum(noise, self.above.within(part))

    def at_most(self, above: Noise) -> Noise:
        """Return this noise, and no more than another one of an image of the same shape."""
        return replace(self, above=above, told=np.minimum(self.told, above.told))

    @cached_property
    def _light(self) -> Image:
        return light_of(self.image, self.seen)


def measure_noise(pixels: Image, seen: Sigma, *, whole: bool, response: Image | None = None) -> Noise:
    """Return the noise of the response of an image (Z, Y, X) at a width; ``response`` where it is known already.

    Where the darkest part has no more noise than numbers have, nothing is known of that of pixels elsewhere.
    """
    floor = noise_floor(pixels, whole_numbers=whole)
    taken, inner = _telling_rows(pixels.shape, reach_of(LIGHT_WIDTHS * seen[1]))
    part = pixels if len(taken) == pixels.shape[1] else pixels[:, taken]
    seen_there = spot_response(part, seen)[:, inner] if response is None else response[:, taken[inner]]
    background = background_of(pixels, seen)
    levels = some_of(background.rows(taken[inner]))
    usual = noise_curve(some_of(seen_there), levels, floor * kernel_norm(seen))
    light, told = some_of(light_of(part, seen)[:, inner]), usual.at(levels)
    single = noise_curve(some_of(pixel_noise(part)[:, inner]), light, floor)
    dark = levels <= np.quantile(levels, DARK)
    of_pixels = single.at(light)
    if float(np.median(of_pixels[dark])) < 2 * floor:
        return Noise(pixels, seen, background, usual, None, told)
    times = MORE_NOISE * float(np.median(told[dark] / of_pixels[dark]))
    fine = NoiseCurve(single.levels, times * single.spread, None if single.line is None else times**2 * single.line)
    return Noise(pixels, seen, background, usual, fine, np.minimum(told, np.float32(times) * of_pixels))


def _telling_rows(shape: tuple[int, ...], reach: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the rows that noise is measured in, all of them where there are few, and which of these tell it.

    The others are what a filter reaches beyond a strip.
    """
    across, rows = shape[0] * shape[2], shape[1]
    high = int(np.clip(TELLING / (across * STRIPS), *STRIP_ROWS)) + 2 * reach
    if across * rows <= TELLING or STRIPS * high >= rows:
        return np.arange(rows), np.ones(rows, bool)
    starts = np.linspace(0, rows - high, STRIPS).astype(np.int64)
    inside = np.zeros(high, bool)
    inside[reach : high - reach] = True
    return (starts[:, None] + np.arange(high)).ravel(), np.tile(inside, STRIPS)


def light_of(pixels: Image, seen: Sigma) -> Image:
    """Return the light (Z, Y, X) that the noise of single pixels goes by."""
    return gaussian(pixels, (LIGHT_WIDTHS * seen[0], LIGHT_WIDTHS * seen[1], LIGHT_WIDTHS * seen[2]))


def noise_of_pixels(pixels: Image, seen: Sigma, *, whole: bool) -> Image:
    """Return the noise of single pixels (Z, Y, X), by the light at a width."""
    return noise_of(pixel_noise(pixels), light_of(pixels, seen), noise_floor(pixels, whole_numbers=whole))


def noise_of(response: Image, background: Image, floor: float) -> Image:
    """Return the standard deviation (Z, Y, X) of the noise of a response, by the background; ``floor`` at least."""
    return noise_curve(some_of(response), some_of(background), floor).over(background)


def noise_curve(values: NDArray[np.float32], levels: NDArray[np.float32], floor: float) -> NoiseCurve:
    """Return how values (N,) spread by the levels of light (N,) that they were found at; ``floor`` at least."""
    bins = int(np.clip(len(values) // BIN_PIXELS, 1, BINS))
    order = np.argsort(levels)
    ordered, values = levels[order], values[order]
    edges = quantile_of_sorted(ordered, np.linspace(0, 1, bins + 1))
    first, last = ordered.searchsorted(edges[:-1], "left"), ordered.searchsorted(edges[1:], "right")
    central = np.diff(scipy.special.ndtri(CENTRAL))[0]
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
    return NoiseCurve(np.array(middles), spread, line)


def quantile_of_sorted(ordered: NDArray[np.float32], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `np.quantile` of values in order, at shares from 0 to 1."""
    place = shares * (len(ordered) - 1)
    below = np.floor(place).astype(np.int64)
    beyond = place - below
    low, high = ordered[below], ordered[np.minimum(below + 1, len(ordered) - 1)]
    step = high - low
    return np.where(beyond < 0.5, low + step * beyond, high - step * (1 - beyond))


def noise_floor(image: Image, *, whole_numbers: bool) -> float:
    """Return the least noise of a pixel: that of rounding, or of nothing but the numbers' own precision."""
    return float(np.sqrt(1 / 12)) if whole_numbers else 1e-6 * float(np.abs(some_of(image)).max() + 1e-12)


def pixel_noise(image: Image) -> Image:
    """Return second differences along both axes of each plane (Z, Y, X), of standard deviation 1 in white noise of 1.

    Hardly anything but noise is left of spots that are wider than a pixel (Immerkaer 1996, "Fast noise variance
    estimation").
    """
    second = np.array([1.0, -2.0, 1.0]) / np.sqrt(6)
    along_y = scipy.ndimage.correlate1d(image, second, axis=1, mode="mirror")
    return np.asarray(scipy.ndimage.correlate1d(along_y, second, axis=2, mode="mirror"), np.float32)
