"""Spots in pixels: width and threshold learnt from the image, places fitted to parts of a pixel.

What was found is taken off and the rest searched again; every spot is then fitted without its neighbours' light.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

from napari_cellvino.core.spots import Spots
from napari_cellvino.segmentation.spots.gaussian_fit import Gaussians, fit_gaussians, render
from napari_cellvino.segmentation.spots.response import (
    Image,
    Sigma,
    background_of,
    finite_image,
    gaussian_response,
    kernel_norm,
    local_maxima,
    noise_floor,
    noise_of,
    noise_without_crowds,
    pixel_noise,
    roundness,
    spot_response,
    without_hot_pixels,
)
from napari_cellvino.segmentation.spots.shuffled_noise import expected_by_shuffling
from napari_cellvino.segmentation.spots.threshold import (
    choose_brightness,
    choose_score,
    expected_by_chance,
    threshold_curve,
)

FIRST_SIGMAS = (1.3, 2.6)  # px, tried one after the other where nothing is known
SIGMA_RANGE = (0.6, 5.0)
LEAST_SEEN = 1.0  # px: narrower, a response has more noise and less of a spot
WIDER = 1.25  # than the spots, that single ones are seen best at in noise
CROWD = 0.015  # spots per area (volume) of a width squared (to the power of 1.5 in 3D), from which on they crowd
CLEARER = 1.07  # times, that they have to stand out of the noise so, for the wider look to be taken
WHITE = 1.13  # times, that noise grows at most as that of single pixels does
BRIGHT = 7.5  # median score, from which on noise matters less than what lies beside a spot
TELL_NOISE = 5  # places, at which the noise of both looks is compared
FIRST_LOOK = 3.5  # score of maxima that are looked at
SURE = 6.0  # score of spots that tell the width
TELLING = 300  # spots, at most
FEW = 8
FEWEST = 3  # spots that tell the width where they are alike
ALIKE = 0.2  # standard deviation of the logarithm of their widths
MANY = 1_500_000  # voxels that the width is learnt from, at most
PARTS = 4  # along each side of a larger image, of which one is taken
ROUND = 0.3
ROUND_IN_REST = 0.5  # of what comes to light when others are taken off: their rest and edges beside them do, too
ROUND_IN_CROWDS = 0.4
APART = 1.0  # widths between two spots
SEARCHES = 3
THIN = 3  # planes, in which a spot has no middle along z that stands out of its surroundings
LOOSE = 2.7  # score of what may be a spot, whose light is not noise then
MORE_THAN_CHANCE = 5.0  # times what noise has of these, that there are where spots are many
CROWDED_LOOKS = 6  # at most, in each of which the noise is measured without the spots that were found
OF_WIDER = 0.44  # of the response at twice the width: what is three times as wide responds so at the width of spots
OWN = 0.25  # of its response, that is left of a spot without that
STEADY = 0.9  # of the noise before, that is left everywhere where no look more is needed
STILL = 0.75  # of the least response, that a spot gives as it was fitted
BESIDE = 0.35  # of the peak of what was taken off, that a spot has at least: the rest holds what is no Gaussian, too
BESIDE_IN_CROWDS = 0.2
CROWDED = 1.3  # times the noise without spots, that there is with them where they crowd
AROUND = 6.0  # widths, within which light may be the ring of a brighter spot


@dataclass(frozen=True, slots=True)
class _Look:
    """An image and what stands out of its noise at one width of spots."""

    image: Image
    response: Image
    noise: Image
    sigma: Sigma
    seen: Sigma  # the width of the response: that of the spots, or wider
    usual: Image  # the noise with the light of the spots in it, where they crowd
    white: bool = False  # whether the noise is that of single pixels, so that chance is known

    def maxima(self, response: Image, least: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the local maxima (N, 3) of a response above a score, and their scores, round ones alone."""
        at = local_maxima(response, least * self.noise)
        score = (response[tuple(at.T)] / self.noise[tuple(at.T)]).astype(np.float64)
        return at, score


