"""How many of the spots may be noise or grain: where what is dimmer goes on without a gap, brightness tells nothing.

Maxima of noise grow fewer with their score as a Gaussian falls, faster than in any picture of spots, which are a group
of their own above it. In speckle, in the texture of chromatin and in the grain of bright cells, they fall as slowly
as the spots themselves do. The fall is measured below the dimmest spots and followed on: what it leaves at the scores
of spots may be noise. Maxima of the mirrored image, dark ones, were ruled out: speckle has hardly any, as light has an
end below. So were surrogates of the same spectrum, to which the spots themselves lend theirs.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.gaussian_fit import Gaussians, render
from napari_cellvino.segmentation.spots.look import Look
from napari_cellvino.segmentation.spots.noise import noise_of_pixels
from napari_cellvino.segmentation.spots.response import ROUND, Sigma, kernel_norm, roundness, spot_response_at

FEWEST = 10  # spots, whose scores are compared with those of other maxima
DIMMEST = 0.1  # quantile of the scores of spots, up to which maxima tell what noise there is
FIRST, NARROWEST, LAST = 1.0, 0.75, 40.0  # score that this begins at, how far it goes at least, and where it ends
FINE, COARSE = 0.125, 0.25  # steps of score
MOST_PEAKS = 60_000  # that are looked at
ENOUGH = 1000  # spots, round which what they leave is looked at
AROUND = (0.0, 1.5, 2.5)  # widths from the middle of a spot
WAYS = 8
BESIDE = 4.0  # widths, within which neighbours tell how dense spots are
APART_IN_PLANES, APART_IN_STACKS = 2.0, 2.5  # widths, nearer than which two spots are mostly seen as one
STANDS_OUT = 2.5  # times what is usual, that a spot is at least where nearly all are found


def share_of_noise(look: Look, places: NDArray[np.float64]) -> float | None:
    """Return which share of the spots at places (N, 3) z, y, x may be noise or grain, at most; None where few tell."""
    if len(places) < FEWEST:
        return None
    (highest, at), (peaks, each) = _highest_near(look, places), _scores_of_peaks(look)
    spots = highest / look.usual.at(at)
    end = float(np.clip(np.quantile(spots, DIMMEST), FIRST + NARROWEST, LAST))
    counts, edges = np.histogram(peaks, np.arange(FIRST, end + 1e-9, FINE))
    middles = (edges[1:] + edges[:-1]) / 2
    fall, start = np.polyfit(middles**2, np.log(counts + 0.5), 1, w=np.sqrt(counts + 0.5))
    found, edges = np.histogram(np.minimum(spots, LAST), np.arange(0, LAST + COARSE, COARSE))
    expected = each * COARSE / FINE * np.exp(start + min(fall, 0.0) * ((edges[1:] + edges[:-1]) / 2) ** 2)
    return float(np.minimum(found, expected).sum() / len(places))


def share_left(look: Look, found: Gaussians, *, whole: bool) -> float | None:
    """Return how strong the response is that is left round spots once they are taken off, over theirs; None of few.

    A diffraction-limited particle is a Gaussian of the one width, and leaves nothing but noise, which is not counted.
    Nuclei, granules, rims and texture leave as much as they had: 1.4826 times the median of the absolute response
    there, over the median of that of spots.
    """
    if len(found) < FEWEST:
        return None
    some = np.arange(0, len(found), -(-len(found) // ENOUGH))
    middle, last = found.centre[some], np.array(look.image.shape) - 1
    own = spot_response_at(look.image, np.clip(np.rint(middle), 0, last).astype(np.int64), look.seen)
    rest = look.image - render(look.image.shape, found)
    angles = 2 * np.pi * np.arange(WAYS) / WAYS
    ways = [look.seen[1] * away * np.array((0.0, np.sin(a), np.cos(a))) for away in AROUND for a in angles]
    beside = np.rint(np.concatenate([middle + way for way in ways])).astype(np.int64)
    beside = np.unique(beside[((beside >= 0) & (beside <= last)).all(1)], axis=0)
    left = 1.4826 * float(np.median(np.abs(spot_response_at(rest, beside, look.seen))))
    single = noise_of_pixels(look.image, look.seen, whole=whole)[tuple(beside.T)]
    noise = float(np.median(single)) * kernel_norm(look.seen)
    return float(np.sqrt(max(left**2 - noise**2, 0.0))) / max(float(np.median(own)), 1e-9)


def share_blind(look: Look, places: NDArray[np.float64]) -> float:
    """Return the share of the image where a typical one of the spots at places (N, 3) would not stand out; 0 of few.

    There what is usual, texture and the light of crowds included, is more than the median of their responses over
    `STANDS_OUT`.
    """
    if len(places) < FEWEST:
        return 0.0
    typical = float(np.median(_highest_near(look, places)[0]))
    usual = look.usual.within((slice(None), slice(None), slice(None)))
    return float((usual * np.float32(STANDS_OUT) > typical).mean())


def share_hidden(places: NDArray[np.float64], sigma: Sigma) -> float:
    """Return which share of the spots at places (N, 3) may have another one so near that both were counted as one.

    As many lie so near to another one as the density of those farther away, up to `BESIDE` widths, lets expect.
    """
    if len(places) < FEWEST:
        return 0.0
    if sigma[0] > 0:
        scaled, near, far = places / sigma, *(4 / 3 * np.pi * away**3 for away in (APART_IN_STACKS, BESIDE))
    else:
        scaled, near, far = places[:, 1:] / sigma[1:], *(np.pi * away**2 for away in (APART_IN_PLANES, BESIDE))
    neighbours = scipy.spatial.cKDTree(scaled).query_ball_point(scaled, BESIDE, return_length=True) - 1
    return min(float(np.mean(neighbours)) / (far - near) * near / 2, 1.0)


def _highest_near(look: Look, places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the highest response (N,) within a pixel of places (N, 3), and these as voxels."""
    last = np.array(look.image.shape) - 1
    at = np.clip(np.rint(places), 0, last).astype(np.int64)
    beside = (np.clip(at + np.array(way), 0, last) for way in product((-1, 0, 1), repeat=3))
    return np.max([look.response[tuple(near.T)] for near in beside], axis=0).astype(np.float64), at


def _scores_of_peaks(look: Look) -> tuple[NDArray[np.float64], int]:
    """Return the scores of maxima that look as spots do, and how many each of them stands for."""
    each = max(1, len(look.filtered.peaks) // MOST_PEAKS)
    at = look.filtered.peaks[::each]
    score = look.response[tuple(at.T)] / look.usual.at(at)
    at, score = at[score > FIRST], score[score > FIRST]
    alike = roundness(look.filtered.smooth, at, look.seen) > ROUND
    alike[alike] = look.filtered.stands_alone(at[alike])
    return score[alike].astype(np.float64), each
