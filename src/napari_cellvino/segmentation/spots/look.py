"""An image and what stands out of its noise at the width of spots, or a little wider where that sees more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.bands import Image, local_maxima
from napari_cellvino.segmentation.spots.gaussian_filter import gaussian
from napari_cellvino.segmentation.spots.noise import Noise, measure_noise
from napari_cellvino.segmentation.spots.response import (
    Sigma,
    gaussian_response,
    kernel_norm,
    spot_response,
    spot_response_at,
)

FIRST_LOOK = 3.5  # score of maxima that are looked at
LOWEST_LOOK = 2.5  # of maxima whose scores are kept
LEAST_SEEN = 1.0  # px: narrower, a response has more noise and less of a spot
WIDER = 1.25  # than the spots, that single ones are seen best at in noise
CROWD = 0.015  # spots per area (volume) of a width squared (to the power of 1.5 in 3D), from which on they crowd
CLEARER = 1.07  # times, that they have to stand out of the noise so, for the wider look to be taken
WHITE = 1.13  # times, that noise grows at most as that of single pixels does
BRIGHT = 7.5  # median score, from which on noise matters less than what lies beside a spot
OF_WIDER = 0.44  # of the response at twice the width: what is three times as wide responds so at the width of spots
OWN = 0.25  # of its response, that is left of a spot without that
TELL_NOISE = 5  # places, at which the noise of both looks is compared


@dataclass(frozen=True)  # no slots: what is asked for once is kept
class Filtered:
    """An image (Z, Y, X) and what filters make of it at one width, each calculated when it is first asked for."""

    image: Image
    width: Sigma

    @cached_property
    def response(self) -> Image:
        """How much each place looks like a spot."""
        return spot_response(self.image, self.width)

    @cached_property
    def smooth(self) -> Image:
        """The image smoothed at the width."""
        return gaussian(self.image, self.width)

    @cached_property
    def peaks(self) -> NDArray[np.int64]:
        """All local maxima (N, 3) of the response above 0."""
        return local_maxima(self.response, 0.0)

    def wider(self, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the responses at twice the width, at places (N, 3)."""
        return spot_response_at(self.image, at, (2 * self.width[0], 2 * self.width[1], 2 * self.width[2]))

    def stands_alone(self, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which places (N, 3) respond by themselves, not as the noise on what is three times as wide."""
        response = self.response[tuple(at.T)]
        return np.asarray(response - OF_WIDER * self.wider(at) > OWN * response)


@dataclass(frozen=True)  # as above
class Look:
    """An image and what stands out of its noise at one width of spots."""

    filtered: Filtered  # at the width of the spots, or wider
    noise: Noise
    sigma: Sigma
    usual: Noise  # the noise with the light of the spots in it, where they crowd
    crowded: bool = False
    white: bool = False  # whether the noise is that of single pixels, so that chance is known

    @property
    def image(self) -> Image:
        """The pixels."""
        return self.filtered.image

    @cached_property
    def above(self) -> Image:
        """The pixels above the background: spots are not fitted towards the middle plane of a cell, its brightest."""
        return self.image - self.noise.background.everywhere()

    @property
    def response(self) -> Image:
        """How much each place looks like a spot."""
        return self.filtered.response

    @property
    def seen(self) -> Sigma:
        """The width of the response."""
        return self.filtered.width

    def maxima(self, least: float, filtered: Filtered | None = None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the local maxima (N, 3) of the response above a score, and their scores; or those of another image."""
        if filtered is not None or least < LOWEST_LOOK:
            return self._maxima(least, filtered or self.filtered)
        at, score = self._known
        keep = score > least
        return at[keep], score[keep]

    @cached_property
    def _known(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return self._maxima(LOWEST_LOOK, self.filtered)

    def _maxima(self, least: float, filtered: Filtered) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        response = filtered.response[tuple(filtered.peaks.T)]
        may = response > least * self.noise.lowest
        peaks, response = filtered.peaks[may], response[may]
        noise = self.noise.at(peaks)
        keep = response > least * noise
        return peaks[keep], (response[keep] / noise[keep]).astype(np.float64)


def best_look(pixels: Image, sigma: Sigma, *, whole: bool) -> Look:
    """Return the look that spots stand out of more: at their own width in crowds and grain, wider in white noise."""
    own = make_look(pixels, sigma, whole=whole)
    at, score = own.maxima(FIRST_LOOK)
    widths = [s for s in sigma if s > 0]
    crowded = len(at) * float(np.prod(widths)) > CROWD ** (len(widths) / 2) * pixels.size
    if crowded or len(at) < TELL_NOISE or float(np.median(score)) > BRIGHT:
        return replace(own, crowded=crowded)
    wide = make_look(pixels, sigma, WIDER, whole=whole)
    more = float(np.median(wide.noise.at(at) / own.noise.at(at)))
    white = more < WHITE * kernel_norm(wide.seen) / kernel_norm(own.seen)
    clearer = gaussian_response(sigma, wide.seen) / gaussian_response(sigma, own.seen) / more
    return replace(wide if clearer > CLEARER else own, white=white)


def make_look(pixels: Image, sigma: Sigma, wider: float = 1.0, *, whole: bool) -> Look:
    """Return the look of an image (Z, Y, X) at spots of one width, or so many times that."""
    along, across = wider * sigma[0], max(wider * sigma[1], LEAST_SEEN)
    seen = (along, across, across)
    filtered = Filtered(pixels, seen)
    noise = measure_noise(pixels, seen, whole=whole, response=filtered.response)
    return Look(filtered, noise, sigma, noise.of_response)
