"""Resizing of planes so that objects get a model's reference diameter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.storage.large_arrays import allocate, give_back_pages

LARGEST_ZOOM = 16.0
BAND_PX = 2**22  # pixels that are resized at once
TRUNCATE = 4.0  # standard deviations


def zoom_for(spec: ModelSpec, diameter_px: float | None) -> float:
    """Return the zoom factor that gives objects of a diameter (px) the model's reference diameter.

    None stands for the diameter that the model assumes; if it assumes none, the factor is 1.

    Raises
    ------
    OptionError
        If the factor is outside 1/16 to 16.
    """
    diameter = diameter_px or spec.diameter_px.assumed
    if diameter is None:
        return 1.0
    factor = spec.diameter_px.reference / diameter
    if not 1 / LARGEST_ZOOM <= factor <= LARGEST_ZOOM:
        low, high = (spec.diameter_px.reference / f for f in (LARGEST_ZOOM, 1 / LARGEST_ZOOM))
        raise OptionError(
            f"a cell diameter of {diameter:g} px is too far from the model's; give {low:g} to {high:g} px"
        )
    return factor


def resized_shape(shape: tuple[int, ...], factor: float) -> tuple[int, int]:
    """Return height and width, at least 1, of an image (…, Y, X) resized by ``factor``."""
    height, width = (max(1, round(n * factor)) for n in shape[-2:])
    return height, width


class ResizedPlane:
    """Pixels (C, Y, X) as if they had another size; rows are resized when they are asked for, and the last ones kept.

    The whole need not fit in memory: 20,000 px a side take 1.6 GB, and many times that while they are resized.
    """

    def __init__(self, pixels: NDArray[np.generic], shape: tuple[int, int]) -> None:
        self._pixels, self.shape = pixels, (len(pixels), *shape)
        self._rows = slice(0, 0)
        self._band: NDArray[np.generic] = np.zeros((len(pixels), 0, shape[1]), np.float32)

    def __getitem__(self, part: tuple[slice, slice, slice]) -> NDArray[np.generic]:
        """Return a part of the pixels; unchanged where the size is, else float32."""
        channels, rows, columns = part
        if self._pixels.shape == self.shape:
            return self._pixels[part]
        if rows != self._rows:
            first, last, _ = rows.indices(self.shape[1])
            self._rows, self._band = rows, resize_rows(self._pixels, self.shape[1:], first, last)
        return self._band[channels, :, columns]


def resize_pixels(pixels: NDArray[np.generic], shape: tuple[int, int]) -> NDArray[np.generic]:
    """Return pixels (C, Y, X) at another size (Y, X): unchanged if equal, else float32, anti-aliased if smaller."""
    return pixels if pixels.shape[1:] == shape else resize_rows(pixels, shape, 0, shape[0])


def resize_rows(pixels: NDArray[np.generic], shape: tuple[int, int], first: int, last: int) -> NDArray[np.float32]:
    """Return the rows from ``first`` to ``last`` of pixels (C, Y, X) at another size (Y, X)."""
    out = np.empty((len(pixels), last - first, shape[1]), np.float32)
    for channel, target in zip(pixels, out, strict=True):
        _resample(channel, shape, (first, 0), target, smooth=shape[0] < pixels.shape[1], mode="mirror")
    return out


def resize_maps(maps: NDArray[np.float16], shape: tuple[int, int]) -> NDArray[np.float16]:
    """Return maps (M, Y, X) float16 at another height and width, interpolated linearly."""
    out = allocate((len(maps), *shape), np.float16)
    for probability, target in zip(maps, out, strict=True):
        resize_map_into(target, probability)
    return out


def resize_map_into(out: NDArray[np.float16], probability: NDArray[np.float16]) -> None:
    """Write a map (Y, X) at the height and width of ``out``, interpolated linearly."""
    _resample(probability, out.shape, (0, 0), out, smooth=False, mode="nearest")


def resize_map(probability: NDArray[np.float16], shape: tuple[int, int]) -> NDArray[np.float16]:
    """Return a map (Y, X) float16 at another height and width, interpolated linearly."""
    return probability if probability.shape == shape else resize_maps(probability[None], shape)[0]


def resize_map_where(
    probability: NDArray[np.float16], shape: tuple[int, int], least: float
) -> tuple[NDArray[np.float16], tuple[int, int]]:
    """Return the part of `resize_map` that all pixels of at least ``least`` lie in, and its first row and column."""
    likely = probability >= np.float16(least)
    sides = [_reached(np.flatnonzero(likely.any(1 - axis)), probability.shape[axis], shape[axis]) for axis in (0, 1)]
    (top, bottom), (left, right) = sides
    if probability.shape == shape:
        return probability[top:bottom, left:right], (top, left)
    out = np.empty((bottom - top, right - left), np.float16)
    if out.size:
        _resample(probability, shape, (top, left), out, smooth=False, mode="nearest")
    return out, (top, left)


def _reached(known: NDArray[np.intp], length: int, count: int) -> tuple[int, int]:
    """Return the first of ``count`` places along an axis, and the one after the last, that known pixels are mixed in.

    The axis has ``length`` pixels; ``known`` are numbers of some.
    """
    if not len(known):
        return 0, 0
    at = np.clip((np.arange(count) + 0.5) * (length / count) - 0.5, 0, length - 1)
    inside = np.flatnonzero((at > known[0] - 1) & (at < known[-1] + 1))
    return (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)


def _resample(
    image: NDArray[np.generic],
    shape: tuple[int, int],
    first: tuple[int, int],
    out: NDArray[np.floating],
    *,
    smooth: bool,
    mode: str,
) -> None:
    """Write the part from ``first`` (y, x) on of an image (Y, X) at another size, interpolated linearly, into ``out``.

    Done in bands, with what lies around them: they give the pixels of the whole image but for the last bit. ``smooth``
    filters what a smaller image cannot show.
    """
    factors = np.array(image.shape) / np.array(shape)
    sigma = np.maximum(0, (factors - 1) / 2) if smooth else np.zeros(2)
    margin = (TRUNCATE * sigma + 0.5).astype(int) + 2
    step = max(1, int(BAND_PX / max(image.shape[1] * factors[0], shape[1])))
    before, left, right = _sources(first[1], first[1] + out.shape[1], factors[1], image.shape[1], margin[1])
    for top in range(0, len(out), step):
        bottom = min(top + step, len(out))
        low, start, stop = _sources(first[0] + top, first[0] + bottom, factors[0], len(image), margin[0])
        part = image[start:stop, left:right].astype(np.float32)
        if image.dtype.kind == "f" and not np.isfinite(part).all():
            part = np.nan_to_num(part, copy=False, posinf=0.0, neginf=0.0)
        if sigma.any():
            part = scipy.ndimage.gaussian_filter(part, sigma, mode=mode, truncate=TRUNCATE)
        rows = _Between.of(low - start, factors[0], bottom - top, len(part), mode)
        columns = _Between.of(before - left, factors[1], out.shape[1], part.shape[1], mode)
        out[top:bottom] = rows.mixed(columns.mixed(part, 1), 0).astype(np.float32)
        if step < len(out):
            give_back_pages()


def _sources(first: int, last: int, factor: float, length: int, margin: int) -> tuple[float, int, int]:
    """Return where the first of some places lies in an image, and the pixels from and to which ``last`` - 1 reaches."""
    low, high = ((place + 0.5) * factor - 0.5 for place in (first, last - 1))
    return low, max(0, math.floor(low) - margin), min(length, math.ceil(high) + 1 + margin)


@dataclass(frozen=True, slots=True)
class _Between:
    """Places (N,) along an axis: the ``first`` pixel, the ``second`` one, and how near they are to it (0 to 1)."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, begin: float, step: float, count: int, length: int, mode: str) -> _Between:
        """Return places ``step`` px apart; those beyond the ends are at them, or are mirrored (``mode``)."""
        at = begin + step * np.arange(count)
        if mode == "mirror" and length > 1:
            at = np.abs(at) % (2 * (length - 1))
            at = np.minimum(at, 2 * (length - 1) - at)
        at = np.clip(at, 0, length - 1)
        first = at.astype(np.intp)
        return cls(first, np.minimum(first + 1, length - 1), at - first)

    def mixed(self, lines: NDArray[np.floating], axis: int) -> NDArray[np.float64]:
        """Return an image (Y, X) at these places along an axis, interpolated linearly."""
        share = self.share if axis else self.share[:, None]
        mixed = lines.take(self.first, axis) * (1 - share)
        mixed += lines.take(self.second, axis) * share
        return mixed
