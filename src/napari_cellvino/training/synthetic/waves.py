"""Transparent cells as light goes through them: a wave with the cells' optical path, a lens, and a phase ring or none.

Phase contrast (Zernike 1942): light that the specimen did not turn goes through a ring that shifts and weakens it. The
ring is wider than that light, so coarse detail goes through it too: halos and shade-off come of themselves, and thick
cells shine. Without the ring, a little out of focus, it is bright field.

References
----------
Zernike 1942, "Phase contrast, a new method for the microscopic observation of transparent objects"; Yin et al. 2012,
"Understanding the phase contrast optics to restore artifact-free microscopy images for segmentation" (the ring as a
broad kernel); Goodman, "Introduction to Fourier Optics" (defocus as a quadratic phase in the pupil).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.training.synthetic.noise import granules, smooth_noise
from napari_cellvino.training.synthetic.shapes import Labels

Image = NDArray[np.float32]
MARGIN = 32  # px round the field that are imaged too, since the transform wraps
USUAL = 60.0  # px: diameter of cells whose organelles are a few px


def by_waves(labels: Labels, depth_px: Image, diameter: float, rng: np.random.Generator, *, ring: bool) -> Image:
    """Return cells (Y, X) in phase contrast (``ring``) or in bright field, the empty field about 0, cells about 1.

    Parameters
    ----------
    labels, depth_px
        Cells and how far each of their pixels lies from the edge, px.
    diameter
        Typical of the cells, px.
    rng
        Draws cells and instrument.
    ring
        Whether there is a phase ring.
    """
    path = optical_path(labels, depth_px, diameter, rng) + _dirt(len(labels), diameter, rng)
    lens = _some_lens(diameter, rng, ring=ring)
    image = intensity(np.pad(path, MARGIN, mode="reflect"), lens)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    inside = labels > 0
    image = image - np.median(image[~inside]) if (~inside).sum() > 100 else image - image.mean()
    strong = np.percentile(np.abs(image[inside]), 90) if inside.any() else np.abs(image).max()
    return np.asarray(image / max(float(strong), 1e-3), np.float32)


def optical_path(labels: Labels, depth_px: Image, diameter: float, rng: np.random.Generator) -> Image:
    """Return how far cells hold back the wave, radians: sheet, hill, nucleus, organelles, dense edges, spheres."""
    size, count, fine = len(labels), int(labels.max()) + 1, float(np.sqrt(diameter / USUAL))
    inside = (labels > 0).astype(np.float32)
    deepest = np.maximum(ndi.maximum(depth_px, labels, np.arange(count)), 1.0).astype(np.float32)
    share = np.clip(depth_px / deepest[labels], 0, 1)
    sheet = np.minimum(depth_px / (fine * rng.uniform(0.7, 4)), 1)
    path = rng.uniform(0.05, 0.4) * sheet + 2 ** rng.uniform(-4, -0.3) * share ** rng.uniform(0.8, 2.5)
    path = ndi.gaussian_filter(path, rng.uniform(0.5, 0.08 * diameter)) * inside
    path += rng.uniform(0, 0.35) * _dense_edges(size, depth_px, diameter, rng) * inside
    path += _texture(size, share, fine, rng) * inside
    path += _nuclei(labels, depth_px, deepest, fine, rng)
    path *= np.exp2(rng.normal(0, rng.uniform(0.1, 0.7), count)).astype(np.float32)[labels]
    if rng.random() < 0.6:
        _round_up(path, labels, share, rng)
    return np.asarray(path, np.float32)


def _dense_edges(size: int, depth_px: Image, diameter: float, rng: np.random.Generator) -> Image:
    """Return ruffles: parts of the edges that are thicker."""
    fine = np.sqrt(diameter / USUAL)
    edge = np.exp(-(((depth_px - rng.uniform(0, 2) * fine) / (rng.uniform(1, 3) * fine)) ** 2))
    where = np.clip(smooth_noise(size, diameter * rng.uniform(0.2, 0.8), rng) + rng.uniform(-1, 0.5), 0, 2)
    return np.asarray(edge * where, np.float32)


def _texture(size: int, share: Image, fine: float, rng: np.random.Generator) -> Image:
    """Return grain of two sizes, dense and thin organelles, most of them round the nucleus."""
    middle = 0.15 + share ** rng.uniform(0.3, 2)
    texture = rng.exponential(0.04) * smooth_noise(size, fine * rng.uniform(2, 5), rng)
    texture += rng.exponential(0.05) * smooth_noise(size, fine * rng.uniform(5, 16), rng)
    for strength, often in ((rng.uniform(0, 0.6), 0.8), (-rng.uniform(0, 0.4), 0.4)):
        if rng.random() < often:
            number = int(size**2 / (fine**2 * 2 ** rng.uniform(5.5, 9)))
            texture += strength * granules(size, number, fine * rng.uniform(0.6, 1.8), rng)
    return np.asarray(texture * middle, np.float32)


def _nuclei(labels: Labels, depth_px: Image, deepest: Image, fine: float, rng: np.random.Generator) -> Image:
    """Return a nucleus in most cells: a hill that is thinner or denser than what is round it, envelope and nucleoli."""
    soft = np.zeros(labels.shape, np.float32)
    numbers = np.flatnonzero(rng.random(len(deepest)) < 0.92)[1:]
    grid = np.mgrid[: len(labels), : len(labels)].astype(np.float32)
    size, sharp = rng.uniform(0.4, 0.8), rng.uniform(2, 8)
    for number, place in zip(numbers, ndi.maximum_position(depth_px, labels, numbers), strict=True):
        radius, ratio, turn = deepest[number] * size + 1, rng.uniform(1.0, 1.7), rng.uniform(0, np.pi)
        part = tuple(slice(max(0, int(p - 3 * radius)), int(p + 3 * radius + 1)) for p in place)
        dy, dx = (g[part] - p for g, p in zip(grid, place, strict=True))
        along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        away = np.hypot(along / ratio, across * ratio**0.3) / radius
        ellipse = 1 / (1 + np.exp((away - 1) * sharp * 2))
        soft[part] = np.maximum(soft[part], ellipse * (labels[part] == number))
    path = rng.uniform(-0.15, 0.2) * soft + rng.uniform(0, 0.25) * 4 * soft * (1 - soft)
    often = int(len(labels) ** 2 / (fine**2 * 2 ** rng.uniform(5.5, 8)))
    path += rng.uniform(0, 0.6) * granules(len(labels), often, fine * rng.uniform(1.2, 2.4), rng) * soft
    return np.asarray(path * (labels > 0), np.float32)


def _round_up(path: Image, labels: Labels, share: Image, rng: np.random.Generator) -> None:
    """Make some cells spheres, several radians thick, in place."""
    chosen = rng.random(int(labels.max()) + 1) < rng.choice([0.05, 0.15, 0.5], p=[0.6, 0.3, 0.1])
    chosen[0] = False
    thick = rng.uniform(1.0, 5.0) * np.sqrt(np.clip(share * (2 - share), 0, 1))
    part = chosen[labels]
    path[part] = (0.4 * path + thick)[part]


def _dirt(size: int, diameter: float, rng: np.random.Generator) -> Image:
    """Return specks and flakes on the glass."""
    path = np.zeros((size, size), np.float32)
    if rng.random() < 0.6:
        number = int(size**2 / 2 ** rng.uniform(10, 13.5))
        path += rng.choice([1, 1, -0.5]) * rng.uniform(0.1, 1.2) * granules(size, number, rng.uniform(0.7, 2.2), rng)
    if rng.random() < 0.35:
        flakes = smooth_noise(size, max(4.0, diameter * rng.uniform(0.1, 0.3)), rng)
        path += rng.uniform(0.1, 0.5) * np.clip(flakes - rng.uniform(1.6, 2.6), 0, 1)
    return path


@dataclass(frozen=True, slots=True)
class Lens:
    """What images the wave: ``blur`` (sigma, px), ``focus`` (px² of defocus), and the phase ring.

    ``ring`` is what becomes of the light that goes through the ring (1: none; -0.5j: half the amplitude, a quarter
    wave later), ``halo_px`` how far the ring's halos reach.
    """

    blur: float
    focus: float = 0.0
    ring: complex = 1.0
    halo_px: float = 1.0


def intensity(path: Image, lens: Lens) -> Image:
    """Return the intensity (Y, X) behind a lens of light that ``path`` (radians) held back; 1 without any."""
    f2 = sum(f**2 for f in np.meshgrid(*(np.fft.fftfreq(n) for n in path.shape), indexing="ij"))
    pupil = np.exp(-2 * (np.pi * lens.blur) ** 2 * f2 + 1j * np.pi**2 * lens.focus * f2)
    through_ring = np.exp(-2 * (np.pi * lens.halo_px) ** 2 * f2)
    wave = np.fft.ifft2(np.fft.fft2(np.exp(1j * path)) * pupil * (1 + (lens.ring - 1) * through_ring))
    return np.asarray(np.abs(wave) ** 2, np.float32)


def _some_lens(diameter: float, rng: np.random.Generator, *, ring: bool) -> Lens:
    large = float(np.sqrt(max(1.0, diameter / USUAL)))
    blur = rng.uniform(0.4, 1.2) * large
    focus = (rng.normal(0, 1.5) if ring else rng.choice([-1, 1]) * rng.uniform(2, 25)) * large
    if not ring:
        return Lens(blur, focus)
    halo_px = diameter * 2 ** rng.uniform(-4, -0.7)
    weakened = rng.uniform(0.25, 0.8)
    return Lens(blur, focus, weakened * (-1j if rng.random() < 0.88 else 1j), halo_px)
