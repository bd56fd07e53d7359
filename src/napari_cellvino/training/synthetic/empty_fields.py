"""Fields without cells: noise, uneven light, patterns, and what cameras, resampling and compression make of them.

Each is drawn at random and stretched to the full range, as normalisation stretches a field that holds nothing else. A
network that saw none of these takes the bumps of smoothed noise and the squares of JPEG for cells.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.training.synthetic.camera import random_squares
from napari_cellvino.training.synthetic.noise import smooth_noise

Image = NDArray[np.float32]
Drawing = Callable[[int, np.random.Generator], Image]
SQUARES = 0.35  # of the fields are compressed so that squares of JPEG are seen


def empty_field(size: int, rng: np.random.Generator) -> Image:
    """Return what normalisation makes of a field (size, size) without cells; its values are about 0 to 1."""
    drawings, chances = zip(*DRAWINGS, strict=True)
    field = drawings[rng.choice(len(drawings), p=np.array(chances) / sum(chances))](size, rng)
    field = field / max(float(field.std()), 1e-6)
    field = field + rng.uniform(0, 4) * rng.integers(0, 2) * smooth_noise(size, 2.0 * size, rng)
    field = field + rng.uniform(0, 0.3) * rng.standard_normal((size, size))
    if rng.random() < SQUARES:
        field = random_squares(np.asarray(field, np.float32), (3, 40), rng)
    low, high = np.percentile(field, (1, 99.8))
    return np.asarray((field - low) / max(high - low, 1e-6) * rng.uniform(0.5, 1.2), np.float32)


def _grain(size: int, rng: np.random.Generator) -> Image:
    """Noise of a camera: of single pixels, or smoothed a little."""
    grain = rng.standard_normal((size, size))
    return np.asarray(ndi.gaussian_filter(grain, rng.choice([0.0, 0.6, 1.0, 2.5])), np.float32)


def _smoothed(size: int, rng: np.random.Generator) -> Image:
    """Noise of any correlation, now and then of several scales at once."""
    waves = 2.0 ** rng.uniform(1.5, 6.5, int(rng.choice([1, 1, 2, 3])))
    return np.asarray(sum(rng.uniform(0.3, 1.0) * smooth_noise(size, wave, rng) for wave in waves), np.float32)


def _fibres(size: int, rng: np.random.Generator) -> Image:
    """Noise drawn out along two directions, as of paper or cloth."""
    long, short = rng.uniform(4, 16), rng.uniform(0.5, 2)
    along, across = (
        ndi.gaussian_filter(rng.standard_normal((size, size)), sigma) for sigma in ((short, long), (long, short))
    )
    return np.asarray(along / along.std() + rng.integers(0, 2) * across / across.std(), np.float32)


def _enlarged(size: int, rng: np.random.Generator) -> Image:
    """Noise of an image that was enlarged."""
    times, order = rng.uniform(2, 13), int(rng.choice([0, 1, 3]))
    small = rng.standard_normal((int(np.ceil(size / times)) + 2,) * 2)
    return np.asarray(ndi.zoom(small, times, order=order)[:size, :size], np.float32)


def _light(size: int, rng: np.random.Generator) -> Image:
    """Light from one side or in the middle, now and then in steps."""
    rows, columns = _turned(size, rng)
    light = rows if rng.random() < 0.5 else -np.hypot(rows - rng.uniform(-0.3, 0.3) * size, columns)
    if rng.random() < 0.3:
        light = np.round(light / np.ptp(light) * rng.integers(4, 16))
    return np.asarray(light, np.float32)


def _lines(size: int, rng: np.random.Generator) -> Image:
    """Lines of one distance, in one direction or in two as a grid, bright or dark."""
    apart, sign = rng.uniform(10, size / 2), rng.choice([-1, 1])
    width = max(1.0, rng.uniform(0.02, 0.3) * apart)
    directions = _turned(size, rng)[: int(rng.choice([1, 2, 2]))]
    lines = np.any([(x + size) % apart < width for x in directions], axis=0)
    return np.asarray(sign * ndi.gaussian_filter(lines.astype(np.float32), rng.uniform(0, 1.5)), np.float32)


def _waves(size: int, rng: np.random.Generator) -> Image:
    """Stripes, or rings round a point, with edges that are soft or hard."""
    rows, columns = _turned(size, rng)
    far = rows if rng.random() < 0.6 else np.hypot(rows - rng.uniform(-0.5, 0.5) * size, columns)
    waves = np.sin(2 * np.pi * far / rng.uniform(8, size / 2))
    return np.asarray(np.sign(waves) if rng.random() < 0.3 else waves, np.float32)


def _tiles(size: int, rng: np.random.Generator) -> Image:
    """Tiles of a mosaic that do not fit in brightness, or of a camera's rows."""
    shape = tuple(int(np.ceil(size / side)) for side in rng.choice([1, 8, 32, 64, 128, size], 2))
    steps = rng.standard_normal(shape)
    repeats = [int(np.ceil(size / n)) for n in shape]
    return np.asarray(np.kron(steps, np.ones(repeats))[:size, :size], np.float32)


def _turned(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return rows and columns (2, size, size) in px from the middle, straight or turned by a random angle."""
    angle = rng.uniform(0, np.pi) * rng.integers(0, 2)
    rows, columns = np.mgrid[:size, :size] - size / 2
    return np.stack([np.cos(angle) * rows + np.sin(angle) * columns, np.cos(angle) * columns - np.sin(angle) * rows])


DRAWINGS: tuple[tuple[Drawing, float], ...] = (
    (_grain, 0.25),
    (_smoothed, 0.3),
    (_light, 0.12),
    (_lines, 0.1),
    (_waves, 0.07),
    (_fibres, 0.05),
    (_enlarged, 0.06),
    (_tiles, 0.05),
)
