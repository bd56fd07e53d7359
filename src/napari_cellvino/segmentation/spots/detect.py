"""Spots in pixels: width and threshold learnt from the image, places fitted to parts of a pixel.

What was found is taken off and the rest searched again; every spot is then fitted without its neighbours' light.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.core.spots import Spots
from napari_cellvino.segmentation.spots.along_z import ends_along_z
from napari_cellvino.segmentation.spots.bands import Image
from napari_cellvino.segmentation.spots.doubt import share_blind, share_hidden, share_left, share_of_noise
from napari_cellvino.segmentation.spots.gaussian_fit import Gaussians, fit_gaussians, render
from napari_cellvino.segmentation.spots.likelihood import OTHER, least_likely, likelihood
from napari_cellvino.segmentation.spots.look import FIRST_LOOK, Filtered, Look, best_look
from napari_cellvino.segmentation.spots.missing import without_gaps
from napari_cellvino.segmentation.spots.network import SEEN_IN, SpotNetworks, network_places, suits_network
from napari_cellvino.segmentation.spots.noise import measure_noise
from napari_cellvino.segmentation.spots.response import (
    ROUND,
    Sigma,
    finite_image,
    gaussian_response,
    on_a_line,
    roundness,
    spot_response_at,
    without_hot_pixels,
)
from napari_cellvino.segmentation.spots.shuffled_noise import expected_by_shuffling
from napari_cellvino.segmentation.spots.threshold import (
    choose_brightness,
    choose_score,
    expected_by_chance,
    threshold_curve,
)
from napari_cellvino.segmentation.spots.width import learn_width

ROUND_IN_REST = 0.5  # of what comes to light when others are taken off: their rest and edges beside them do, too
ROUND_IN_CROWDS = 0.4
ROUND_ON_LINES = 0.36
APART = 1.0  # widths between two spots
SEARCHES = 3
THIN = 3  # planes, in which a spot has no middle along z that stands out of its surroundings
LOOSE = 2.7  # score of what may be a spot, whose light is not noise then
MORE_THAN_CHANCE = 5.0  # times what noise has of these, that there are where spots are many
CROWDED_LOOKS = 6  # at most, in each of which the noise is measured without the spots that were found
STEADY = 0.9  # of the noise before, that is left everywhere where no look more is needed
STILL = 0.75  # of the least response, that a spot gives as it was fitted
BESIDE = 0.35  # of the peak of what was taken off, that a spot has at least: the rest holds what is no Gaussian, too
BESIDE_IN_CROWDS = 0.2
CROWDED = 1.3  # times the noise without spots, that there is with them where they crowd
ASTRAY = 1.0  # px from where a network saw a spot, that it is fitted at most; along z widths where these are more
POSSIBLE, CERTAIN = 0.2, 0.8  # likelihood, from which on there may be a spot, and from which on there is one
FEW_DIM, ENOUGH_DIM = 5, 300  # dimmer places, whose widths tell nothing, and that tell enough
SAME_WIDTH = 0.3  # of the logarithm, up to which a width is that of the spots
MOSTLY_ALIKE = 0.65  # of the dimmer places, that have it where they are spots: 0.56 in a real field of granules
BRIGHTEST = 0.9  # quantile of the responses that a share of is asked
FILTERED = 400  # voxels a place: where there are more places, the whole image is filtered
AROUND = 6.0  # widths, within which light may be the ring of a brighter spot


@dataclass(frozen=True, slots=True)
class _Least:
    """What a spot has at least, how many places are dimmer, and how many spots there are at least and at most."""

    score: float
    brightness: float
    left_out: int = 0
    likely: float = 0.0
    between: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of spots instead of chosen by the field; ``share`` is of the response of the brightest tenth."""

    score: float | None = None
    brightness: float | None = None
    share: float = 0.0


_Found = tuple[Gaussians, NDArray[np.float64], _Least, NDArray[np.float64]]
"""Spots, their scores, what they have at least, and how many each brightness would leave."""