@dataclass(frozen=True, slots=True)
class _Least:
    """What a spot has at least."""

    score: float
    brightness: float


def find_spots(
    image: NDArray[np.generic],
    *,
    sigma_px: float | None = None,
    least_score: float | None = None,
    least_brightness: float | None = None,
    z_over_x: float | None = None,
) -> Spots:
    """Return the spots of an image.

    Parameters
    ----------
    image
        (Y, X) or (Z, Y, X) pixels.
    sigma_px
        Standard deviation of a spot in the plane in px; by default from the image.
    least_score, least_brightness
        How many standard deviations of the noise a spot stands out at least, and how bright its response is; by
        default from the image.
    z_over_x
        Distance of planes over that of pixels, where it is known.

    In stacks of up to three planes spots are sought in the sum of the planes, and their z is the brightest one.
    """
    planes = image.ndim == 3
    if planes and 1 < len(image) <= THIN:
        summed = image.sum(0, dtype=np.int64 if image.dtype.kind in "iub" else np.float32)
        asked_flat = {"least_score": least_score, "least_brightness": least_brightness}
        return _on_brightest_planes(find_spots(summed, sigma_px=sigma_px, **asked_flat), image)
    pixels = without_hot_pixels(finite_image(image if planes else image[None]))
    whole = image.dtype.kind in "iub"
    sigma = _sigma_of(pixels, sigma_px, z_over_x, whole=whole)
    asked = (least_score, least_brightness)
    look = _look_without_spots(_best_look(pixels, sigma, whole=whole), asked, whole=whole)
    found, scores, least, curve = _all_spots(look, asked)
    order = np.lexsort((found.centre[:, 2], found.centre[:, 1], found.centre[:, 0]))
    found, scores = found.select(order), scores[order]
    cell = np.zeros(len(found), np.int32)
    return Spots(found.centre, found.light, scores, cell, planes, sigma, least.score, least.brightness, curve)


def _on_brightest_planes(flat: Spots, image: NDArray[np.generic]) -> Spots:
    """Return the spots of the sum of planes, each in the plane of ``image`` (Z, Y, X) that is brightest there."""
    pixels = finite_image(image)
    smooth = ndi.gaussian_filter(pixels, (0, *flat.sigma[1:]), mode="mirror")
    y, x = _inside(flat.position, (1, *image.shape[1:]))[:, 1:].T
    position = flat.position.copy()
    position[:, 0] = smooth[:, y, x].argmax(0)
    return replace(flat, position=position, planes=True)


def _best_look(pixels: Image, sigma: Sigma, *, whole: bool) -> _Look:
    """Return the look that spots stand out of more: at their own width in crowds and grain, wider in white noise."""
    own, wide = (_look(pixels, sigma, wider, whole=whole) for wider in (1.0, WIDER))
    at, score = own.maxima(own.response, FIRST_LOOK)
    widths = [s for s in sigma if s > 0]
    crowded = len(at) * float(np.prod(widths)) > CROWD ** (len(widths) / 2) * pixels.size
    if crowded or len(at) < TELL_NOISE or float(np.median(score)) > BRIGHT:
        return own
    more = float(np.median(wide.noise[tuple(at.T)] / own.noise[tuple(at.T)]))
    white = more < WHITE * kernel_norm(wide.seen) / kernel_norm(own.seen)
    clearer = gaussian_response(sigma, wide.seen) / gaussian_response(sigma, own.seen) / more
    return replace(wide if clearer > CLEARER else own, white=white)


def _look_without_spots(look: _Look, asked: tuple[float | None, float | None], *, whole: bool) -> _Look:
    """Return a look whose noise is measured without the light of the spots: where they crowd, it is all noise."""
    chance = expected_by_chance(look.image.shape, look.seen)(np.array([FIRST_LOOK]))[0]
    for _ in range(CROWDED_LOOKS):
        many = len(look.maxima(look.response, FIRST_LOOK)[0]) >= MORE_THAN_CHANCE * chance
        at, score, least, _ = _clear_maxima(look, (min(LOOSE if many else FIRST_LOOK, asked[0] or 99.0), 0.0))
        if not len(at):
            break
        found, _ = _believable(look, fit_gaussians(look.image, at, look.sigma), score, least)
        less, _ = _noise(look.image - render(look.image.shape, found), look.seen, whole=whole)
        noise = np.minimum(less, look.noise)
        if float((noise / look.noise).min()) > STEADY:
            break
        look = replace(look, noise=noise)
    return look


