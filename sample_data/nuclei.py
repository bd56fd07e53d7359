"""Fluorescent nuclei in three dimensions: lobed ellipsoids filled with textured chromatin, placed so that none overlap.

A nucleus is a closed-form signed distance, so the same description gives a soft-edged density for the optics and an
exact label. Drawing outlines in 2D and blurring them was ruled out: it has no depth, hence no haze.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Real = NDArray[np.float64]
Labels = NDArray[np.uint16]
Box = tuple[slice, slice, slice]
Ball = tuple[float, float, float, float]

EDGE_UM = 0.4


@dataclass(frozen=True, slots=True)
class Grid:
    """Where voxels lie: ``shape`` (slices, rows, columns), ``spacing_um`` (z, y, x), ``z0_um`` the first slice."""

    shape: tuple[int, int, int]
    spacing_um: tuple[float, float, float]
    z0_um: float

    @property
    def z_um(self) -> Real:
        """Height of every slice in um, shape (slices,)."""
        return self.z0_um + self.spacing_um[0] * np.arange(self.shape[0], dtype=np.float64)

    @property
    def size_um(self) -> tuple[float, float]:
        """Height and width of the field in um."""
        return self.shape[1] * self.spacing_um[1], self.shape[2] * self.spacing_um[2]

    def box(self, centre_um: tuple[float, float, float], reach_um: float) -> tuple[Box, tuple[Real, Real, Real]]:
        """Return the slices within ``reach_um`` of a point, and their open coordinates (z, y, x) relative to it, um."""
        origin = (self.z0_um, 0.0, 0.0)
        bounds, axes = [], []
        for size, spacing, start, centre in zip(self.shape, self.spacing_um, origin, centre_um, strict=True):
            low = max(int(np.ceil((centre - reach_um - start) / spacing)), 0)
            high = max(min(int((centre + reach_um - start) / spacing) + 1, size), low)
            bounds.append(slice(low, high))
            axes.append(start + spacing * np.arange(low, high, dtype=np.float64) - centre)
        z, y, x = axes
        return (bounds[0], bounds[1], bounds[2]), (z[:, None, None], y[None, :, None], x[None, None, :])


@dataclass(frozen=True, slots=True)
class Nucleus:
    """One nucleus; lengths in um, ``axes_um`` are semi-axes (along, across, in z), ``angle`` in radians.

    ``dent`` is the (depth, direction) of a notch that makes it kidney-shaped, as a share of the radius; ``lobes`` are
    (order, amplitude, phase) of the outline's harmonics, ``nucleoli`` spheres (z, y, x, radius) relative
    to the centre, ``concentration`` the DNA per volume in units of an ordinary nucleus.
    """

    centre_um: tuple[float, float, float]
    axes_um: tuple[float, float, float]
    angle: float
    dent: tuple[float, float]
    lobes: tuple[tuple[int, float, float], ...]
    nucleoli: tuple[Ball, ...]
    concentration: float

    @property
    def reach_um(self) -> float:
        """Radius in um of a sphere that surely holds the nucleus."""
        return 1.35 * max(self.axes_um) + EDGE_UM

    def depth_um(self, z: Real, y: Real, x: Real) -> Real:
        """Return the approximate distance (um) below the surface of points relative to the centre, negative outside."""
        along, across, tall = self.axes_um
        u = (x * np.cos(self.angle) + y * np.sin(self.angle)) / along
        v = (y * np.cos(self.angle) - x * np.sin(self.angle)) / across
        flat = np.hypot(u, v)
        radius = np.hypot(flat, z / tall)
        turn = np.arctan2(v, u)
        ripple = sum((size * np.cos(order * turn + phase) for order, size, phase in self.lobes), np.zeros_like(turn))
        ripple = ripple - self.dent[0] * np.exp(3 * (np.cos(turn - self.dent[1]) - 1))
        depth: Real = (1 + ripple * flat / np.maximum(radius, 1e-9) - radius) * min(across, tall)
        return depth

    def chromatin(self, z: Real, y: Real, x: Real) -> Real:
        """Return the untextured DNA density at points relative to the centre: soft edge, dense rim, dark nucleoli."""
        depth = self.depth_um(z, y, x)
        density = np.clip(0.5 + depth / EDGE_UM, 0, 1) * (1 + 0.25 * np.exp(-np.abs(depth) / 0.6))
        for z0, y0, x0, radius in self.nucleoli:
            distance = np.sqrt((z - z0) ** 2 + (y - y0) ** 2 + (x - x0) ** 2)
            density = density * (1 - 0.75 * np.clip(0.5 + (radius - distance) / EDGE_UM, 0, 1))
        return self.concentration * density


def interphase(centre_um: tuple[float, float, float], rng: np.random.Generator, *, scale: float = 1.0) -> Nucleus:
    """Return a nucleus between divisions, about 8 um long times ``scale``; some are large or kidney-shaped."""
    size = scale * rng.normal(1.0, 0.09) * (1.3 if rng.random() < 0.12 else 1.0)
    along, across, tall = 4.5 * size, 4.5 * size * rng.uniform(0.6, 0.95), 2.6 * size * rng.uniform(0.85, 1.15)
    dent = (rng.uniform(0.25, 0.5) if rng.random() < 0.15 else 0.0, rng.normal(np.pi / 2, 0.3))
    lobes = tuple((k, rng.normal(0, 0.12 / k), rng.uniform(0, 2 * np.pi)) for k in range(2, 6))
    axes = (along, across, tall)
    content = 2.0 if rng.random() < 0.2 else 1.0
    concentration = content**0.5 * np.exp(rng.normal(0, 0.28))
    return Nucleus(centre_um, axes, rng.uniform(0, 2 * np.pi), dent, lobes, _nucleoli(axes, rng), concentration)


def _nucleoli(axes_um: tuple[float, float, float], rng: np.random.Generator) -> tuple[Ball, ...]:
    along, across, tall = axes_um
    reach = 0.5 * min(along, across)
    spheres = []
    for _ in range(rng.integers(1, 5)):
        distance, turn = reach * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        y, x = distance * np.sin(turn), distance * np.cos(turn)
        spheres.append((rng.normal(0, 0.2 * tall), y, x, rng.uniform(0.6, 1.3)))
    return tuple(spheres)


def metaphase(centre_um: tuple[float, float, float], angle: float, rng: np.random.Generator) -> Nucleus:
    """Return a metaphase plate seen from its edge: small, ragged, three times as dense, without nucleoli."""
    axes = (rng.uniform(3.6, 4.6), rng.uniform(1.4, 1.8), rng.uniform(2.6, 3.2))
    lobes = tuple((k, rng.normal(0, 0.15 / k), rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5, 7))
    return Nucleus(centre_um, axes, angle, (0.0, 0.0), lobes, (), rng.uniform(2.2, 2.9))


def chromatin_texture(grid: Grid, rng: np.random.Generator, *, contrast: float = 1.0) -> Real:
    """Return positive noise of mean about 1 and the grid's shape, with grains of 0.35 um and clouds of 1 um."""
    exponent = contrast * (0.5 * _noise(grid, 0.35, rng) + 0.25 * _noise(grid, 1.0, rng))
    texture: Real = np.exp(exponent - exponent.var() / 2)
    return texture


