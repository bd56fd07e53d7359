"""Simulated fields of spots with known places: single molecules over cells that glow, uneven light and hot pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

HOT = (200.0, 2000.0)  # grey values of a hot pixel above its surroundings
READ_NOISE = 2.0
CELL_SHARPNESS = 2.0  # px in which the glow of a cell ends


@dataclass(frozen=True, slots=True)
class SpotField:
    """What a field holds.

    ``snr`` is the peak of a spot over the noise of the background; peaks vary by ``spread`` (of their logarithm).
    ``sigma`` (z, y, x) is the width of a spot in px, ``cells`` are extended things that glow, ``glow`` up to so many
    times the background, ``slope`` how much lighter the background is below than above, ``in_cells`` the share of spots
    that lie in what glows. ``lumps`` is the standard deviation of that glow, over itself, in lumps ``lump_px`` wide
    (standard deviation of each).
    """

    spots: int = 150
    snr: float = 5.0
    sigma: tuple[float, float, float] = (1.2, 1.4, 1.4)
    shape: tuple[int, ...] = (192, 192)
    spread: float = 0.3
    background: float = 100.0
    slope: float = 0.8
    cells: int = 5
    glow: float = 1.5
    hot_pixels: int = 12
    in_cells: float = 0.0
    lumps: float = 0.0
    lump_px: float = 3.0


def simulate_spots(field: SpotField, seed: int) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Return an image (Y, X) or (Z, Y, X) uint16, and the places (N, 3) of its spots: z, y, x in px from 0."""
    rng = np.random.default_rng([11, seed])
    flat = len(field.shape) == 2
    shape = (1, *field.shape) if flat else field.shape
    low, high = np.array([0 if flat else 1, 4, 4]), np.array(shape) - np.array([1 if flat else 2, 5, 5])
    places = rng.uniform(low, np.maximum(high, low), (field.spots, 3))
    changes = np.exp(rng.normal(0, field.spread, field.spots))
    even, glow = _background(shape, field, rng)
    if field.lumps:
        glow = _lumpy(glow, field, np.random.default_rng([17, seed]))
    if field.in_cells and glow.any():
        places = _into_cells(places, glow, field, np.random.default_rng([13, seed]))
    light = np.zeros(shape)
    for place, change in zip(places, changes, strict=True):
        _add_spot(light, place, field, field.snr * np.sqrt(field.background) * change)
    light += even + glow
    pixels = rng.poisson(light) + rng.normal(0, READ_NOISE, shape)
    for _ in range(field.hot_pixels):
        pixels[:, rng.integers(shape[1]), rng.integers(shape[2])] += rng.uniform(*HOT)
    image = np.clip(np.rint(pixels), 0, 65535).astype(np.uint16)
    return (image[0] if flat else image), places


def _add_spot(light: NDArray[np.float64], place: NDArray[np.float64], field: SpotField, peak: float) -> None:
    sigma = np.array([np.inf if len(light) == 1 else field.sigma[0], *field.sigma[1:]])
    reach = np.where(np.isfinite(sigma), np.ceil(5 * np.minimum(sigma, 100)), 0).astype(int)
    middle = np.rint(place).astype(int)
    window = tuple(slice(max(0, m - r), min(n, m + r + 1)) for m, r, n in zip(middle, reach, light.shape, strict=True))
    grid = np.ogrid[window]
    distance = sum(((axis - p) / s) ** 2 for axis, p, s in zip(grid, place, sigma, strict=True))
    light[window] += peak * np.exp(-0.5 * distance)


def _background(
    shape: tuple[int, ...], field: SpotField, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the light (Y, X) of the background, and that of cells."""
    y, x = np.mgrid[: shape[1], : shape[2]]
    glow = np.zeros(y.shape)
    for _ in range(field.cells):
        cy, cx, radius = rng.uniform(0, shape[1]), rng.uniform(0, shape[2]), rng.uniform(12, 32)
        inside = 1 / (1 + np.exp((np.hypot(y - cy, x - cx) - radius) / CELL_SHARPNESS))
        glow += field.background * rng.uniform(0.1, 1) * field.glow * inside
    return field.background * (1 - field.slope / 2 + field.slope * y / shape[1]), glow


def _lumpy(glow: NDArray[np.float64], field: SpotField, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the light (Y, X) of cells with lumps."""
    lumps = ndi.gaussian_filter(rng.normal(size=glow.shape), field.lump_px)
    return np.asarray(glow * np.clip(1 + field.lumps * lumps / lumps.std(), 0, None))


def _into_cells(
    places: NDArray[np.float64], glow: NDArray[np.float64], field: SpotField, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return places (N, 3) of which a share lies in cells."""
    edge = np.zeros(glow.shape, bool)
    edge[4:-5, 4:-5] = True
    inside = np.argwhere((glow > 0.1 * glow.max()) & edge)
    chosen = inside[rng.integers(len(inside), size=len(places))] + rng.uniform(-0.5, 0.5, (len(places), 2))
    moved = places.copy()
    held = rng.random(len(places)) < field.in_cells
    moved[held, 1:] = chosen[held]
    return moved