def _clear_maxima(
    look: _Look, asked: tuple[float | None, float | None]
) -> tuple[NDArray[np.int64], NDArray[np.float64], _Least, NDArray[np.float64]]:
    """Return the maxima that are spots, their scores, what they have at least, and the responses out of the noise."""
    at, score = look.maxima(look.response, min(FIRST_LOOK, asked[0] or FIRST_LOOK))
    shape = roundness(look.image, at, look.seen)
    keep = shape > ROUND
    keep &= _narrow(look.image, look.response, at, look.seen)
    at, score, shape = at[keep], score[keep], shape[keep]
    response = look.response[tuple(at.T)].astype(np.float64)
    noise = _score_beyond_noise(look, score) if asked[0] is None else asked[0]
    clear = score >= noise
    unusual = response < noise * look.usual[tuple(at.T)]
    clear &= ~unusual | (shape > ROUND_IN_CROWDS) & (
        response > BESIDE_IN_CROWDS * _brightest_near(look.response, at, look.sigma, AROUND)
    )
    bright = choose_brightness(response[clear]) if asked[1] is None else asked[1]
    keep, least = clear & (response >= bright), _Least(noise, bright)
    return at[keep], score[keep], least, response[clear]


def _score_beyond_noise(look: _Look, score: NDArray[np.float64]) -> float:
    """Return the least score that noise leaves alone, given the scores of places that may be spots."""
    gaussian = choose_score(score, expected_by_chance(look.image.shape, look.seen))
    known, _ = look.maxima(look.response, gaussian)  # what is no spot, as a hot column, is no noise either
    return choose_score(
        score, expected_by_shuffling(look.image, look.response, look.noise, look.seen, known), dim=look.white
    )


def _narrow(image: Image, response: Image, at: NDArray[np.int64], sigma: Sigma) -> NDArray[np.bool_]:
    """Return which places (N, 3) respond by themselves, not as the noise on something that is three times as wide."""
    where, wider = tuple(at.T), (2 * sigma[0], 2 * sigma[1], 2 * sigma[2])
    own = response[where] - OF_WIDER * spot_response(image, wider)[where]
    return np.asarray(own > OWN * response[where])


def _all_spots(
    look: _Look, asked: tuple[float | None, float | None]
) -> tuple[Gaussians, NDArray[np.float64], _Least, NDArray[np.float64]]:
    """Return the spots, their scores, what they have at least, and how many each brightness would leave."""
    at, score, least, clear = _clear_maxima(look, asked)
    found, scores = _search(look, at, score, least)
    return found, scores, least, threshold_curve(clear)


def _sigma_of(pixels: Image, fixed: float | None, z_over_x: float | None, *, whole: bool) -> Sigma:
    """Return the width of the spots of an image: that of the clearest ones, as they are usually where there are few."""
    pixels = _telling_part(pixels)
    tried = [_first_sigma(across, z_over_x, flat=len(pixels) == 1) for across in ([fixed] if fixed else FIRST_SIGMAS)]
    learnt = (
        _learnt_sigma(pixels, sigma, whole=whole, fixed=fixed, enough=n) for n in (FEW, FEWEST) for sigma in tried
    )
    return next((sigma for sigma in learnt if sigma is not None), tried[0])


