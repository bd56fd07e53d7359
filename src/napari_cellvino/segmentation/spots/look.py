"""An image and what stands out of its noise at the width of spots, or a little wider where that sees more."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.segmentation.spots.response import (
    Image,
    Sigma,
    background_of,
    gaussian_response,
    kernel_norm,
    local_maxima,
    noise_floor,
    noise_of,
    noise_without_crowds,
    pixel_noise,
    spot_response,
)

FIRST_LOOK = 3.5  # score of maxima that are looked at
LEAST_SEEN = 1.0  # px: narrower, a response has more noise and less of a spot
WIDER = 1.25  # than the spots, that single ones are seen best at in noise
CROWD = 0.015  # spots per area (volume) of a width squared (to the power of 1.5 in 3D), from which on they crowd
CLEARER = 1.07  # times, that they have to stand out of the noise so, for the wider look to be taken
WHITE = 1.13  # times, that noise grows at most as that of single pixels does
BRIGHT = 7.5  # median score, from which on noise matters less than what lies beside a spot
TELL_NOISE = 5  # places, at which the noise of both looks is compared


@dataclass(frozen=True, slots=True)
class Look:
    """An image and what stands out of its noise at one width of spots."""

    image: Image
    response: Image
    noise: Image
    sigma: Sigma
    seen: Sigma  # the width of the response: that of the spots, or wider
    usual: Image  # the noise with the light of the spots in it, where they crowd
    crowded: bool = False
    white: bool = False  # whether the noise is that of single pixels, so that chance is known

    def maxima(self, response: Image, least: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the local maxima (N, 3) of a response above a score, and their scores, round ones alone."""
        at = local_maxima(response, least * self.noise)
        score = (response[tuple(at.T)] / self.noise[tuple(at.T)]).astype(np.float64)
        return at, score


def best_look(pixels: Image, sigma: Sigma, *, whole: bool) -> Look:
    """Return the look that spots stand out of more: at their own width in crowds and grain, wider in white noise."""
    own, wide = (make_look(pixels, sigma, wider, whole=whole) for wider in (1.0, WIDER))
    at, score = own.maxima(own.response, FIRST_LOOK)
    widths = [s for s in sigma if s > 0]
    crowded = len(at) * float(np.prod(widths)) > CROWD ** (len(widths) / 2) * pixels.size
    if crowded or len(at) < TELL_NOISE or float(np.median(score)) > BRIGHT:
        return replace(own, crowded=crowded)
    more = float(np.median(wide.noise[tuple(at.T)] / own.noise[tuple(at.T)]))
    white = more < WHITE * kernel_norm(wide.seen) / kernel_norm(own.seen)
    clearer = gaussian_response(sigma, wide.seen) / gaussian_response(sigma, own.seen) / more
    return replace(wide if clearer > CLEARER else own, white=white)


def make_look(pixels: Image, sigma: Sigma, wider: float = 1.0, *, whole: bool) -> Look:
    """Return the look of an image (Z, Y, X) at spots of one width, or so many times that."""
    along, across = wider * sigma[0], max(wider * sigma[1], LEAST_SEEN)
    seen = (along, across, across)
    noise, usual = noise_at(pixels, seen, whole=whole)
    return Look(pixels, spot_response(pixels, seen), noise, sigma, seen, usual)


def noise_at(pixels: Image, sigma: Sigma, *, whole: bool) -> tuple[Image, Image]:
    """Return the noise of the response, and what it is with the spots in it, where they crowd (Z, Y, X)."""
    floor = noise_floor(pixels, whole_numbers=whole)
    background = background_of(pixels, sigma)
    broad = noise_of(spot_response(pixels, sigma), background, floor * kernel_norm(sigma))
    if sigma[0] > 0:  # along z spots have room
        return broad, broad
    light = ndi.gaussian_filter(pixels, [1.5 * s for s in sigma], mode="mirror")
    fine = noise_of(pixel_noise(pixels), light, floor)
    return noise_without_crowds(broad, fine, background, floor), broad
