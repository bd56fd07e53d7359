"""Simulated fields that a detector of spots learns from: wider in kind than the fields that it is judged on.

Widths, brightness, density, crowds, noise of photons, of cameras that multiply them and of reading, light of cells and
their lumps, slopes, wide granules, fibres, hot pixels and rings: each field draws its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Real = NDArray[np.float64]

SIDE = 128  # px of a field
SIGMA = (0.7, 2.8)  # px
SNR = (1.5, 30.0)  # of the peak of a typical spot over the noise of the background
PHOTONS = (1.0, 4000.0)  # of the background
DENSEST = 0.03  # spots per px
CROWDED = 0.35  # share of fields whose spots lie in crowds
WITHIN = 0.5  # share of fields with cells, whose spots lie in these
TEXTURED = 0.6  # share of fields with lumps in what glows: autofluorescence, chromatin out of focus
LUMPS = (0.05, 0.6)  # standard deviation of lumps over the light that has them
LUMP_WIDTHS = (1.0, 5.0)  # of a spot, that lumps are wide
SMOOTHED, MOVED = 0.2, 0.1  # share of fields whose noise is that of several pixels
EMPTY = 0.08  # share of fields without spots
MOST = 600


@dataclass(frozen=True, slots=True, eq=False)
class DrawnField:
    """An image (Y, X) float32, and the places (N, 2) y, x of its spots in px."""

    image: NDArray[np.float32]
    places: Real


def draw_field(rng: np.random.Generator, side: int = SIDE) -> DrawnField:
    """Return one field of ``side`` px."""
    sigma, background = (float(np.exp(rng.uniform(*np.log(span)))) for span in (SIGMA, PHOTONS))
    cells = cells_of(rng, side)
    places = _places(rng, side, cells)
    light = background * (1 + _lumpy(rng, cells, sigma) + glow_of(rng, side, sigma))
    noise = np.sqrt(background * (2 if (multiplied := rng.random() < 0.25) else 1) + (read := rng.uniform(0, 4)) ** 2)
    peak = noise * float(np.exp(rng.uniform(*np.log(SNR))))
    peaks = peak * np.exp(rng.normal(0, rng.uniform(0, 0.5), len(places)))
    add_spots(light, places, peaks, sigma * np.exp(rng.normal(0, 0.06, len(places))), ring=rng.random() < 0.1)
    light += fibres(rng, side, sigma, peak) if rng.random() < 0.25 else 0
    pixels = rng.poisson(np.maximum(light, 0)).astype(np.float64)
    if multiplied:
        pixels = rng.gamma(np.maximum(pixels, 1e-3))
    pixels += rng.normal(0, read, pixels.shape)
    pixels = _resampled(rng, pixels)
    for _ in range(int(rng.poisson(3)) if rng.random() < 0.4 else 0):
        pixels[rng.integers(side), rng.integers(side)] += peak * rng.uniform(2, 20)
    return DrawnField((pixels * rng.uniform(0.5, 20)).astype(np.float32), places)


def _resampled(rng: np.random.Generator, pixels: Real) -> Real:
    """Return pixels (Y, X), some smoothed, or moved by parts of a pixel as registration does: their noise is grain."""
    way = rng.random()
    if way < SMOOTHED:
        return np.asarray(ndi.gaussian_filter(pixels, rng.uniform(0.3, 1.0)))
    if way < SMOOTHED + MOVED:
        return np.asarray(ndi.shift(pixels, rng.uniform(-0.5, 0.5, 2), order=1, mode="mirror"))
    return pixels


def _places(rng: np.random.Generator, side: int, cells: Real) -> Real:
    if rng.random() < EMPTY:
        return np.zeros((0, 2))
    return places_in(rng, side, cells, int(np.exp(rng.uniform(np.log(3), np.log(min(MOST, DENSEST * side**2))))))


def places_in(rng: np.random.Generator, side: int, cells: Real, number: int) -> Real:
    """Return about so many places (N, 2) y, x in a plane, some in crowds, some in the light of ``cells`` (Y, X)."""
    places = rng.uniform(0, side - 1, (number, 2))
    if rng.random() < CROWDED:
        middles = rng.uniform(0, side, (int(rng.integers(1, 12)), 2))
        near = middles[rng.integers(len(middles), size=number)] + rng.normal(0, rng.uniform(3, 15), (number, 2))
        places = np.where(rng.random((number, 1)) < rng.uniform(0.4, 1), near, places)
    inside = np.argwhere(cells > cells.max() / 4)
    if len(inside) and rng.random() < WITHIN:
        there = inside[rng.integers(len(inside), size=number)] + rng.uniform(-0.5, 0.5, (number, 2))
        places = np.where(rng.random((number, 1)) < rng.uniform(0.5, 1), there, places)
    return np.asarray(places[((places >= 0) & (places <= side - 1)).all(1)])


def add_spots(light: Real, places: Real, peaks: Real, sigmas: Real, *, ring: bool = False) -> None:
    """Add Gaussians to light (Y, X); with ``ring`` each has a dim ring round it, as round what lies out of focus."""
    for (y, x), peak, sigma in zip(places, peaks, sigmas, strict=True):
        reach = int(np.ceil((6 if ring else 4) * sigma))
        rows, columns = (
            np.arange(max(0, int(c) - reach), min(n, int(c) + reach + 2))
            for c, n in zip((y, x), light.shape, strict=True)
        )
        window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        if ring:
            away = np.hypot(rows[:, None] - y, columns[None] - x) / sigma
            light[window] += peak * (np.exp(-0.5 * away**2) + 0.12 * np.exp(-0.5 * ((away - 3.5) / 0.6) ** 2))
        else:
            bells = (np.exp(-0.5 * ((axis - c) / sigma) ** 2) for axis, c in ((rows, y), (columns, x)))
            light[window] += peak * np.outer(*bells)


def cells_of(rng: np.random.Generator, side: int) -> Real:
    """Return the light (Y, X) in backgrounds of cells with soft rims."""
    y, x = np.mgrid[:side, :side] / side
    cells = np.zeros((side, side))
    for _ in range(int(rng.integers(0, 5))):
        cy, cx, radius, soft = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.06, 0.3), rng.uniform(0.008, 0.05)
        away = np.hypot(y - cy, (x - cx) * rng.uniform(0.7, 1.4))
        cells += rng.uniform(0.1, 3) / (1 + np.exp((away - radius) / soft))
    return cells


def _lumpy(rng: np.random.Generator, cells: Real, sigma: float) -> Real:
    """Return the light (Y, X) of cells, or of one that fills the field, with lumps wider than spots."""
    if rng.random() >= TEXTURED:
        return cells
    glowing = cells + (rng.uniform(0.1, 3) if rng.random() < 0.3 else 0)
    wide, strong = (float(np.exp(rng.uniform(*np.log(span)))) for span in (LUMP_WIDTHS, LUMPS))
    lumps = ndi.gaussian_filter(rng.normal(0, 1, cells.shape), max(wide * sigma, 1.5))
    lumps *= strong / lumps.std()
    return np.asarray(glowing * (np.exp(lumps) if rng.random() < 0.3 else np.clip(1 + lumps, 0, None)))


def glow_of(rng: np.random.Generator, side: int, sigma: float) -> Real:
    """Return light (Y, X) in backgrounds: a slope, granules too wide to be spots, clouds."""
    y, x = np.mgrid[:side, :side] / side
    angle = rng.uniform(0, 2 * np.pi)
    glow = rng.uniform(0, 1.5) * np.clip(0.5 + (y - 0.5) * np.sin(angle) + (x - 0.5) * np.cos(angle), 0, None)
    if rng.random() < 0.4:
        wide = int(rng.integers(1, 12))
        sigmas = np.maximum(sigma * rng.uniform(2.6, 5, wide), 3)
        add_spots(glow, rng.uniform(0, side - 1, (wide, 2)), rng.uniform(0.3, 4, wide), sigmas)
    if rng.random() < 0.3:
        cloud = ndi.gaussian_filter(rng.normal(0, 1, (side, side)), max(3 * sigma, rng.uniform(4, 10)))
        glow += rng.uniform(0.05, 0.4) * cloud / cloud.std()
    return np.asarray(np.clip(glow, 0, None))


def fibres(rng: np.random.Generator, side: int, sigma: float, peak: float) -> Real:
    """Return the light (Y, X) of bent fibres as wide as spots."""
    y, x = np.mgrid[:side, :side] - side / 2
    light = np.zeros((side, side))
    for _ in range(int(rng.integers(1, 6))):
        angle, shift = rng.uniform(0, np.pi), rng.uniform(-side / 2, side / 2)
        along = x * np.cos(angle) + y * np.sin(angle)
        bend = rng.uniform(0, 8) * np.sin(along / rng.uniform(8, 40) + rng.uniform(0, 6))
        away = (x * np.sin(angle) - y * np.cos(angle) + shift + bend) / (sigma * rng.uniform(0.8, 1.6))
        light += peak * rng.uniform(0.2, 1.2) * np.exp(-0.5 * away**2)
    return light
