"""Simulated stacks that the detector of spots learns from: what differs along z from the fields of one plane.

Spots blur along z as a Gaussian or as a beam that widens out of focus; cells and their lumps end above and below, or
go on through all planes, as they do without a pinhole; light fades from plane to plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.segmentation.spots.network_input import planes_beside
from napari_cellvino.training.spots.fields import (
    LUMPS,
    PHOTONS,
    SIDE,
    SIGMA,
    Real,
    add_spots,
    cells_of,
    fibres,
    glow_of,
    places_in,
)

DEEP = (0.5, 4.0)  # planes, that spots are wide
PEAKS = (1.0, 25.0)  # of a typical spot over the noise of the background
BEAMS = 0.5  # share of stacks whose spots widen out of focus
BEAM = 1.24  # widths along z, in which a beam has spread twice as far and is half as bright
LUMP_WIDTHS = (1.0, 5.0)  # of a spot, that lumps are wide: along z they may differ where across they do not
LUMPY, FLAT_LUMPS = 0.5, 0.5  # share of stacks with lumps, and of these with lumps that are the same in all planes
LUMP_DEPTHS = (0.8, 5.0)  # of a spot, that lumps are deep
EMPTY = 0.1  # share of stacks without spots
BODY_DEPTHS = (1.3, 12.0)  # of a spot, that cells are deep
THROUGH = 0.5  # share of stacks whose cells are the same in all planes
LEARNT = 0.12  # standard deviation of the logarithm of the width along z that is learnt from an image
SPARSEST, DENSEST = 3e-5, 8e-3  # spots per px and width along z


@dataclass(frozen=True, slots=True, eq=False)
class DrawnStack:
    """An image (Z, Y, X) float32, the places (N, 3) z, y, x of its spots in px, and their width along z as learnt."""

    image: NDArray[np.float32]
    places: Real
    deep: float


def draw_stack(rng: np.random.Generator, side: int = SIDE) -> DrawnStack:
    """Return one stack of ``side`` px and as many planes as the network looks at for one of them, and four more."""
    sigma, background = (float(np.exp(rng.uniform(*np.log(span)))) for span in (SIGMA, PHOTONS))
    deep = float(np.exp(rng.uniform(*np.log(DEEP))))
    learnt = float(np.clip(deep * np.exp(rng.normal(0, LEARNT)), 0.5, 5.0))
    planes = 5 + 2 * planes_beside(learnt)[-1]
    cells = cells_of(rng, side)
    places = _places(rng, planes, side, cells, deep)
    noise = np.sqrt(background * (2 if (multiplied := rng.random() < 0.25) else 1) + (read := rng.uniform(0, 4)) ** 2)
    peak = noise * float(np.exp(rng.uniform(*np.log(PEAKS))))
    peaks = peak * np.exp(rng.normal(0, rng.uniform(0, 0.5), len(places)))
    light = background * (_cells_in_planes(rng, cells, planes, sigma, deep) + 1 + glow_of(rng, side, sigma))
    _add_blurred(light, places, peaks, sigma, deep, beam=rng.random() < BEAMS)
    light += fibres(rng, side, sigma, peak) * _along(rng, planes, deep) if rng.random() < 0.2 else 0
    if rng.random() < 0.4:
        light *= np.linspace(1, rng.uniform(0.3, 1), planes)[:: int(rng.choice((-1, 1))), None, None]
    pixels = rng.poisson(np.maximum(light, 0)).astype(np.float64)
    if multiplied:
        pixels = rng.gamma(np.maximum(pixels, 1e-3))
    pixels += rng.normal(0, read, pixels.shape)
    if rng.random() < 0.1:
        pixels = ndi.gaussian_filter(pixels, (0, *[rng.uniform(0.3, 1.0)] * 2))
    for _ in range(int(rng.poisson(3)) if rng.random() < 0.4 else 0):
        pixels[:, rng.integers(side), rng.integers(side)] += peak * rng.uniform(2, 20)
    return DrawnStack((pixels * rng.uniform(0.5, 20)).astype(np.float32), places, learnt)


def _places(rng: np.random.Generator, planes: int, side: int, cells: Real, deep: float) -> Real:
    """Return places (N, 3), some of them beyond the first and the last plane."""
    densest = DENSEST * min(1.0, 4 * np.exp(-rng.uniform(0, 3)))
    number = side**2 * (planes / deep + 2) * np.exp(rng.uniform(np.log(SPARSEST), np.log(densest)))
    across = places_in(rng, side, cells, 0 if rng.random() < EMPTY else int(rng.poisson(number)))
    along = rng.uniform(-1.5 * deep, planes - 1 + 1.5 * deep, len(across))
    return np.column_stack([along, across])


def _cells_in_planes(rng: np.random.Generator, cells: Real, planes: int, sigma: float, deep: float) -> Real:
    """Return the light (Z, Y, X) in backgrounds of cells, with lumps of their own in some stacks."""
    glowing = cells + (rng.uniform(0.1, 3) if rng.random() < 0.2 else 0)
    through = rng.random() < THROUGH
    light = np.broadcast_to(glowing, (planes, *cells.shape)).copy()
    if not through:
        light *= _along(rng, planes, deep)
    if rng.random() >= LUMPY:
        return light
    wide, strong = (float(np.exp(rng.uniform(*np.log(span)))) for span in (LUMP_WIDTHS, LUMPS))
    across = max(wide * sigma, 1.5)
    if rng.random() < FLAT_LUMPS:
        lumps = ndi.gaussian_filter(rng.normal(0, 1, cells.shape), across)[None]
    else:
        along = deep * float(np.exp(rng.uniform(*np.log(LUMP_DEPTHS))))
        lumps = ndi.gaussian_filter(rng.normal(0, 1, light.shape), (along, across, across))
    lumps *= strong / lumps.std()
    return np.asarray(light * (np.exp(lumps) if rng.random() < 0.3 else np.clip(1 + lumps, 0, None)))


def _along(rng: np.random.Generator, planes: int, deep: float) -> Real:
    """Return how bright something extended is in each plane (Z, 1, 1), wider than a spot."""
    middle, wide = rng.uniform(-2, planes + 1), deep * np.exp(rng.uniform(*np.log(BODY_DEPTHS)))
    return np.asarray(np.exp(-0.5 * ((np.arange(planes) - middle) / wide) ** 2)[:, None, None])


def _add_blurred(light: Real, places: Real, peaks: Real, sigma: float, deep: float, *, beam: bool) -> None:
    """Add spots (N, 3) to light (Z, Y, X)."""
    sigmas = sigma * np.ones(len(places))
    for z, plane in enumerate(light):
        away = (z - places[:, 0]) / deep
        if beam:
            spread = 1 + (away / BEAM) ** 2
            near = np.abs(away) < 5
            add_spots(plane, places[near, 1:], (peaks / spread)[near], (sigmas * np.sqrt(spread))[near])
        else:
            near = np.abs(away) < 4
            add_spots(plane, places[near, 1:], (peaks * np.exp(-0.5 * away**2))[near], sigmas[near])