def _telling_part(pixels: Image) -> Image:
    """Return the part of a large image that varies most: it has enough spots to tell their width."""
    side = int(np.sqrt(MANY / len(pixels)))
    height, width = pixels.shape[1:]
    if height * width <= side**2:
        return pixels
    top = pixels.max(0)
    corners = [
        (int(y), int(x))
        for y in np.linspace(0, max(0, height - side), PARTS)
        for x in np.linspace(0, max(0, width - side), PARTS)
    ]
    rough = top - ndi.uniform_filter(top, 5)
    y, x = max(corners, key=lambda at: float(rough[at[0] : at[0] + side, at[1] : at[1] + side].std()))
    return pixels[:, y : y + side, x : x + side]


def _first_sigma(across: float, z_over_x: float | None, *, flat: bool) -> Sigma:
    along = 0.0 if flat else float(np.clip(2.0 * across / (z_over_x or 2.0), 0.6, 4.0))
    return along, across, across


def _learnt_sigma(pixels: Image, sigma: Sigma, *, whole: bool, fixed: float | None, enough: int) -> Sigma | None:
    """Return the width that the clearest spots have, None where there are not enough."""
    for _ in range(3):
        look = _look(pixels, sigma, whole=whole)
        look = replace(look, noise=look.usual)
        at, score = look.maxima(look.response, SURE)
        keep = roundness(pixels, at, look.seen) > ROUND
        at, score = at[keep], score[keep]
        at = at[_lonely(at, sigma)] if len(at) > 2 * FEW else at
        if len(at) < enough:
            return None
        response = look.response[tuple(at.T)]
        at = at[np.argsort(-response)][:TELLING]
        fitted = fit_gaussians(pixels, at, sigma, free_sigma=True)
        ratio = fitted.sigma[:, 1] / sigma[1]
        good = (fitted.peak > 0) & (ratio > 0.4) & (ratio < 2.5)
        if good.sum() < enough or not _agree(ratio[good]):
            return None
        usual = float(np.median(fitted.sigma[good, 1]))
        if fixed is None and usual > SIGMA_RANGE[1]:
            return None
        across = fixed or max(usual, SIGMA_RANGE[0])
        along = float(np.clip(np.median(fitted.sigma[good, 0]), 0.5, 5.0)) if sigma[0] > 0 else 0.0
        before, sigma = sigma, (along, across, across)
        if abs(np.log(across / before[1])) < 0.08:
            break
    return sigma


def _agree(ratio: NDArray[np.float64]) -> bool:
    """Return whether widths tell that of spots: many do, few where they are alike."""
    return len(ratio) >= FEW or (len(ratio) >= FEWEST and float(np.std(np.log(ratio))) < ALIKE)


def _lonely(at: NDArray[np.int64], sigma: Sigma) -> NDArray[np.bool_]:
    """Return which places have no other one within six widths; all where hardly any has."""
    tree = cKDTree(at[:, 1:])
    alone = np.array([len(near) == 1 for near in tree.query_ball_point(at[:, 1:], 6 * sigma[1])])
    return alone if alone.sum() >= FEW else np.ones(len(at), bool)


def _look(pixels: Image, sigma: Sigma, wider: float = 1.0, *, whole: bool) -> _Look:
    along, across = wider * sigma[0], max(wider * sigma[1], LEAST_SEEN)
    seen = (along, across, across)
    noise, usual = _noise(pixels, seen, whole=whole)
    return _Look(pixels, spot_response(pixels, seen), noise, sigma, seen, usual)


def _noise(pixels: Image, sigma: Sigma, *, whole: bool) -> tuple[Image, Image]:
    """Return the noise of the response, and what it is with the spots in it, where they crowd (Z, Y, X)."""
    floor = noise_floor(pixels, whole_numbers=whole)
    background = background_of(pixels, sigma)
    broad = noise_of(spot_response(pixels, sigma), background, floor * kernel_norm(sigma))
    if sigma[0] > 0:  # along z spots have room
        return broad, broad
    light = ndi.gaussian_filter(pixels, [1.5 * s for s in sigma], mode="mirror")
    fine = noise_of(pixel_noise(pixels), light, floor)
    return noise_without_crowds(broad, fine, background, floor), broad


