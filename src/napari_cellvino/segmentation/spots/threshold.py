"""The least score and brightness of a spot, chosen by the field itself, with the curve that shows why.

How many maxima noise alone would give above a score is known for Gaussian noise: the threshold lies where that is one
in a field, or a small share of what is found, and below that as long as at least half of what is found is no noise.
Where granules of the background go beyond that, spots of one kind of molecule are a group of their own: between the two
groups few maxima lie, and the threshold goes there.

References
----------
Adler 1981, "The geometry of random fields": maxima of Gaussian noise. Raj et al. 2008, Nature Methods 5, 877: the
plateau of the number of spots over the threshold.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy
from numpy.typing import NDArray

SCORES = np.arange(3.5, 15.0, 0.05)  # that the noise may ask for
BY_CHANCE = 0.5  # maxima of noise in a field that are taken for spots, at most, or
CHANCE_SHARE = 0.03  # as a share of the spots
HALF = 0.5  # of the maxima of nearly one score, that may be noise where the spots go on below that
NEARLY = 0.4  # apart
CURVE_POINTS = 60
FEWEST = 20  # spots, that tell whether there are dimmer ones
ENOUGH = 30  # maxima above the noise, for groups to be seen
VALLEY = 0.5  # of the lower one of the two summits, that the valley between them has at most
STEP = 0.08  # of the histogram of the logarithm
SMOOTH = 1.6  # steps


Chance = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""How many maxima of noise lie above scores."""


def expected_by_chance(shape: tuple[int, ...], sigma: tuple[float, float, float]) -> Chance:
    """Return how many maxima above a score the noise of an image (Z, Y, X) has, seen at one width of spots."""
    voxels = float(np.prod(shape))
    if sigma[0] <= 0:
        density = 1.5 / (sigma[1] * sigma[2]) / (2 * np.pi) ** 1.5
        return lambda score: voxels * density * score * np.exp(-(score**2) / 2)
    density = 1.26 / (sigma[0] * sigma[1] * sigma[2]) / (2 * np.pi) ** 2
    return lambda score: voxels * density * (score**2 - 1) * np.exp(-(score**2) / 2)


def choose_score(score: NDArray[np.float64], chance: Chance, *, dim: bool = False) -> float:
    """Return the least score that noise leaves alone, given the scores of all local maxima.

    With ``dim`` it is lower, as long as at least half of the maxima of a score are no noise.
    """
    found = (score[None] > SCORES[:, None]).sum(1)
    quiet = chance(SCORES) <= np.maximum(BY_CHANCE, CHANCE_SHARE * found)
    if not quiet.any():
        return float(SCORES[-1])
    first = int(np.argmax(quiet))
    if not dim or found[first] < FEWEST:
        return float(SCORES[first])
    here = found - (score[None] > SCORES[:, None] + NEARLY).sum(1)
    noisy = chance(SCORES) - chance(SCORES + NEARLY) > HALF * (here - np.sqrt(here))  # less one standard deviation
    below = np.flatnonzero(noisy[:first])
    return float(SCORES[below[-1] + 1 if len(below) else 0])


def choose_brightness(response: NDArray[np.float64]) -> float:
    """Return the least response of a spot, given those of all maxima above the noise; 0 where they are one group."""
    if len(response) < ENOUGH:
        return 0.0
    values = np.log(response)
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high + 1e-9, max(12, int((high - low) / STEP)))
    density = scipy.ndimage.gaussian_filter1d(np.histogram(values, edges)[0].astype(float), SMOOTH, mode="nearest")
    valley = _valley(density)
    return 0.0 if valley is None else float(np.exp((edges[valley] + edges[valley + 1]) / 2))


def _valley(density: NDArray[np.float64]) -> int | None:
    """Return the lowest place below the last summit that has many maxima, where it is a valley; else None."""
    summits = [n for n in range(1, len(density) - 1) if density[n] >= density[n - 1] and density[n] > density[n + 1]]
    summits = [n for n in summits if density[n] * 8 * SMOOTH / 2 > ENOUGH / 3]
    for summit in sorted(summits, key=lambda n: -density[n]):
        lowest = int(np.argmin(density[: summit + 1]))
        before = density[: lowest + 1].max()
        if lowest > 0 and density[lowest] < VALLEY * min(density[summit], before):
            return lowest
    return None


def threshold_curve(response: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (K, 2): thresholds of the response, and how many maxima each would leave."""
    if not len(response):
        return np.zeros((0, 2))
    grid = np.geomspace(response.min(), response.max(), CURVE_POINTS)
    ordered = np.sort(response)
    return np.column_stack([grid, len(response) - np.searchsorted(ordered, grid, side="left")])
