"""Cultured cells in wells: bodies around nuclei, and a GFP reporter that leaves the nucleus as the dose rises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nuclei import Grid, Labels, Nucleus, Real, Specimen
from scipy import ndimage as ndi


@dataclass(frozen=True, slots=True)
class Reporter:
    """A shuttling reporter: its nuclear share falls from ``nuclear[0]`` to ``nuclear[1]``, half-way at ``ec50_um``."""

    nuclear: tuple[float, float] = (0.86, 0.16)
    ec50_um: float = 1.0
    spread: float = 0.45

    def shares(self, dose_um: float, cells: int, rng: np.random.Generator) -> Real:
        """Return each cell's nuclear share of the concentration, shape (cells,): a Hill curve, cells varying."""
        bound = dose_um / (dose_um + self.ec50_um)
        mean = self.nuclear[0] + (self.nuclear[1] - self.nuclear[0]) * bound
        odds = np.log(mean / (1 - mean)) + rng.normal(0, self.spread, cells)
        shares: Real = 1 / (1 + np.exp(-odds))
        return shares


def cell_bodies(nuclei: list[Nucleus], grid: Grid, rng: np.random.Generator) -> tuple[Labels, Real]:
    """Return the cells' 2D labels (numbered as the nuclei, from 1) and their thickness in um, shape (rows, columns).

    Each pixel goes to the cell it lies deepest in; a body is an ellipse of irregular outline along its nucleus.
    """
    nearest = np.ones(grid.shape[1:])
    bodies: Labels = np.zeros(grid.shape[1:], np.uint16)
    for number, nucleus in enumerate(nuclei, start=1):
        distance = _body_distance(nucleus, grid, rng)
        bodies[distance < nearest] = number
        nearest = np.minimum(nearest, distance)
    thickness = ndi.gaussian_filter(4.5 * np.sqrt(1 - nearest) * (bodies > 0), 1.0)
    return bodies, thickness


def _body_distance(nucleus: Nucleus, grid: Grid, rng: np.random.Generator) -> Real:
    along, across, _ = nucleus.axes_um
    y = grid.spacing_um[1] * np.arange(grid.shape[1])[:, None] - nucleus.centre_um[1]
    x = grid.spacing_um[2] * np.arange(grid.shape[2])[None, :] - nucleus.centre_um[2]
    u = (x * np.cos(nucleus.angle) + y * np.sin(nucleus.angle)) / (along * rng.uniform(2.3, 4.2))
    v = (y * np.cos(nucleus.angle) - x * np.sin(nucleus.angle)) / (across * rng.uniform(1.8, 2.8))
    turn = np.arctan2(v, u)
    outline = sum(
        (rng.normal(0, 0.28 / order) * np.cos(order * turn + rng.uniform(0, 2 * np.pi)) for order in range(2, 6)),
        np.ones_like(turn),
    )
    distance: Real = np.hypot(u, v) / np.maximum(outline, 0.45)
    return distance


def reporter_density(specimen: Specimen, shares: Real, rng: np.random.Generator) -> Real:
    """Return the reporter's density, shape (slices, rows, columns), in units of an ordinary cell's mean.

    Parameters
    ----------
    specimen
        The nuclei; cells lie in its middle slice's height.
    shares
        Each cell's nuclear share, shape (nuclei,).
    rng
        Source of the cells' outlines, expression levels and vesicles.
    """
    bodies, thickness = cell_bodies(specimen.nuclei, specimen.grid, rng)
    expression = np.exp(rng.normal(-0.1, 0.45, shares.size))
    nuclear = np.concatenate([[0.0], expression * shares])
    cytoplasmic = np.concatenate([[0.0], expression * (1 - shares)])
    heights = specimen.grid.z_um - specimen.grid.z_um.mean()
    within = np.clip(thickness[None] / 2 - np.abs(heights)[:, None, None] + 0.5, 0, 1)
    vesicles = np.exp(0.14 * _unit(ndi.gaussian_filter(rng.normal(size=bodies.shape), 1.2)))
    outside = within * (cytoplasmic[bodies] * vesicles)[None]
    density: Real = np.where(specimen.labels_zyx > 0, nuclear[specimen.labels_zyx], outside)
    return density


def _unit(noise: Real) -> Real:
    scaled: Real = noise / noise.std()
    return scaled
