"""How many spots noise alone would give, found by shuffling the pixels of the image itself.

Where photons are few, or the camera multiplies them, noise is lopsided: chance piles up light more often than Gaussian
noise of the same spread does. Shuffled among places of equal background, pixels keep the distribution of their values
and lose all spots.

References
----------
Efron and Tibshirani 1993, "An introduction to the bootstrap".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.bands import Image, local_maxima
from napari_cellvino.segmentation.spots.noise import CENTRAL, Noise
from napari_cellvino.segmentation.spots.response import Sigma, spot_response
from napari_cellvino.segmentation.spots.threshold import Chance, expected_by_chance

TILE_VOXELS = 150_000
TILES = 3  # along the diagonal of an image
SHUFFLED_VOXELS = 900_000  # in all, at least
LIKE = 1000  # pixels of a background alike, among which one is drawn
LEAST = 3.0  # score of maxima that are counted
FEWEST = 6  # maxima above a score, that tell how many there are
FREE = 0.3  # of a tile, at least, has to be without spots
SPOT_WIDTHS = 3.0  # round a spot, that are not drawn from
STEP = 0.1
SAME = 0.8  # of the noise of an image's response to that of its shuffled pixels: what few photons differ by
SEED = 20


def expected_by_shuffling(image: Image, response: Image, noise: Noise, sigma: Sigma, at: NDArray[np.int64]) -> Chance:
    """Return how many maxima above a score noise has that is spread as this image's is, Gaussian noise at least.

    Parameters
    ----------
    image, response, noise
        The pixels, their response at one width of spots, and its noise (Z, Y, X).
    sigma
        That width.
    at
        Voxels (N, 3) that may be spots, whose light is not noise.
    """
    gaussian = expected_by_chance(image.shape, sigma)
    free = _without_spots(image.shape, sigma, at)
    scores, voxels = list[NDArray[np.float64]](), 0
    rng = np.random.default_rng(SEED)
    tiles = [tile for tile in _tiles(image.shape) if float(free[tile].mean()) > FREE]
    for tile in tiles:
        size = free[tile].size
        light, there = _Light(image[tile], free[tile]), noise.within(tile)
        for _ in range(max(1, -(-SHUFFLED_VOXELS // (len(tiles) * size)))):
            scores.append(_shuffled_scores(light, response[tile], there, sigma, rng))
            voxels += size
    if not scores:
        return gaussian
    return _at_least(gaussian, np.concatenate(scores), image.size / voxels)


def _at_least(gaussian: Chance, scores: NDArray[np.float64], share: float) -> Chance:
    """Return the chance that scores of shuffled maxima tell; each counts for ``share`` of one."""
    grid = np.arange(LEAST, 12.0, STEP)
    number = (scores[None] > grid[:, None]).sum(1)
    told = grid[number >= FEWEST]
    if len(told) < 3:
        return gaussian
    more = np.log(number[: len(told)] * share / gaussian(told))
    slope, start = np.polyfit(told**3, more, 1, w=np.sqrt(number[: len(told)]))
    last = float(told[-1])

    def chance(score: NDArray[np.float64]) -> NDArray[np.float64]:
        near = np.minimum(score, last)  # beyond, as steep as there
        log_more = start + slope * (near**3 + 3 * last**2 * (score - near))
        return np.asarray(gaussian(score) * np.exp(np.maximum(log_more, 0.0)))

    return chance


def _without_spots(shape: tuple[int, ...], sigma: Sigma, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    free = np.ones(shape, bool)
    if len(at):
        free[tuple(at.T)] = False
        size = [2 * int(np.ceil(SPOT_WIDTHS * s)) + 1 if s > 0 else 1 for s in sigma]
        free = scipy.ndimage.minimum_filter(free, size=size)
    return free


def _tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice, slice]]:
    """Yield parts of an image along its diagonal, one where it is small."""
    planes = min(shape[0], 24)
    side = int(np.sqrt(TILE_VOXELS / planes))
    sizes = (planes, min(side, shape[1]), min(side, shape[2]))
    room = [whole - part for whole, part in zip(shape, sizes, strict=True)]
    seen = {tuple(round(share * space) for space in room) for share in np.linspace(0, 1, TILES)}
    for z, y, x in sorted(seen):
        yield slice(z, z + sizes[0]), slice(y, y + sizes[1]), slice(x, x + sizes[2])


class _Light:
    """What is alike in a tile (Z, Y, X), from which pixels are drawn: places in the order of the light round them."""

    def __init__(self, image: Image, free: NDArray[np.bool_]) -> None:
        self.free = free
        self._above = (image - scipy.ndimage.median_filter(image, size=(1, 5, 5), mode="mirror")).ravel()
        self._order = np.argsort(scipy.ndimage.uniform_filter(image, size=(1, 15, 15), mode="mirror"), axis=None)
        self._pool = self._order[free.ravel()[self._order]]

    def drawn(self, rng: np.random.Generator) -> Image:
        """Return pixels (Z, Y, X), above what is round them, each drawn from places without spots of like light."""
        order, pool = self._order, self._pool
        rank = np.arange(len(order)) * (len(pool) / len(order)) + rng.uniform(-LIKE, LIKE, len(order)) / 2
        drawn = np.empty(len(order), np.float32)
        drawn[order] = self._above[pool[np.clip(rank.astype(int), 0, len(pool) - 1)]]
        return drawn.reshape(self.free.shape)


def _shuffled_scores(
    light: _Light, response: Image, noise: Image, sigma: Sigma, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the scores of the maxima of an image whose pixels are drawn anew."""
    shuffled = spot_response(light.drawn(rng), sigma)
    scale = _spread((response / noise)[light.free]) / max(_spread(shuffled / noise), 1e-9)
    scale = 1.0 if scale > SAME else scale  # edges and grain, torn to single pixels, are more than the noise there is
    least = np.asarray(noise * np.float32(LEAST / max(scale, 1e-9)), np.float32)
    at = tuple(local_maxima(shuffled, least).T)
    return np.asarray(shuffled[at] / noise[at] * scale, np.float64)


def _spread(values: NDArray[np.floating]) -> float:
    """Return the standard deviation that the middle of a distribution tells."""
    return float(np.diff(np.quantile(values, CENTRAL))[0] / np.diff(scipy.special.ndtri(CENTRAL))[0])
