"""Intensity changes that make an image look as if another microscope had taken it.

They act on normalised images, where 0 is the dark end and 1 the bright end of the field, and take a grey crop (Y, X)
and its label image (Y, X; zeros where only boxes are known). A *style* is what may happen to one kind of image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from scipy import fft
from scipy import ndimage as ndi

from napari_cellvino.training.fit.plan import StyleName
from napari_cellvino.training.synthetic.camera import random_squares

Image = NDArray[np.float32]
Labels = NDArray[np.integer]
Change = Callable[[Image, Labels, np.random.Generator], Image]


def change_intensities(crop: Image, labels: Labels, style: StyleName, rng: np.random.Generator) -> Image:
    """Return a grey crop (Y, X) after the random changes of a style, clipped as normalisation clips."""
    for change, chance in STYLES[style]:
        if rng.random() < chance:
            crop = change(crop, labels, rng)
    return np.clip(crop, -0.5, 2.0).astype(np.float32)


def _low_frequency(size: int, rng: np.random.Generator) -> Image:
    coarse = rng.standard_normal((1, 1, 4, 4)).astype(np.float32)
    fine = F.interpolate(torch.from_numpy(coarse), size=(size, size), mode="bicubic", align_corners=False)
    return np.asarray(fine[0, 0].numpy(), np.float32)


def _gamma(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    return np.asarray(np.sign(image) * np.abs(image) ** np.float32(2.0 ** rng.uniform(-0.9, 0.9)), np.float32)


def _gain(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    return image * np.float32(2.0 ** rng.uniform(-0.8, 0.8)) + np.float32(rng.uniform(-0.15, 0.15))


def _contrast(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    """Scale about the background: where it is not dark, a gain would move it."""
    middle = np.float32(np.median(image))
    return (image - middle) * np.float32(2.0 ** rng.uniform(-1.0, 1.0)) + middle


def _invert(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    return np.float32(1) - image


def _uneven_light(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    field = _low_frequency(len(image), rng)
    if rng.random() < 0.5:
        return image + np.float32(rng.uniform(0.02, 0.15)) * field
    return np.asarray(image * np.exp2(np.float32(rng.uniform(0.1, 0.5)) * field), np.float32)


def _object_brightness(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    gain = np.exp2(rng.uniform(-1.8, 0.5, labels.max() + 1)).astype(np.float32)
    gain[0] = 1.0
    return np.asarray(image * ndi.gaussian_filter(gain[labels], 1.0), np.float32)


def _texture(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    """Chromatin that another stain or lens would show: grain inside the objects."""
    grain = ndi.gaussian_filter(rng.standard_normal(image.shape, np.float32), rng.uniform(0.8, 4.0))
    strength = np.float32(rng.uniform(0.05, 0.4) / (grain.std() + 1e-6))
    return np.asarray(image * np.exp2(strength * grain * (labels > 0)), np.float32)


def _transfer(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    """Another lens, phase ring or focus: coarse and fine detail in other proportions, as halos and shade-off differ."""
    pad = len(image) // 8
    padded = np.pad(image, pad, mode="reflect")
    size = len(padded)
    waves = np.hypot(fft.fftfreq(size)[:, None], fft.rfftfreq(size)[None])  # cycles per px
    octave = np.log2(1 / np.maximum(waves, 1 / size))  # 1 for detail of 2 px
    knots = np.arange(1.0, np.log2(size) + 1)
    gains = np.exp2(rng.uniform(0.3, 1.2) * rng.standard_normal(len(knots)))
    gain = np.interp(octave, knots, gains).astype(np.float32)
    gain[0, 0] = 1.0
    changed = fft.irfft2(fft.rfft2(padded) * gain, s=padded.shape)[pad : pad + len(image), pad : pad + len(image)]
    changed = (changed - np.median(changed)) * (image.std() / (changed.std() + 1e-6) * np.exp2(rng.uniform(-0.5, 0.5)))
    return np.asarray(changed + np.median(image), np.float32)


def _haze(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    """Light of cells out of focus, from here or from elsewhere in the field."""
    far = np.roll(image, rng.integers(0, len(image), 2), (0, 1)) if rng.random() < 0.5 else image
    return np.asarray(image + rng.uniform(0.1, 0.6) * ndi.gaussian_filter(far, rng.uniform(4, 16)), np.float32)


def _blur(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    return np.asarray(ndi.gaussian_filter(image, rng.uniform(0.4, 2.0)), np.float32)


def _sharpen(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    soft = ndi.gaussian_filter(image, rng.uniform(0.7, 2.0))
    return np.asarray(image + rng.uniform(0.2, 1.0) * (image - soft), np.float32)


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


def _squares(image: Image, labels: Labels, rng: np.random.Generator) -> Image:
    """Squares of strong JPEG, so that they tell nothing of whether there are cells."""
    return random_squares(image, (4, 60), rng)


_CAMERA = ((_blur, 0.3), (_sharpen, 0.15), (_gain, 0.6), (_noise, 0.5), (_salt, 0.05), (_squares, 0.04))
STYLES: Mapping[StyleName, tuple[tuple[Change, float], ...]] = {
    "fluorescence": (
        (_object_brightness, 0.3),
        (_texture, 0.25),
        (_gamma, 0.6),
        (_haze, 0.15),
        (_uneven_light, 0.3),
        (_blur, 0.3),
        (_sharpen, 0.1),
        (_debris, 0.08),
        (_gain, 0.6),
        (_noise, 0.6),
        (_salt, 0.05),
        (_squares, 0.04),
    ),
    "stained": ((_contrast, 0.5), (_gamma, 0.5), (_uneven_light, 0.3), *_CAMERA, (_invert, 0.4)),
    "phase": ((_transfer, 0.6), (_contrast, 0.6), (_gamma, 0.4), (_uneven_light, 0.5), *_CAMERA, (_invert, 0.15)),
    "chamber": ((_contrast, 0.6), (_gamma, 0.3), (_uneven_light, 0.4), *_CAMERA),
    "mixed": ((_contrast, 0.4), (_gamma, 0.4), (_uneven_light, 0.4), *_CAMERA, (_invert, 0.2)),
}
