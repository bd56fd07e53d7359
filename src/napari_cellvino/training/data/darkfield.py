"""Simulated dark-field fields of blood cells, as a microscope with a tilted ring of light shows a smear.

Edges scatter: a cell is a bright rim round a dim, granular body; platelets, dust and nanoparticles are bright specks;
cells above or below the plane of focus are wide, faint rings. Cells in focus are the truth; what is far out of focus
is not counted. The pictures of González & Evans 2019 cannot be had, so the packages trained on these say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.training.data.datasets import LabelledImage

Real = NDArray[np.float32]
SHAPE = (624, 832)  # rows, columns of the published fields


@dataclass(frozen=True, slots=True)
class DarkfieldScene:
    """What a field holds: cells in focus, cells far out of focus, specks, fibres; diameters in px.

    Without ``granules``, cells have no bright dots of their own.
    """

    cells: int
    blurred: int
    specks: int
    fibres: int
    diameter: tuple[float, float] = (30.0, 50.0)
    granules: bool = True


def random_smear(rng: np.random.Generator) -> DarkfieldScene:
    """Return a random content: 0 to 70 cells, some debris."""
    return DarkfieldScene(
        cells=int(rng.integers(0, 71)),
        blurred=int(rng.integers(0, 9)),
        specks=int(rng.integers(5, 120)),
        fibres=int(rng.integers(0, 3)),
    )


def simulated_fields(count: int, *, first_seed: int) -> list[LabelledImage]:
    """Return ``count`` fields, each made from a seed of its own, counted up from ``first_seed``."""
    return [simulate_field(seed) for seed in range(first_seed, first_seed + count)]


def simulate_field(seed: int, shape: tuple[int, int] = SHAPE, smear: DarkfieldScene | None = None) -> LabelledImage:
    """Return one field: image (Y, X, RGB) uint8 and its labels; without ``smear`` its content is random."""
    rng = np.random.default_rng([7, seed])
    drawn = random_smear(rng)
    smear = smear or drawn
    light, labels = _cells(shape, smear, rng)
    light += _blurred_cells(shape, smear, rng)
    light += _specks(shape, smear.specks, rng) + _fibres(shape, smear.fibres, rng)
    light += np.float32(rng.uniform(0.0, 0.05)) + np.float32(rng.uniform(0, 0.06)) * _clouds(shape, 150, rng)
    light = ndi.gaussian_filter(light, rng.uniform(0.5, 1.3))
    tint = np.exp2(rng.uniform(-0.8, 0.2, 3)).astype(np.float32)
    photons = np.float32(rng.uniform(150, 1500))
    colours = rng.poisson(np.clip(light[..., None] * tint, 0, None) * photons) / photons
    colours += rng.normal(0, rng.uniform(0.003, 0.012), colours.shape)
    image = (np.clip(colours * rng.uniform(150, 330), 0, 255)).astype(np.uint8)
    return LabelledImage(f"darkfield_{seed:05d}", "darkfield", image, labels)


def _cells(shape: tuple[int, int], smear: DarkfieldScene, rng: np.random.Generator) -> tuple[Real, NDArray[np.int32]]:
    light, labels = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    brightness = rng.uniform(0.35, 1.0)
    for _ in range(smear.cells):
        window, inward = _place(shape, rng.uniform(*smear.diameter), rng)
        own = inward > 0
        if (labels[window][own] > 0).mean() > 0.08 or own.sum() < 100:
            continue
        own &= labels[window] == 0
        labels[window][own] = labels.max() + 1
        shown = _cell_light(inward, rng, granules=smear.granules) * np.float32(brightness * rng.uniform(0.6, 1.3))
        light[window] += ndi.gaussian_filter(shown, rng.uniform(0.0, 1.6))
    return light, labels


def _blurred_cells(shape: tuple[int, int], smear: DarkfieldScene, rng: np.random.Generator) -> Real:
    light = np.zeros(shape, np.float32)
    for _ in range(smear.blurred):
        window, inward = _place(shape, rng.uniform(*smear.diameter) * 1.3, rng)
        light[window] += _cell_light(inward, rng, granules=smear.granules) * np.float32(rng.uniform(0.3, 0.9))
    return np.asarray(ndi.gaussian_filter(light, rng.uniform(6.0, 11.0)), np.float32)


def _place(shape: tuple[int, int], diameter: float, rng: np.random.Generator) -> tuple[tuple[slice, slice], Real]:
    """Return a window and the distance (px) that each of its pixels lies inside a random, slightly dented disc."""
    centre = rng.uniform(0, shape)
    low = np.maximum(centre - diameter, 0).astype(int)
    high = np.minimum(centre + diameter + 1, shape).astype(int)
    y, x = np.ogrid[low[0] : high[0], low[1] : high[1]]
    dy, dx = y - centre[0], x - centre[1]
    turn = np.arctan2(dy, dx)
    squash = rng.uniform(0.82, 1.0)
    tilt = rng.uniform(0, np.pi)
    radius = diameter / 2 / np.hypot(np.cos(turn - tilt), np.sin(turn - tilt) / squash)
    for order in (2, 3, 4, 5):
        radius = radius * (1 + rng.normal(0, 0.09 / order) * np.cos(order * turn + rng.uniform(0, 2 * np.pi)))
    window = slice(low[0], high[0]), slice(low[1], high[1])
    return window, np.asarray(radius - np.hypot(dy, dx), np.float32)


def _cell_light(inward: Real, rng: np.random.Generator, *, granules: bool) -> Real:
    rim = np.exp(-(((inward - 1.5) / rng.uniform(1.2, 2.6)) ** 2) / 2)
    body = rng.uniform(0.05, 0.35) * np.clip(inward / 4, 0, 1)
    grain = np.exp(rng.uniform(0.2, 0.7) * _clouds(inward.shape, rng.uniform(1.0, 2.5), rng))
    dots = (rng.random(inward.shape) < rng.uniform(0, 0.02)) & (inward > 3)
    bright = ndi.gaussian_filter(dots.astype(np.float32) * rng.uniform(2, 8), 0.9) * np.float32(granules)
    nucleus = rng.uniform(0.0, 0.5) * (inward > inward.max() * rng.uniform(0.4, 0.7)) if rng.random() < 0.5 else 0.0
    return np.asarray(rim * rng.uniform(0.6, 1.2) + (body + nucleus) * grain * (inward > 0) + bright, np.float32)


def _specks(shape: tuple[int, int], count: int, rng: np.random.Generator) -> Real:
    out = np.zeros(shape, np.float32)
    for sigma in (0.7, 1.2, 2.2):
        part = np.zeros(shape, np.float32)
        n = count // 3
        part[rng.integers(0, shape[0], n), rng.integers(0, shape[1], n)] = rng.uniform(0.3, 2.0, n) * 6.3 * sigma**2
        out += ndi.gaussian_filter(part, sigma)
    return out


def _fibres(shape: tuple[int, int], count: int, rng: np.random.Generator) -> Real:
    out = np.zeros(shape, np.float32)
    for _ in range(count):
        steps = rng.integers(60, 400)
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.04, steps))
        path = rng.uniform(0, shape)[:, None] + np.cumsum([np.sin(heading), np.cos(heading)], axis=1)
        y, x = path.round().astype(int)
        inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
        out[y[inside], x[inside]] = rng.uniform(1, 4)
    return np.asarray(ndi.gaussian_filter(out, 1.0), np.float32)


def _clouds(shape: tuple[int, ...], grain: float, rng: np.random.Generator) -> Real:
    """Return smooth noise of mean 0 and standard deviation 1."""
    factor = max(1, int(grain // 4))  # wide clouds are made small and enlarged
    small = tuple(-(-n // factor) + 2 for n in shape)
    noise = ndi.gaussian_filter(rng.standard_normal(small).astype(np.float32), grain / factor)
    noise = (noise - noise.mean()) / (noise.std() + 1e-6)
    return np.asarray(ndi.zoom(noise, factor, order=1)[: shape[0], : shape[1]], np.float32)