def find_spots(
    image: NDArray[np.generic],
    *,
    sigma_px: float | None = None,
    least_score: float | None = None,
    least_brightness: float | None = None,
    least_share: float = 0.0,
    z_over_x: float | None = None,
    networks: SpotNetworks | None = None,
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
    least_share
        The same as a share of the response of the brightest tenth: of particles of one kind, on what is bright itself.
    z_over_x
        Distance of planes over that of pixels, where it is known.
    networks
        See spots, plane by plane, where noise and width are such as they learnt; elsewhere the filter does.

    In stacks of up to three planes spots are sought in the sum of the planes, and their z is the brightest one.
    """
    planes = image.ndim == 3
    if planes and 1 < len(image) <= THIN:
        summed = image.sum(0, dtype=np.int64 if image.dtype.kind in "iub" else np.float32)
        flat = partial(find_spots, least_score=least_score, least_brightness=least_brightness, least_share=least_share)
        return _on_brightest_planes(flat(summed, sigma_px=sigma_px, networks=networks), image)
    pixels, missing = without_gaps(image if planes else image[None])
    pixels = without_hot_pixels(pixels)
    whole = image.dtype.kind in "iub"
    width = learn_width(pixels, sigma_px, z_over_x, whole=whole)
    asked = _Asked(least_score, least_brightness, least_share)
    look = _look_without_spots(best_look(pixels, width.sigma, whole=whole), asked, whole=whole)
    seen = None if networks is None else _seen_by(networks, look, asked, whole=whole)
    found, scores, least, curve = _all_spots(look, asked) if seen is None else seen
    if missing is not None:
        there = ~missing[tuple(_inside(found.centre, pixels.shape).T)]
        found, scores = found.select(there), scores[there]
    order = np.lexsort((found.centre[:, 2], found.centre[:, 1], found.centre[:, 0]))
    spots = _with_doubts(look, found.select(order), scores[order], least, whole=whole, by_network=seen is not None)
    return replace(spots, planes=planes, sigma=width.sigma, curve=curve, beyond=width.beyond)


def _with_doubts(
    look: Look, found: Gaussians, scores: NDArray[np.float64], least: _Least, *, whole: bool, by_network: bool
) -> Spots:
    """Return the spots that were found in a look, with what may have made their number wrong."""
    return Spots(
        found.centre,
        found.light,
        scores,
        np.zeros(len(found), np.int32),
        least_score=least.score,
        least_brightness=least.brightness,
        by_network=by_network,
        may_be_noise=None if by_network else share_of_noise(look, found.centre),
        left_over=share_left(look, found, whole=whole),
        least_likely=least.likely,
        between=least.between,
        blind=share_blind(look, found.centre),
        hidden=share_hidden(found.centre, look.sigma),
        left_out=least.left_out,
    )


def _on_brightest_planes(flat: Spots, image: NDArray[np.generic]) -> Spots:
    """Return the spots of the sum of planes, each in the plane of ``image`` (Z, Y, X) that is brightest there."""
    pixels = finite_image(image)
    smooth = scipy.ndimage.gaussian_filter(pixels, (0, *flat.sigma[1:]), mode="mirror")
    y, x = _inside(flat.position, (1, *image.shape[1:]))[:, 1:].T
    position = flat.position.copy()
    position[:, 0] = smooth[:, y, x].argmax(0)
    return replace(flat, position=position, planes=True)


def _look_without_spots(look: Look, asked: _Asked, *, whole: bool) -> Look:
    """Return a look whose noise is measured without the light of the spots: where they crowd, it is all noise."""
    chance = expected_by_chance(look.image.shape, look.seen)(np.array([FIRST_LOOK]))[0]
    for _ in range(CROWDED_LOOKS):
        many = len(look.maxima(FIRST_LOOK)[0]) >= MORE_THAN_CHANCE * chance
        at, score, least, _ = _clear_maxima(look, _Asked(min(LOOSE if many else FIRST_LOOK, asked.score or 99.0), 0.0))
        if not len(at):
            break
        found, _ = _believable(look, fit_gaussians(look.above, at, look.sigma), score, least)
        rest = look.image - render(look.image.shape, found)
        noise = measure_noise(rest, look.seen, whole=whole).at_most(look.noise)
        if float((noise.told / look.noise.told).min()) > STEADY:
            break
        look = replace(look, noise=noise)
    return look


def _clear_maxima(
    look: Look, asked: _Asked
) -> tuple[NDArray[np.int64], NDArray[np.float64], _Least, NDArray[np.float64]]:
    """Return the maxima that are spots, their scores, what they have at least, and the responses out of the noise."""
    at, score = look.maxima(min(FIRST_LOOK, asked.score or FIRST_LOOK))
    shape = roundness(look.filtered.smooth, at, look.seen)
    keep = shape > ROUND
    if not look.crowded:  # where neighbours are as good as a line
        keep &= (shape > ROUND_ON_LINES) | ~on_a_line(look.filtered.smooth, at, look.seen)
    keep &= look.filtered.stands_alone(at)
    at, score, shape = at[keep], score[keep], shape[keep]
    response = look.response[tuple(at.T)].astype(np.float64)
    noise = _score_beyond_noise(look, score) if asked.score is None else asked.score
    clear = score >= noise
    usual = look.usual.at(at)
    unusual = np.flatnonzero(clear & (response < noise * usual))
    near = _brightest_near(look.response, at[unusual], look.sigma, AROUND)
    clear[unusual] = (shape[unusual] > ROUND_IN_CROWDS) & (response[unusual] > BESIDE_IN_CROWDS * near)
    bright, left_out = asked.brightness, 0
    if bright is None:
        bright = _beyond_granules(look, at[clear], response[clear])
        left_out = int((clear & (response < bright)).sum())
    if asked.share and clear.any():
        bright = max(bright, asked.share * float(np.quantile(response[clear], BRIGHTEST)))
    keep, least = clear & (response >= bright), _Least(noise, bright, left_out)
    return at[keep], score[keep], least, response[clear]


def _beyond_granules(look: Look, at: NDArray[np.int64], response: NDArray[np.float64]) -> float:
    """Return the least response of spots at places (N, 3) where dimmer ones are granules; 0 where all may be spots.

    Granules and grain are of any width. What is as wide as the spots is a spot, too, however dim: beside the places
    where a gene is transcribed, which are ten times as bright, single molecules are.
    """
    bright = choose_brightness(response)
    dim = np.flatnonzero(response < bright)
    if len(dim) < FEW_DIM:
        return bright
    some = at[dim[:: -(-len(dim) // ENOUGH_DIM)]]
    width = fit_gaussians(look.above, some, look.sigma, free_sigma=True).sigma[:, 1]
    alike = np.abs(np.log(np.maximum(width, 1e-9) / look.sigma[1])) < SAME_WIDTH
    return 0.0 if float(alike.mean()) > MOSTLY_ALIKE else bright


def _score_beyond_noise(look: Look, score: NDArray[np.float64]) -> float:
    """Return the least score that noise leaves alone, given the scores of places that may be spots."""
    gaussian = choose_score(score, expected_by_chance(look.image.shape, look.seen))
    known, _ = look.maxima(gaussian)  # what is no spot, as a hot column, is no noise either
    return choose_score(
        score, expected_by_shuffling(look.image, look.response, look.noise, look.seen, known), dim=look.white
    )


def _all_spots(look: Look, asked: _Asked) -> _Found:
    """Return the spots that the filter finds."""
    at, score, least, clear = _clear_maxima(look, asked)
    found, scores = _search(look, at, score, least)
    return found, scores, least, threshold_curve(clear)


def _seen_by(networks: SpotNetworks, look: Look, asked: _Asked, *, whole: bool) -> _Found | None:
    """Return the spots that the network sees; None where it is not to be relied on."""
    if not suits_network(look, whole=whole):
        return None
    places, chance = network_places(networks, look.image, look.sigma[0], whole=whole)
    at = _inside(places, look.image.shape)
    alone = ends_along_z(look.image, at, look.sigma)
    places, at, planes = places[alone], at[alone], max(1.0, SEEN_IN * look.sigma[0])
    brightest = scipy.ndimage.maximum_filter(look.response, 3 if len(look.image) > 1 else (1, 3, 3))
    response = brightest[tuple(at.T)].astype(np.float64)
    each, usual = planes / look.image.size, response / look.usual.at(at)
    likely = likelihood(chance[alone], usual, _other_response(look, at), each, deep=look.sigma[0])
    enough = least_likely(likely)
    _, _, least, clear = _clear_maxima(look, asked)
    score = response / look.noise.at(at)
    bright = response >= (STILL * least.brightness if asked.brightness is None else asked.brightness)
    if asked.score is None:
        keep = bright & (likely >= enough)
    else:
        keep = bright & (likely >= POSSIBLE) & (score >= asked.score)
    between = (int((bright & (likely >= CERTAIN)).sum()), int((bright & (likely >= POSSIBLE)).sum()))
    least = replace(least, score=asked.score or 0.0, likely=enough, between=between if asked.score is None else None)
    return _fitted_where_seen(look, places[keep], at[keep]), score[keep], least, threshold_curve(clear)


def _other_response(look: Look, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the response at another width over that at the spots' own, as that of a spot is 1, at places (N, 3)."""
    times = OTHER[1 if look.sigma[0] > 0 else 0]
    other = (times * look.seen[0], times * look.seen[1], times * look.seen[2])
    of_spot = gaussian_response(look.sigma, other) / gaussian_response(look.sigma, look.seen)
    own = np.maximum(look.response[tuple(at.T)].astype(np.float64), 1e-9)
    return np.asarray(spot_response_at(look.image, at, other) / own / of_spot)


def _fitted_where_seen(look: Look, places: NDArray[np.float64], at: NDArray[np.int64]) -> Gaussians:
    """Return Gaussians (N) at places (N, 3); where a fit goes astray, the place is that which was seen.

    Astray is out of the image, too: where the middle of a spot lies beyond the last plane, it is in that plane.
    """
    far = ASTRAY * _unit(look.sigma)
    far[1:] = ASTRAY
    places = np.clip(places, 0, np.array(look.image.shape) - 1.0)
    found = _not_astray(fit_gaussians(look.above, at, look.sigma), places, far, look.image.shape)
    for _ in range(SEARCHES - 1):
        rest = look.above - render(look.image.shape, found)
        middle = _inside(found.centre, look.image.shape)
        found = _not_astray(
            fit_gaussians(look.above, middle, look.sigma, others=(rest, found)), places, far, look.image.shape
        )
    return found


def _not_astray(
    found: Gaussians, seen: NDArray[np.float64], far: NDArray[np.float64], shape: tuple[int, ...]
) -> Gaussians:
    astray = (np.linalg.norm((found.centre - seen) / far, axis=1) > 1) | ~_in_image(found.centre, shape)
    centre = np.where(astray[:, None], seen, found.centre)
    return replace(found, centre=centre, peak=np.maximum(found.peak, 0.0))


def _search(
    look: Look, at: NDArray[np.int64], score: NDArray[np.float64], least: _Least
) -> tuple[Gaussians, NDArray[np.float64]]:
    """Return the fitted spots and their scores, with those that come to light when others are taken off."""
    found, score = _believable(look, fit_gaussians(look.above, at, look.sigma), score, least)
    for _ in range(SEARCHES - 1):
        found, score = _fitted_apart(look, found, score, least)
        more, more_score = _in_the_rest(look, found, least)
        if not len(more):
            return found, score
        found, score = _joined(found, more), np.concatenate([score, more_score])
    return _fitted_apart(look, found, score, least)


def _fitted_apart(
    look: Look, found: Gaussians, score: NDArray[np.float64], least: _Least
) -> tuple[Gaussians, NDArray[np.float64]]:
    """Return the spots, each fitted again without the light of the others."""
    rest = look.above - render(look.image.shape, found)
    middle = _inside(found.centre, look.image.shape)
    return _believable(look, fit_gaussians(look.above, middle, look.sigma, others=(rest, found)), score, least)


def _in_the_rest(look: Look, found: Gaussians, least: _Least) -> tuple[Gaussians, NDArray[np.float64]]:
    """Return spots, with scores, of an image that those found before are taken off from."""
    taken = render(look.image.shape, found)
    rest = Filtered(look.image - taken, look.seen)
    at, score = look.maxima(least.score, rest)
    keep = rest.response[tuple(at.T)] >= least.brightness
    keep &= roundness(rest.smooth, at, look.seen) > ROUND_IN_REST
    keep &= rest.stands_alone(at)
    if len(at) and len(found):
        near, _ = scipy.spatial.cKDTree(found.centre / _unit(look.sigma)).query(at / _unit(look.sigma))
        keep &= near > APART
    at, score = at[keep], score[keep]
    fitted = fit_gaussians(rest.image, at, look.sigma)
    crowded = look.usual.at(at) > CROWDED * look.noise.at(at)
    enough = fitted.peak > np.where(crowded, BESIDE_IN_CROWDS, BESIDE) * _brightest_near(taken, at, look.sigma)
    return _believable(look, fitted.select(enough), score[enough], least)


def _brightest_near(taken: Image, at: NDArray[np.int64], sigma: Sigma, widths: float = 3.0) -> NDArray[np.float64]:
    """Return the brightest of an image within some widths of places (N, 3)."""
    reach = [int(np.ceil(widths * s)) for s in sigma]
    if len(at) > taken.size // FILTERED:
        highest = scipy.ndimage.maximum_filter(taken, size=[2 * r + 1 for r in reach])
        return np.asarray(highest[tuple(at.T)], np.float64)
    out = np.empty(len(at))
    for n, place in enumerate(at):
        around = tuple(slice(max(0, c - r), c + r + 1) for c, r in zip(place.tolist(), reach, strict=True))
        out[n] = taken[around].max()
    return out


def _believable(
    look: Look, found: Gaussians, score: NDArray[np.float64], least: _Least
) -> tuple[Gaussians, NDArray[np.float64]]:
    """Return the spots that are bright enough as fitted, inside of the image, and not the same as a brighter one."""
    inside = _in_image(found.centre, look.image.shape)
    response = found.peak * gaussian_response(look.sigma, look.seen)
    noise = look.noise.at(_inside(found.centre, look.image.shape))
    keep = inside & (response > STILL * np.maximum(least.score * noise, least.brightness))
    found, score = found.select(keep), score[keep]
    if len(found) < 2:
        return found, score
    pairs = scipy.spatial.cKDTree(found.centre / _unit(look.sigma)).query_pairs(APART * 0.8, output_type="ndarray")
    fainter = np.where(found.peak[pairs[:, 0]] < found.peak[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    keep = np.ones(len(found), bool)
    keep[fainter] = False
    return found.select(keep), score[keep]


def _in_image(centre: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.asarray(((centre >= -0.5) & (centre <= np.array(shape) - 0.5)).all(1))


def _joined(a: Gaussians, b: Gaussians) -> Gaussians:
    names = ("peak", "background", "centre", "sigma")
    return Gaussians(*(np.concatenate([getattr(a, name), getattr(b, name)]) for name in names))


def _inside(centre: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.clip(np.rint(centre), 0, np.array(shape) - 1).astype(np.int64)


def _unit(sigma: Sigma) -> NDArray[np.float64]:
    return np.array([max(s, 1.0) for s in sigma])
