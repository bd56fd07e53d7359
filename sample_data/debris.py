"""What a real field of stained nuclei holds besides nuclei: bright specks and lint, most of it out of focus."""

from __future__ import annotations

import numpy as np
from nuclei import Grid, Real


def add_specks(density_zyx: Real, grid: Grid, count: int, rng: np.random.Generator) -> None:
    """Add ``count`` bright balls of 0.3 to 0.9 um radius, such as apoptotic crumbs and lumps of dye, in place."""
    height, width = grid.size_um
    for _ in range(count):
        centre = (rng.uniform(grid.z_um[0], grid.z_um[-1]), rng.uniform(0, height), rng.uniform(0, width))
        radius = rng.uniform(0.3, 0.9)
        box, (z, y, x) = grid.box(centre, 3 * radius)
        density_zyx[box] += rng.uniform(1.0, 5.0) * np.exp(-(z**2 + y**2 + x**2) / radius**2)


def add_fibres(density_zyx: Real, grid: Grid, count: int, rng: np.random.Generator, *, brightness: float) -> None:
    """Add ``count`` curly fibres of lint, 20 to 60 um long, each climbing slowly through z, in place."""
    height, width = grid.size_um
    start = np.array([grid.z_um[0], 0.0, 0.0])
    for _ in range(count):
        point = np.array([rng.uniform(grid.z_um[0], grid.z_um[-1]), rng.uniform(0, height), rng.uniform(0, width)])
        path = point + _wander(rng.uniform(20, 60), rng)
        voxels = np.rint((path - start) / np.array(grid.spacing_um)).astype(int)
        inside = ((voxels >= 0) & (voxels < np.array(grid.shape))).all(axis=1)
        np.add.at(density_zyx, tuple(voxels[inside].T), brightness)


def _wander(length_um: float, rng: np.random.Generator, step_um: float = 0.1) -> Real:
    steps = int(length_um / step_um)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.05, steps))
    climb = np.full(steps, rng.normal(0, 0.1))
    path: Real = np.cumsum(step_um * np.stack([climb, np.sin(heading), np.cos(heading)], axis=1), axis=0)
    return path
