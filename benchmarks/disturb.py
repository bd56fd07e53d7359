"""The same field as another microscope, another file or a careless hand would have given it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Pixels = NDArray[Any]  # (Y, X) or (Y, X, RGB)

SALT = 0.01  # share of the pixels
NOISE = 0.02  # of the brightest pixel, standard deviation


@dataclass(frozen=True, slots=True)
class Disturbance:
    """``change`` makes the disturbed field; its objects are ``scale`` times as large. ``goal`` is a change in %."""

    name: str
    change: Callable[[Pixels], Pixels]
    goal: float = 5.0
    scale: float = 1.0


def times(factor: float) -> Callable[[Pixels], Pixels]:
    """Return a change of brightness; brighter ones get a wider type, so that nothing saturates."""

    def change(pixels: Pixels) -> Pixels:
        bright = pixels.astype(np.float32) * factor
        if pixels.dtype.kind == "f":
            return bright
        wide = np.uint32 if bright.max() > 65535 else np.uint16
        return np.rint(bright).astype(pixels.dtype if bright.max() <= np.iinfo(pixels.dtype).max else wide)

    return change


def salted(pixels: Pixels) -> Pixels:
    """Return the field with 1 % of its pixels at the type's highest value, or twice its brightest."""
    out = pixels.copy()
    hit = np.random.default_rng(0).random(pixels.shape[:2]) < SALT
    out[hit] = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 2 * pixels.max()
    return out


def stored_as(dtype: type[np.generic]) -> Callable[[Pixels], Pixels]:
    """Return a conversion that fills the range of an integer type, or 0 to 1 of a float."""
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1.0

    def change(pixels: Pixels) -> Pixels:
        scaled = pixels.astype(np.float64) * (top / max(float(pixels.max()), 1e-9))
        return (np.rint(scaled) if top != 1.0 else scaled).astype(dtype)

    return change


def outshone(pixels: Pixels) -> Pixels:
    """Return the field with a corner of 4 % that is 30 times as bright as its cells, as a wide type."""
    grey = pixels if pixels.ndim == 2 else pixels.mean(-1)
    background, cells = np.percentile(grey, (20, 99.5))
    side = [round(0.2 * n) for n in pixels.shape[:2]]
    out = pixels.astype(np.float32)
    out[: side[0], : side[1]] += 30 * (cells - background)
    return out


def on_ramp(pixels: Pixels) -> Pixels:
    """Return the field on a background that rises to ten times its cells, as a wide type."""
    grey = pixels if pixels.ndim == 2 else pixels.mean(-1)
    background, cells = np.percentile(grey, (20, 99.5))
    ramp = np.linspace(0, 10 * (cells - background), pixels.shape[1], dtype=np.float32)
    return pixels.astype(np.float32) + (ramp if pixels.ndim == 2 else ramp[:, None])


def resized(factor: float) -> Callable[[Pixels], Pixels]:
    """Return a change of scale: means where it shrinks, interpolation where it grows."""

    def change(pixels: Pixels) -> Pixels:
        from skimage.transform import resize

        shape = [round(n * factor) for n in pixels.shape[:2]]
        smooth = resize(pixels.astype(np.float32), shape, order=1, anti_aliasing=factor < 1)
        return smooth.astype(np.float32) if pixels.dtype.kind == "f" else np.rint(smooth).astype(pixels.dtype)

    return change


def inverted(pixels: Pixels) -> Pixels:
    """Return the negative: bright becomes dark."""
    return (pixels.max() - pixels).astype(pixels.dtype)


def out_of_focus(diameter_px: float) -> Callable[[Pixels], Pixels]:
    """Return a blur as wide as an object, with the camera's noise on it."""

    def change(pixels: Pixels) -> Pixels:
        blurred = ndi.gaussian_filter(pixels.astype(np.float32), (diameter_px, diameter_px, 0)[: pixels.ndim])
        return _noisy(blurred, float(pixels.max()))

    return change


def emptied(pixels: Pixels) -> Pixels:
    """Return a field of the same size without any object: its background, uneven light and the camera's noise."""
    level = np.percentile(pixels, 20, axis=(0, 1)).astype(np.float32)
    uneven = np.linspace(0.9, 1.1, pixels.shape[1], dtype=np.float32)
    flat = np.broadcast_to(level, pixels.shape) * (uneven[:, None] if pixels.ndim == 3 else uneven)
    return _noisy(flat, float(pixels.max()))


def _noisy(pixels: Pixels, brightest: float) -> Pixels:
    noise = np.random.default_rng(0).normal(0, NOISE * brightest, pixels.shape)
    return (pixels + noise).astype(np.float32)


INTENSITY = (
    Disturbance("half brightness", times(0.5)),
    Disturbance("double brightness", times(2.0)),
    Disturbance("1 % salt noise", salted),
    Disturbance("uint8", stored_as(np.uint8)),
    Disturbance("uint16", stored_as(np.uint16)),
    Disturbance("float", stored_as(np.float32)),
    Disturbance("a corner of 4 % 30x as bright as cells", outshone, 10.0),
    Disturbance("a ramp of 10x the cells", on_ramp),
    Disturbance("half the scale, diameter given", resized(0.5), 10.0, 0.5),
    Disturbance("twice the scale, diameter given", resized(2.0), 10.0, 2.0),
)
INVERSION = (Disturbance("inverted", inverted),)
