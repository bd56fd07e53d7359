"""Smooth random fields, from coarse to fine: what shapes are bent with and what textures are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Image = NDArray[np.float32]


def smooth_noise(size: int, wavelength: float, rng: np.random.Generator) -> Image:
    """Return noise (size, size) of mean 0 and deviation 1 that changes over about ``wavelength`` px."""
    sigma = max(0.3, wavelength / 4)
    coarse = max(1.0, sigma / 2)  # drawn on a grid that is just fine enough, and enlarged
    side = int(np.ceil(size / coarse)) + 8
    field = ndi.gaussian_filter(rng.standard_normal((side, side)).astype(np.float32), sigma / coarse)
    rows = (np.arange(size) / coarse + 3).astype(np.float32)
    grid = np.meshgrid(rows, rows, indexing="ij")
    fine = ndi.map_coordinates(field, grid, order=1)
    return np.asarray((fine - fine.mean()) / (fine.std() + 1e-6), np.float32)


def granules(size: int, count: int, radius: float, rng: np.random.Generator) -> Image:
    """Return ``count`` small spots of random strength, at most about 1, in an image (size, size)."""
    points = np.zeros((size, size), np.float32)
    at = rng.integers(0, size, (2, count))
    np.add.at(points, (at[0], at[1]), rng.uniform(0.3, 1.0, count).astype(np.float32))
    return np.asarray(ndi.gaussian_filter(points, radius) * (2 * np.pi * radius**2), np.float32)
