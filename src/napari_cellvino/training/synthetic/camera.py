"""What lies between the optics and the file: background, dirt, uneven light, noise, compression, stitching."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from scipy import ndimage as ndi

from napari_cellvino.training.synthetic.noise import granules, smooth_noise

JPEG_BLOCK = 8  # px
Image = NDArray[np.float32]


def record(image: Image, diameter: float, rng: np.random.Generator) -> Image:
    """Return a picture (Y, X), cells about 1 against 0, as a camera might have written it, in arbitrary units."""
    image = image + _background(len(image), diameter, rng)
    if rng.random() < 0.4:
        image = image + _debris(len(image), diameter, rng)
    if rng.random() < 0.5:
        image = _lit_unevenly(image, rng)
    if rng.random() < 0.1:
        image = _stitched(image, rng)
    if rng.random() < 0.3:
        image = _resampled(image, rng)
    image = _noisy(image, rng)
    if rng.random() < 0.25:
        image = compressed(image, int(rng.integers(30, 95)))
    return -image if rng.random() < 0.06 else image


def _background(size: int, diameter: float, rng: np.random.Generator) -> Image:
    """Return structure that is no cell: cloudy, grainy, or striped."""
    field = rng.exponential(0.08) * smooth_noise(size, diameter * rng.uniform(1.5, 8), rng)
    field += rng.exponential(0.04) * smooth_noise(size, diameter * rng.uniform(0.05, 0.5), rng)
    if rng.random() < 0.08:
        turn, pitch = rng.uniform(0, np.pi), rng.uniform(4, 60)
        yy, xx = np.mgrid[:size, :size]
        field += rng.uniform(0.02, 0.15) * np.sin(2 * np.pi * (yy * np.sin(turn) + xx * np.cos(turn)) / pitch)
    return np.asarray(field, np.float32)


def _debris(size: int, diameter: float, rng: np.random.Generator) -> Image:
    """Return specks, some with a ring, that are too small or too large to be cells."""
    radius = diameter * rng.choice([rng.uniform(0.02, 0.08), rng.uniform(1.0, 2.0)], p=[0.85, 0.15])
    radius = max(0.5, radius)
    specks = granules(size, int(rng.integers(1, 25 if radius < diameter / 4 else 3)), radius, rng)
    ring = specks - rng.uniform(0, 1.2) * ndi.gaussian_filter(specks, radius * 1.5)
    return np.asarray(rng.choice([-1, 1]) * rng.uniform(0.3, 2.5) * ring, np.float32)


def _lit_unevenly(image: Image, rng: np.random.Generator) -> Image:
    size = len(image)
    field = smooth_noise(size, size * rng.uniform(0.7, 2.5), rng)
    return np.asarray(image * np.exp2(rng.uniform(0, 0.4) * field) + min(0.4, rng.exponential(0.1)) * field, np.float32)


def _stitched(image: Image, rng: np.random.Generator) -> Image:
    """Return the picture with a step in gain and offset at a line."""
    out, at = image.copy(), int(rng.integers(1, len(image)))
    part = (slice(at, None), slice(None)) if rng.random() < 0.5 else (slice(None), slice(at, None))
    out[part] = out[part] * np.exp2(rng.uniform(-0.4, 0.4)) + rng.uniform(-0.25, 0.25)
    return np.asarray(out, np.float32)


def _resampled(image: Image, rng: np.random.Generator) -> Image:
    size, factor = len(image), rng.uniform(0.4, 0.9)
    small = ndi.zoom(image, factor, order=1)
    back = ndi.zoom(small, (size / small.shape[0], size / small.shape[1]), order=int(rng.choice([0, 1, 1])))
    return np.asarray(back[:size, :size], np.float32)


def _noisy(image: Image, rng: np.random.Generator) -> Image:
    spread = float(np.percentile(image, 99) - np.percentile(image, 1)) + 1e-3
    grain = rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.3:
        grain = ndi.gaussian_filter(grain, rng.uniform(0.5, 1.0))
        grain /= grain.std()
    shot = np.sqrt(np.clip((image - image.min()) / spread, 0, 1)) if rng.random() < 0.5 else 1.0
    return np.asarray(image + min(0.3, rng.exponential(0.035)) * spread * grain * shot, np.float32)


def compressed(image: Image, quality: int, start: tuple[int, int] = (0, 0)) -> Image:
    """Return an image (Y, X) after JPEG of a quality of 1 to 95, whose squares begin ``start`` (y, x) px before it."""
    low, high = (float(end) for end in np.percentile(image, (0.1, 99.9)))
    scale = max(high - low, 1e-6)
    grey = np.clip((image - low) / scale * 255, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    padded = np.pad(grey, [(n, 0) for n in start], mode="edge")
    Pictures.fromarray(padded).save(buffer, "JPEG", quality=quality)
    decoded = np.asarray(Pictures.open(io.BytesIO(buffer.getvalue())))[start[0] :, start[1] :]
    return decoded.astype(np.float32) * np.float32(scale / 255) + np.float32(low)


def random_squares(image: Image, qualities: tuple[int, int], rng: np.random.Generator) -> Image:
    """Return an image after JPEG of a quality between two, low ones more often, its squares anywhere."""
    y, x = (int(n) for n in rng.integers(0, JPEG_BLOCK, 2))
    return compressed(image, round(float(np.exp(rng.uniform(*np.log(qualities))))), (y, x))
