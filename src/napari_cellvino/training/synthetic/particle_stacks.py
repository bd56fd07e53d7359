"""Simulated dark-field stacks of cells with particles in them, each particle in focus in one plane.

The stacks of González and Evans 2019 cannot be had; these have what their cascade looks for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.training.data.darkfield import DarkfieldScene, simulate_field

SIGMA = 1.3  # px, of a particle in focus
DEPTH = 0.8  # planes, in which it goes out of focus
INSIDE = 4  # px from the outline of its cell, at least
PEAK = (150.0, 240.0)  # grey values: metal scatters more than any part of a cell
BLUR = 0.7  # px per plane out of the focus of the cells
NOISE = 2.0  # grey values


@dataclass(frozen=True, slots=True)
class ParticleStack:
    """A stack (Z, Y, X, RGB) uint8, the labels (Y, X) of its cells, and the particles (N,) of each cell 1 to N."""

    image: NDArray[np.uint8]
    labels: NDArray[np.int32]
    particles: NDArray[np.int64]


def simulate_stack(
    seed: int, *, planes: int = 7, shape: tuple[int, int] = (416, 512), cells: int = 25, mean: float = 6.0
) -> ParticleStack:
    """Return a stack of up to ``cells`` cells with ``mean`` particles on average, from cell to cell very different."""
    smear = DarkfieldScene(cells=cells, blurred=2, specks=10, fibres=0, granules=False)
    field = simulate_field(seed, shape, smear)
    labels = np.asarray(field.labels, np.int32)
    rng = np.random.default_rng([13, seed])
    deep = ndi.distance_transform_edt(labels > 0) > INSIDE
    counts = rng.poisson(rng.gamma(2.0, mean / 2, int(labels.max())))
    light = np.zeros((planes, *shape), np.float32)
    for cell in range(1, len(counts) + 1):
        counts[cell - 1] = _add_particles(light, np.argwhere((labels == cell) & deep), int(counts[cell - 1]), rng)
    middle = (planes - 1) / 2
    sharp = np.asarray(field.image, np.uint8)
    shown = np.stack([_out_of_focus(sharp, BLUR * abs(z - middle)) for z in range(planes)])
    noisy = shown + light[..., None] + rng.normal(0, NOISE, shown.shape)
    return ParticleStack(np.clip(noisy, 0, 255).astype(np.uint8), labels, counts)


def _add_particles(light: NDArray[np.float32], places: NDArray[np.int64], count: int, rng: np.random.Generator) -> int:
    """Add particles to light (Z, Y, X) at random places of a cell, and return how many there was room for."""
    if not len(places):
        return 0
    for y, x in places[rng.integers(0, len(places), count)] + rng.uniform(-0.5, 0.5, (count, 2)):
        z, peak = rng.uniform(0, len(light) - 1), rng.uniform(*PEAK)
        rows, columns = (slice(max(0, int(c) - 6), int(c) + 7) for c in (y, x))
        grid = np.ogrid[: len(light), rows, columns]
        across = ((grid[1] - y) ** 2 + (grid[2] - x) ** 2) / SIGMA**2
        part = light[:, rows, columns]
        part += (peak * np.exp(-0.5 * (across + ((grid[0] - z) / DEPTH) ** 2)))[:, : part.shape[1], : part.shape[2]]
    return count


def _out_of_focus(image: NDArray[np.uint8], sigma: float) -> NDArray[np.float32]:
    return np.asarray(ndi.gaussian_filter(image.astype(np.float32), (sigma, sigma, 0)), np.float32)