def _noise(grid: Grid, grain_um: float, rng: np.random.Generator) -> Real:
    noise = ndi.gaussian_filter(rng.normal(size=grid.shape), [grain_um / s for s in grid.spacing_um], mode="wrap")
    unit: Real = noise / noise.std()
    return unit


class Specimen:
    """Nuclei placed so far: ``density_zyx`` (DNA) and ``labels_zyx`` (uint16, 0 where empty) on one grid."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.density_zyx: Real = np.zeros(grid.shape)
        self.labels_zyx: Labels = np.zeros(grid.shape, np.uint16)
        self.nuclei: list[Nucleus] = []

    def try_add(self, nucleus: Nucleus, *, pressed: float = 0.0, hidden: float = 0.25) -> bool:
        """Add the nucleus and return True, or return False where it finds no room.

        Parameters
        ----------
        nucleus
            The nucleus.
        pressed
            Share of its volume that may lie in others; it yields that part, so the two touch along a face.
        hidden
            Share of any footprint (its own or another's) that may overlap another's when seen from above.
        """
        box, axes = self.grid.box(nucleus.centre_um, nucleus.reach_um)
        inside = nucleus.depth_um(*axes) > 0
        taken = self.labels_zyx[box] > 0
        if not inside.any() or (inside & taken).sum() > pressed * inside.sum() or self._hides(box, inside, hidden):
            return False
        self.nuclei.append(nucleus)
        self.labels_zyx[box][inside & ~taken] = len(self.nuclei)
        self.density_zyx[box] += np.where(taken, 0, nucleus.chromatin(*axes))
        return True

    def _hides(self, box: Box, inside: NDArray[np.bool_], hidden: float) -> bool:
        footprint = inside.any(axis=0)
        for number in np.unique(self.labels_zyx[box])[1:]:
            column = self.labels_zyx[:, box[1], box[2]] == number
            other = column.any(axis=0)
            overlap = (footprint & other).sum()
            if overlap > hidden * min(footprint.sum(), other.sum()):
                return True
        return False

    def footprints(self) -> Labels:
        """Return 2D labels seen from above, shape (rows, columns); the denser nucleus takes a shared pixel."""
        seen: Labels = np.zeros(self.grid.shape[1:], np.uint16)
        for number in np.argsort([nucleus.concentration for nucleus in self.nuclei], kind="stable") + 1:
            seen[(self.labels_zyx == number).any(axis=0)] = number
        return seen


def touching(parent: Nucleus, rng: np.random.Generator, *, scale: float = 1.0, closeness: float = 0.92) -> Nucleus:
    """Return a nucleus pressed against ``parent`` in a random direction; ``closeness`` 1 barely touches."""
    child = interphase(parent.centre_um, rng, scale=scale)
    turn = rng.uniform(0, 2 * np.pi)
    distance = closeness * (_radius_um(parent, turn) + _radius_um(child, turn))
    z, y, x = parent.centre_um
    return replace(child, centre_um=(z + rng.normal(0, 0.4), y + distance * np.sin(turn), x + distance * np.cos(turn)))


def _radius_um(nucleus: Nucleus, turn: float) -> float:
    along, across, _ = nucleus.axes_um
    angle = turn - nucleus.angle
    return float(1 / np.hypot(np.cos(angle) / along, np.sin(angle) / across))
