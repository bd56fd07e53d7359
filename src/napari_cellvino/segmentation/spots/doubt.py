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
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.look import Look
from napari_cellvino.segmentation.spots.response import ROUND, roundness

FEWEST = 10  # spots, whose scores are compared with those of other maxima
DIMMEST = 0.1  # quantile of the scores of spots, up to which maxima tell what noise there is
FIRST, NARROWEST, LAST = 1.0, 0.75, 40.0  # score that this begins at, how far it goes at least, and where it ends
FINE, COARSE = 0.125, 0.25  # steps of score
MOST_PEAKS = 60_000  # that are looked at


def share_of_noise(look: Look, places: NDArray[np.float64]) -> float | None:
    """Return which share of the spots at places (N, 3) z, y, x may be noise or grain, at most; None where few tell."""
    if len(places) < FEWEST:
        return None
    spots, (peaks, each) = _scores_near(look, places), _scores_of_peaks(look)
    end = float(np.clip(np.quantile(spots, DIMMEST), FIRST + NARROWEST, LAST))
    counts, edges = np.histogram(peaks, np.arange(FIRST, end + 1e-9, FINE))
    middles = (edges[1:] + edges[:-1]) / 2
    fall, start = np.polyfit(middles**2, np.log(counts + 0.5), 1, w=np.sqrt(counts + 0.5))
    found, edges = np.histogram(np.minimum(spots, LAST), np.arange(0, LAST + COARSE, COARSE))
    expected = each * COARSE / FINE * np.exp(start + min(fall, 0.0) * ((edges[1:] + edges[:-1]) / 2) ** 2)
    return float(np.minimum(found, expected).sum() / len(places))


def _scores_near(look: Look, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the highest score (N,) within a pixel of places (N, 3)."""
    last = np.array(look.image.shape) - 1
    at = np.clip(np.rint(places), 0, last).astype(np.int64)
    beside = (np.clip(at + np.array(way), 0, last) for way in product((-1, 0, 1), repeat=3))
    return np.asarray(np.max([look.response[tuple(near.T)] for near in beside], axis=0) / look.usual.at(at), np.float64)


def _scores_of_peaks(look: Look) -> tuple[NDArray[np.float64], int]:
    """Return the scores of maxima that look as spots do, and how many each of them stands for."""
    each = max(1, len(look.filtered.peaks) // MOST_PEAKS)
    at = look.filtered.peaks[::each]
    score = look.response[tuple(at.T)] / look.usual.at(at)
    at, score = at[score > FIRST], score[score > FIRST]
    alike = roundness(look.filtered.smooth, at, look.seen) > ROUND
    alike[alike] = look.filtered.stands_alone(at[alike])
    return score[alike].astype(np.float64), each
