"""Random crops of labelled images that look as if another microscope had taken them.

Geometry (scale, rotation, mirror) is one affine resampling; intensity changes act on the normalised image, where 0
is background and 1 the bright end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label as connected_components

Image = NDArray[np.float32]
Labels = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class CropOptions:
    """What random crops look like; ``diameter_px`` is the range of median object diameters the network shall see."""

    size: int = 224
    scale: tuple[float, float] = (0.5, 2.0)
    diameter_px: tuple[float, float] = (7.0, 70.0)
    empty_fraction: float = 0.04


def random_crop(
    image: Image, labels: Labels, diameter: float, options: CropOptions, rng: np.random.Generator
) -> tuple[Image, Labels]:
    """Return an augmented crop and its labels, both (size, size); objects broken by the crop get ids of their own."""
    if rng.random() < options.empty_fraction:
        return _empty_field(options.size, rng), np.zeros((options.size, options.size), np.int32)
    scale = _random_scale(diameter, options, rng)
    crop, crop_labels = _warp(image, labels, options.size, scale, rng)
    for change, chance in _CHANGES:
        if rng.random() < chance:
            crop = change(crop, crop_labels, rng)
    return np.clip(crop, -0.5, 2.0).astype(np.float32), crop_labels


def _random_scale(diameter: float, options: CropOptions, rng: np.random.Generator) -> float:
    low, high = np.log2(options.scale)
    scale = 2.0 ** rng.triangular(low, 0.0, high)
    smallest, largest = options.diameter_px[0] / diameter, options.diameter_px[1] / diameter
    return float(np.clip(scale, min(smallest, 1.0), max(largest, 0.25)) if smallest < largest else scale)


def _warp(image: Image, labels: Labels, size: int, scale: float, rng: np.random.Generator) -> tuple[Image, Labels]:
    height, width = image.shape
    turn = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else rng.integers(4) * np.pi / 2
    mirror = rng.choice([-1.0, 1.0])
    stretch = 2.0 ** rng.uniform(-0.15, 0.15)
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag([stretch, mirror / stretch]) * size / scale
    reach = np.minimum(size / scale / 2, [width / 2, height / 2])
    centre = rng.uniform(reach, np.maximum([width, height] - reach, reach + 1e-6))
    theta = np.zeros((1, 2, 3), np.float32)
    theta[0, :, :2] = matrix / [[width], [height]]
    theta[0, :, 2] = 2 * centre / [width, height] - 1
    grid = F.affine_grid(torch.from_numpy(theta), [1, 1, size, size], align_corners=False)
    pixels = _sample(image, grid, "bilinear")
    crop_labels = _sample(labels.astype(np.float32), grid, "nearest").astype(np.int32)
    return pixels, connected_components(crop_labels, connectivity=1).astype(np.int32)


def _sample(array: Image, grid: torch.Tensor, mode: str) -> Image:
    source = torch.from_numpy(np.ascontiguousarray(array, np.float32))[None, None]
    sampled = F.grid_sample(source, grid, mode=mode, padding_mode="reflection", align_corners=False)
    return np.asarray(sampled[0, 0].numpy(), np.float32)


def _empty_field(size: int, rng: np.random.Generator) -> Image:
    """Return what normalisation makes of a field without cells: noise, uneven light, stretched to the full range."""
    field = ndi.gaussian_filter(rng.standard_normal((size, size)), rng.choice([0.0, 0.6, 1.0]))
    field /= field.std()
    field += rng.uniform(0, 4) * _low_frequency(size, rng)
    low, high = np.percentile(field, (1, 99.8))
    return np.asarray((field - low) / max(high - low, 1e-6) * rng.uniform(0.5, 1.2), np.float32)


def _low_frequency(size: int, rng: np.random.Generator) -> Image:
    coarse = rng.standard_normal((1, 1, 4, 4)).astype(np.float32)
    fine = F.interpolate(torch.from_numpy(coarse), size=(size, size), mode="bicubic", align_corners=False)
    return np.asarray(fine[0, 0].numpy(), np.float32)


def _gamma(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    return np.asarray(np.sign(image) * np.abs(image) ** np.float32(2.0 ** rng.uniform(-0.9, 0.9)), np.float32)


def _gain(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    return image * np.float32(2.0 ** rng.uniform(-0.8, 0.8)) + np.float32(rng.uniform(-0.15, 0.15))


def _uneven_light(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    field = _low_frequency(len(image), rng)
    if rng.random() < 0.5:
        return image + np.float32(rng.uniform(0.02, 0.15)) * field
    return np.asarray(image * np.exp2(np.float32(rng.uniform(0.1, 0.5)) * field), np.float32)


def _object_brightness(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    gain = np.exp2(rng.uniform(-1.8, 0.5, labels.max() + 1)).astype(np.float32)
    gain[0] = 1.0
    return np.asarray(image * ndi.gaussian_filter(gain[labels], 1.0), np.float32)


def _blur(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    return np.asarray(ndi.gaussian_filter(image, rng.uniform(0.4, 2.0)), np.float32)


def _noise(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    sigma = rng.exponential(0.04) * np.sqrt(rng.uniform(0.1, 1.0) + np.clip(image, 0, 1))
    grain = rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.3:
        grain = ndi.gaussian_filter(grain, 0.7) * 2.0
    return np.asarray(image + sigma.astype(np.float32) * grain, np.float32)


def _salt(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    return np.asarray(np.where(rng.random(image.shape) < rng.uniform(0.001, 0.015), np.float32(2.0), image))


def _debris(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    points = np.zeros_like(image)
    count = rng.integers(2, 20)
    points[rng.integers(0, len(image), count), rng.integers(0, len(image), count)] = rng.uniform(3, 15, count)
    return np.asarray(image + ndi.gaussian_filter(points, rng.uniform(0.5, 1.0)), np.float32)


_CHANGES: tuple[tuple[Callable[[Image, Labels, np.random.Generator], Image], float], ...] = (
    (_object_brightness, 0.3),
    (_gamma, 0.6),
    (_uneven_light, 0.3),
    (_blur, 0.3),
    (_debris, 0.05),
    (_gain, 0.6),
    (_noise, 0.6),
    (_salt, 0.05),
)
