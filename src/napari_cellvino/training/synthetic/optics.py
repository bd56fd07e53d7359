"""What a microscope makes of cells: fluorescence, phase contrast, bright field, DIC, absorbing stains.

Every function takes a `Specimen` and gives a picture (Y, X) in which the empty field is about 0 and cells differ from
it by about 1, so that what follows (light, noise) is the same for all.

References
----------
Zernike 1942 (phase contrast); Teague 1983, "Deterministic phase retrieval" (intensity at small defocus follows the
Laplacian of the phase); Yin et al. 2012, "Understanding the phase contrast optics" (halo and shade-off as a broad
negative kernel).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.training.synthetic.noise import granules, smooth_noise
from napari_cellvino.training.synthetic.shapes import Labels
from napari_cellvino.training.synthetic.waves import by_waves

Image = NDArray[np.float32]
THIN = 26.0  # px: larger cells are often drawn flat, with detail of a few px


@dataclass(frozen=True, slots=True)
class Specimen:
    """Cells to look at: ``labels``, ``rise`` (0 at each cell's edge to 1 at its deepest), ``depth_px`` to the edge.

    ``nucleus`` is 1 inside nuclei (soft edge), ``grain`` a texture of deviation 1; all are (Y, X).
    """

    labels: Labels
    rise: Image
    depth_px: Image
    nucleus: Image
    grain: Image
    diameter: float

    @property
    def inside(self) -> Image:
        """Where there is a cell: 1, else 0."""
        return (self.labels > 0).astype(np.float32)

    def per_cell(self, values: NDArray[np.floating]) -> Image:
        """Return ``values`` (N + 1,) of the background and of every cell as an image."""
        return values.astype(np.float32)[self.labels]


def make_specimen(labels: Labels, diameter: float, rng: np.random.Generator) -> Specimen:
    """Return cells of a label image with heights, nuclei and textures."""
    size, count = len(labels), int(labels.max()) + 1
    edge = (ndi.maximum_filter(labels, 3) != ndi.minimum_filter(labels, 3)) & (labels > 0)
    away = ndi.distance_transform_edt(~edge) + 0.5 if edge.any() else np.ones(labels.shape)
    depth = np.where(labels > 0, away, 0).astype(np.float32)
    deepest = np.maximum(np.asarray(ndi.maximum(depth, labels, np.arange(count))), 1e-3) if count > 1 else np.ones(1)
    rise = (depth / deepest.astype(np.float32)[labels]).clip(0, 1)
    start = rng.uniform(0.35, 0.7, count).astype(np.float32)[labels]
    nucleus = ndi.gaussian_filter(((rise > start) & (labels > 0)).astype(np.float32), max(0.5, diameter / 40))
    grain = smooth_noise(size, max(1.5, diameter * rng.uniform(0.04, 0.3)), rng)
    return Specimen(labels, rise, depth, nucleus, grain, diameter)


def fluorescence(s: Specimen, rng: np.random.Generator) -> Image:
    """Return stained cytoplasm, with nuclei bright, dark or unseen, dim cells beside bright ones, and haze."""
    count = int(s.labels.max()) + 1
    level = np.exp2(rng.normal(0, rng.uniform(0.1, 0.8), count))
    body = (s.rise + 0.05) ** rng.uniform(0.1, 1.0) * s.inside
    body *= 1 + rng.choice([0, 1], p=[0.4, 0.6]) * rng.uniform(-0.8, 1.5) * s.nucleus
    body *= np.exp2(rng.uniform(0, 0.6) * s.grain)
    if rng.random() < 0.3:
        body += s.inside * granules(len(body), int(rng.integers(50, 800)), rng.uniform(0.7, 1.5), rng)
    image = _blurred(body * s.per_cell(level), s, rng, 0.01, 0.06)
    haze = ndi.gaussian_filter(image, s.diameter * rng.uniform(0.2, 0.6))
    return np.asarray(image + rng.exponential(0.15) * haze, np.float32)


def membrane(s: Specimen, rng: np.random.Generator) -> Image:
    """Return stained membranes: bright edges, brighter where two cells meet, over a dim inside."""
    width = max(0.6, s.diameter * rng.uniform(0.02, 0.06))
    ring = np.exp(-((s.depth_px / width) ** 2)) * s.inside
    uneven = np.exp2(rng.uniform(0, 0.7) * smooth_noise(len(ring), s.diameter / 2, rng))
    count = int(s.labels.max()) + 1
    inside = rng.uniform(0, 0.4) * s.per_cell(np.exp2(rng.normal(0, 0.5, count))) * s.inside
    return _blurred(ring * uneven + inside, s, rng, 0.01, 0.05)


def phase_contrast(s: Specimen, rng: np.random.Generator) -> Image:
    """Return cells darker (or brighter) than the field with a halo, fading towards their middle (shade-off)."""
    if s.diameter > THIN and rng.random() < 0.7:
        return _phase_contrast_of_thin_cells(s, rng)
    path = _optical_path(s, rng)
    broad = s.diameter * rng.uniform(0.12, 0.5)
    halo = ndi.gaussian_filter(path, broad) * rng.uniform(0.4, 1.0)
    image = -(path - halo) * rng.uniform(0.5, 1.5)
    ring = ndi.gaussian_filter(s.inside, 0.8) - ndi.gaussian_filter(s.inside, max(1.2, broad / 2))
    image -= rng.uniform(0, 1.2) * np.minimum(ring, 0)  # the bright rim outside
    if rng.random() < 0.5:  # a bright seam just inside
        image += rng.uniform(0.1, 0.8) * np.exp(-((s.depth_px / max(0.8, 0.04 * s.diameter)) ** 2)) * s.inside
    if rng.random() < 0.4:  # some cells round up and shine
        image += 2 * _chosen(s, 0.12, rng) * (s.rise - 0.3)
    if rng.random() < 0.12:
        image = -image
    return _blurred(image, s, rng, 0.005, 0.03)


def _phase_contrast_of_thin_cells(s: Specimen, rng: np.random.Generator) -> Image:
    """Return spread cells as a 10x or 20x lens shows them: as grey as the field, with fine texture and a crisp edge."""
    path = _thin_path(s, rng)
    broad = rng.uniform(3, 16)
    image = -(path - ndi.gaussian_filter(path, broad) * rng.uniform(0.6, 1.0))
    outside = ndi.gaussian_filter(s.inside, rng.uniform(1.0, 3.0)) * (1 - s.inside)
    image += rng.uniform(0, 0.9) * outside  # the halo
    round_cells = _chosen(s, rng.choice([0.0, 0.05, 0.15]), rng)
    ring = np.exp(-(((s.depth_px - rng.uniform(1, 4)) / rng.uniform(1.5, 4)) ** 2))
    image += round_cells * (rng.uniform(0.8, 2.5) * ring - rng.uniform(0, 0.8) * s.rise)
    if rng.random() < 0.12:
        image = -image
    return np.asarray(ndi.gaussian_filter(image, rng.uniform(0.3, 1.1) * np.sqrt(s.diameter / 60)), np.float32)


def _thin_path(s: Specimen, rng: np.random.Generator) -> Image:
    """Return the optical path of flat cells: a thin sheet, a hill at the nucleus, organelles of a few px, ruffles."""
    size, fine = len(s.labels), float(np.sqrt(s.diameter / 60))
    path = rng.uniform(0.05, 0.5) * s.inside + rng.uniform(0, 0.6) * s.rise ** rng.uniform(0.7, 2.5) * s.inside
    near_edge = np.exp(-((s.depth_px / (fine * rng.uniform(0.8, 2.5))) ** 2)) * s.inside
    ruffled = np.exp2(rng.uniform(0.3, 1.2) * smooth_noise(size, s.diameter * rng.uniform(0.2, 0.8), rng))
    path += rng.choice([-0.3, 1.0], p=[0.2, 0.8]) * rng.uniform(0, 0.9) * near_edge * ruffled
    grain = smooth_noise(size, fine * rng.uniform(1.5, 7), rng) * (0.3 + 0.7 * s.rise)
    path += rng.uniform(0.03, 0.3) * grain * s.inside
    rim = s.nucleus * (1 - s.nucleus) * 4
    path += (rng.uniform(-0.2, 0.35) * rim + rng.uniform(-0.25, 0.2) * s.nucleus) * s.inside
    for strength in rng.choice([-0.6, 0.5, 1.0], int(rng.integers(0, 3))):
        often = int(size**2 / (fine**2 * rng.uniform(30, 600)))
        spots = granules(size, often, fine * rng.uniform(0.6, 1.7), rng) * (0.2 + 0.8 * s.rise)
        path += strength * rng.uniform(0.2, 1.0) * spots * s.inside
    count = int(s.labels.max()) + 1
    return np.asarray(path * s.per_cell(np.exp2(rng.normal(0, rng.uniform(0.1, 0.6), count))), np.float32)


def phase_ring(s: Specimen, rng: np.random.Generator) -> Image:
    """Return cells in phase contrast as the wave makes it: halos, shade-off, and thick cells that shine."""
    return by_waves(s.labels, s.depth_px, s.diameter, rng, ring=True)


def defocus(s: Specimen, rng: np.random.Generator) -> Image:
    """Return cells in bright field out of focus as the wave makes it: fringes round edges and organelles."""
    return by_waves(s.labels, s.depth_px, s.diameter, rng, ring=False)


def bright_field(s: Specimen, rng: np.random.Generator) -> Image:
    """Return transparent cells at random defocus: dark and bright rims, faint insides."""
    path = _optical_path(s, rng)
    soft = max(0.6, s.diameter * rng.uniform(0.01, 0.05))
    focus = rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.5)
    smooth = ndi.gaussian_filter(path, soft)
    rims = focus * ndi.gaussian_laplace(path, soft) * soft**2 * 3
    wide = focus * rng.uniform(0, 0.8) * (smooth - ndi.gaussian_filter(path, soft + 0.08 * s.diameter))
    absorbed = rng.exponential(0.15) * s.inside
    slope = np.hypot(*np.gradient(smooth)) * soft * rng.uniform(0, 1.5)
    return np.asarray(rims - wide - absorbed - slope, np.float32)


def dic(s: Specimen, rng: np.random.Generator) -> Image:
    """Return a relief lit from one side: the slope of the optical path along the shear."""
    path = ndi.gaussian_filter(_optical_path(s, rng), max(0.6, s.diameter * rng.uniform(0.01, 0.04)))
    turn = rng.uniform(0, 2 * np.pi)
    dy, dx = np.gradient(path)
    image = (np.sin(turn) * dy + np.cos(turn) * dx) * s.diameter * rng.uniform(0.08, 0.25)
    return np.asarray(image + rng.uniform(-0.15, 0.15) * path, np.float32)


def stain(s: Specimen, rng: np.random.Generator) -> Image:
    """Return cells that absorb light: darker nuclei, paler or ring-shaped bodies."""
    count = int(s.labels.max()) + 1
    density = rng.uniform(0.1, 0.9) * (s.rise + 0.2) ** rng.uniform(0, 0.6) * s.inside
    density += rng.uniform(0, 1.2) * s.nucleus * (rng.random() < 0.7)
    density += rng.uniform(0, 0.8) * np.exp(-((s.depth_px / max(0.7, 0.05 * s.diameter)) ** 2)) * s.inside
    density *= np.exp2(rng.uniform(0, 0.5) * s.grain) * s.per_cell(np.exp2(rng.normal(0, 0.3, count)))
    if rng.random() < 0.5:
        density += _tissue(s, rng)
    return _blurred(np.exp(-density) - 1, s, rng, 0.01, 0.04)


def _tissue(s: Specimen, rng: np.random.Generator) -> Image:
    """Return the density of a counterstain round the cells: clouds, grains, and tears without any."""
    size = len(s.labels)
    clouds = np.exp2(rng.uniform(0.2, 1.0) * smooth_noise(size, s.diameter * rng.uniform(0.8, 5), rng))
    grains = np.exp2(rng.uniform(0, 0.7) * smooth_noise(size, s.diameter * rng.uniform(0.08, 0.4), rng))
    density = rng.uniform(0.05, 0.4) * clouds * grains
    if rng.random() < 0.5:
        density *= smooth_noise(size, s.diameter * rng.uniform(1.5, 6), rng) < rng.uniform(0, 1.5)
    return np.asarray(density, np.float32)


def _optical_path(s: Specimen, rng: np.random.Generator) -> Image:
    """Return thickness times refraction: a plateau, a cushion or a hill with a flat rim; nucleus, texture, granules."""
    if s.diameter > THIN and rng.random() < 0.5:
        return _thin_path(s, rng)
    plateau = rng.uniform(0.2, 1.2) if rng.random() < 0.75 else rng.uniform(1.2, 3.0)
    path = (s.rise + 1e-3) ** plateau * s.inside * rng.uniform(0.3, 1.0)
    path += rng.uniform(0, 0.5) * s.nucleus * s.inside
    path += rng.uniform(0, 0.25) * s.grain * s.inside
    if rng.random() < 0.4:
        spots = granules(len(path), int(rng.integers(20, 5 * len(path))), rng.uniform(0.6, 1.2), rng)
        path += rng.choice([-0.4, 0.5]) * rng.uniform(0.2, 1.0) * spots * s.inside
    count = int(s.labels.max()) + 1
    return np.asarray(path * s.per_cell(np.exp2(rng.normal(0, rng.uniform(0, 0.4), count))), np.float32)


def _chosen(s: Specimen, share: float, rng: np.random.Generator) -> Image:
    flags = rng.random(int(s.labels.max()) + 1) < share
    flags[0] = False
    return s.per_cell(flags.astype(np.float32))


def _blurred(image: Image, s: Specimen, rng: np.random.Generator, low: float, high: float) -> Image:
    return np.asarray(ndi.gaussian_filter(image, 0.4 + s.diameter * rng.uniform(low, high)), np.float32)


OPTICS: Mapping[str, Callable[[Specimen, np.random.Generator], Image]] = {
    "fluorescence": fluorescence,
    "membrane": membrane,
    "phase contrast": phase_contrast,
    "phase ring": phase_ring,
    "bright field": bright_field,
    "defocus": defocus,
    "DIC": dic,
    "stain": stain,
}