def _search(
    look: _Look, at: NDArray[np.int64], score: NDArray[np.float64], least: _Least
) -> tuple[Gaussians, NDArray[np.float64]]:
    """Return the fitted spots and their scores, with those that come to light when others are taken off."""
    found, score = _believable(look, fit_gaussians(look.image, at, look.sigma), score, least)
    for _ in range(SEARCHES - 1):
        found, score = _fitted_apart(look, found, score, least)
        more, more_score = _in_the_rest(look, found, least)
        if not len(more):
            return found, score
        found, score = _joined(found, more), np.concatenate([score, more_score])
    return _fitted_apart(look, found, score, least)


def _fitted_apart(
    look: _Look, found: Gaussians, score: NDArray[np.float64], least: _Least
) -> tuple[Gaussians, NDArray[np.float64]]:
    """Return the spots, each fitted again without the light of the others."""
    rest = look.image - render(look.image.shape, found)
    middle = _inside(found.centre, look.image.shape)
    return _believable(look, fit_gaussians(look.image, middle, look.sigma, others=(rest, found)), score, least)


def _in_the_rest(look: _Look, found: Gaussians, least: _Least) -> tuple[Gaussians, NDArray[np.float64]]:
    """Return spots, with scores, of an image that those found before are taken off from."""
    taken = render(look.image.shape, found)
    rest = look.image - taken
    response = spot_response(rest, look.seen)
    at, score = look.maxima(response, least.score)
    keep = (response[tuple(at.T)] >= least.brightness) & (roundness(rest, at, look.seen) > ROUND_IN_REST)
    keep &= _narrow(rest, response, at, look.seen)
    if len(at) and len(found):
        near, _ = cKDTree(found.centre / _unit(look.sigma)).query(at / _unit(look.sigma))
        keep &= near > APART
    at, score = at[keep], score[keep]
    fitted = fit_gaussians(rest, at, look.sigma)
    crowded = look.usual[tuple(at.T)] > CROWDED * look.noise[tuple(at.T)]
    enough = fitted.peak > np.where(crowded, BESIDE_IN_CROWDS, BESIDE) * _brightest_near(taken, at, look.sigma)
    return _believable(look, fitted.select(enough), score[enough], least)


def _brightest_near(taken: Image, at: NDArray[np.int64], sigma: Sigma, widths: float = 3.0) -> NDArray[np.float64]:
    """Return the brightest of an image within some widths of places (N, 3)."""
    size = [2 * int(np.ceil(widths * s)) + 1 for s in sigma]
    return np.asarray(ndi.maximum_filter(taken, size=size)[tuple(at.T)], np.float64)


def _believable(
    look: _Look, found: Gaussians, score: NDArray[np.float64], least: _Least
) -> tuple[Gaussians, NDArray[np.float64]]:
    """Return the spots that are bright enough as fitted, inside of the image, and not the same as a brighter one."""
    inside = ((found.centre >= -0.5) & (found.centre <= np.array(look.image.shape) - 0.5)).all(1)
    response = found.peak * gaussian_response(look.sigma, look.seen)
    noise = look.noise[tuple(_inside(found.centre, look.image.shape).T)]
    keep = inside & (response > STILL * np.maximum(least.score * noise, least.brightness))
    found, score = found.select(keep), score[keep]
    if len(found) < 2:
        return found, score
    pairs = cKDTree(found.centre / _unit(look.sigma)).query_pairs(APART * 0.8, output_type="ndarray")
    fainter = np.where(found.peak[pairs[:, 0]] < found.peak[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    keep = np.ones(len(found), bool)
    keep[fainter] = False
    return found.select(keep), score[keep]


def _joined(a: Gaussians, b: Gaussians) -> Gaussians:
    names = ("peak", "background", "centre", "sigma")
    return Gaussians(*(np.concatenate([getattr(a, name), getattr(b, name)]) for name in names))


def _inside(centre: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.clip(np.rint(centre), 0, np.array(shape) - 1).astype(np.int64)


def _unit(sigma: Sigma) -> NDArray[np.float64]:
    return np.array([max(s, 1.0) for s in sigma])
