"""Intensity range of a plane, robust to hot pixels, and the normalised float32 input of the networks.

Training and inference share this code. A range over all pixels was ruled out: 1 % salt noise moves the 99.8th
percentile to the salt. Here percentiles are taken over medians of 3x3 neighbourhoods on a coarse grid: isolated hot
pixels have no influence, and the cost is the same for any image size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.model_package.spec import Normalisation

SAMPLES = 120_000  # neighbourhoods sampled, at most; with more, percentiles change by less than 1 %
CLIP = (-0.5, 2.0)  # normalised values are clipped to this range, so hot pixels stay bounded
UNBOUNDED = (-np.inf, np.inf)
SAMPLE = 8_000  # values that say between which two a percentile lies
SURE = 4.0  # standard deviations of a rank in the sample: one in 10,000 lies farther, and all values are sorted


@dataclass(frozen=True, slots=True)
class IntensityRange:
    """Raw values that normalise to 0 (``low``) and 1 (``high``), and the limits for clipping normalised values."""

    low: float
    high: float
    clip: tuple[float, float] = CLIP

    def apply(self, pixels: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return ``pixels`` as float32 with ``low`` at 0 and ``high`` at 1, clipped; a flat range gives zeros."""
        if self.high <= self.low:
            return np.zeros(pixels.shape, np.float32)
        out = _as_floats(pixels)
        out -= self.low
        out *= 1.0 / (self.high - self.low)
        np.clip(out, *self.clip, out=out)
        return out.astype(np.float32, copy=False)


def _as_floats(pixels: NDArray[np.generic]) -> NDArray[np.floating]:
    """Return a copy as float32, or as float64 where float32 would lose precision (32-bit integers and wider)."""
    small = pixels.dtype.itemsize <= (4 if pixels.dtype.kind == "f" else 2)
    return pixels.astype(np.float32) if small else pixels.astype(np.float64)


def plane_range(plane: NDArray[np.generic], normalisation: Normalisation, *, samples: int = SAMPLES) -> IntensityRange:
    """Return the range of ``plane`` (Y, X) by a model's normalisation; ``samples`` is as in `intensity_range`."""
    return range_of_samples(sample_intensities(plane, normalisation, samples=samples), normalisation)


def sample_intensities(
    plane: NDArray[np.generic], normalisation: Normalisation, *, samples: int = SAMPLES
) -> NDArray[np.floating]:
    """Return the finite values (N,) of ``plane`` (Y, X) that its range is taken from; planes can be pooled."""
    if normalisation.method == "percentiles":
        values: NDArray[np.floating] = sample_medians(plane, samples)
    else:
        step = grid_step(plane.shape, samples)
        values = plane[::step, ::step].astype(np.float64)
    finite: NDArray[np.floating] = values[np.isfinite(values)]
    return finite


def range_of_samples(values: NDArray[np.floating], normalisation: Normalisation) -> IntensityRange:
    """Return the range of sampled values (N,) by a model's normalisation."""
    if normalisation.method == "none":
        return IntensityRange(0.0, 1.0, UNBOUNDED)
    if values.size == 0:
        return IntensityRange(0.0, 0.0)
    if normalisation.method == "percentiles":
        low, high = percentiles(values, (normalisation.low, normalisation.high))
        return IntensityRange(low, high)
    mean, spread = float(values.mean()), float(values.std())
    return IntensityRange(mean, mean + spread, UNBOUNDED)


def intensity_range(
    plane: NDArray[np.generic], low: float = 1.0, high: float = 99.8, *, samples: int = SAMPLES
) -> IntensityRange:
    """Return the ``low`` and ``high`` percentile (0 to 100) of the finite 3x3 medians of ``plane`` (Y, X).

    About ``samples`` medians at most are computed, on a grid.
    """
    medians = sample_medians(plane, samples)
    medians = medians[np.isfinite(medians)]
    if medians.size == 0:
        return IntensityRange(0.0, 0.0)
    lowest, highest = percentiles(medians, (low, high))
    return IntensityRange(lowest, highest)


def percentiles(values: NDArray[np.floating], percents: Sequence[float]) -> tuple[float, ...]:
    """Return percentiles (0 to 100) of finite values (N,), as ``np.percentile`` does, to the bit."""
    places = [np.float64(percent) / 100 * (len(values) - 1) for percent in percents]
    if len(values) < 2 * SAMPLE:
        ordered = np.partition(values, sorted({rank for place in places for rank in _beside(int(place), values)}))
        pairs = [tuple(ordered[list(_beside(int(place), values))]) for place in places]
    else:
        pick = _Picker(values)
        pairs = [pick.pair(int(place)) for place in places]
    found = []
    for place, (under, over) in zip(places, pairs, strict=True):
        share = place - int(place)
        found.append(float(under + (over - under) * share if share < 0.5 else over - (over - under) * (1 - share)))
    return tuple(found)


def _beside(rank: int, values: NDArray[np.floating]) -> tuple[int, int]:
    return rank, min(rank + 1, len(values) - 1)


def values_where(grid: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return the values (N,) of ``grid`` (Y, X) where ``mask``; without a copy where that is everywhere."""
    return grid.reshape(-1) if mask.all() else grid[mask]


class _Picker:
    """Picks single ones of values in their order, as if they were sorted.

    A sample says between which two values one must lie, and only those between them are sorted (Floyd & Rivest 1975):
    of 400,000 values in a twentieth of the time of sorting all.
    """

    def __init__(self, values: NDArray[np.floating]) -> None:
        self._values = values
        self._sample = np.sort(values[:: max(1, len(values) // SAMPLE) | 1])
        self._sorted: NDArray[np.floating] | None = None

    def pair(self, rank: int) -> tuple[np.floating, np.floating]:
        """Return the value of a rank (from 0) and the next one; the last is its own next."""
        last = len(self._values) - 1
        found = None if self._sorted is not None else self._pair_within(rank, last)
        if found is not None:
            return found
        if self._sorted is None:
            self._sorted = np.sort(self._values)
        return self._sorted[rank], self._sorted[min(rank + 1, last)]

    def _pair_within(self, rank: int, last: int) -> tuple[np.floating, np.floating] | None:
        """Return the two values, or None if they do not lie where the sample says."""
        share, taken = rank / last, len(self._sample)
        reach = 2 + SURE * math.sqrt(taken * share * (1 - share))
        first, end = int(share * taken - reach), int(share * taken + reach) + 1
        inside, below = np.ones(len(self._values), bool), 0
        if first > 0:
            inside = self._values >= self._sample[first]
            below = len(inside) - int(np.count_nonzero(inside))
        if end < taken:
            inside = inside & (self._values <= self._sample[end])
        within = self._values[inside]
        if not below <= rank < below + len(within) - (rank < last):
            return None
        ordered = np.sort(within) if within.min() < within.max() else within
        return ordered[rank - below], ordered[min(rank + 1, last) - below]


def sample_medians(plane: NDArray[np.generic], samples: int = SAMPLES) -> NDArray[np.floating]:
    """Return medians of 3 x 3 pixels of ``plane`` (Y, X) on a grid of about ``samples``."""
    if min(plane.shape) < 3:
        plane = np.pad(plane, 1, mode="edge")
    height, width = plane.shape
    step = grid_step(plane.shape, samples)
    shifted = [
        np.ascontiguousarray(plane[1 + dy : height - 1 + dy : step, 1 + dx : width - 1 + dx : step])
        for dy, dx in product((-1, 0, 1), repeat=2)
    ]
    return _as_floats(_median_of_nine(shifted))  # ordered in their own type: bytes take a quarter of the time


def grid_step(shape: tuple[int, ...], samples: int = SAMPLES) -> int:
    """Return the distance in px of about ``samples`` samples on a grid over an image of ``shape`` (Y, X)."""
    return max(1, int(np.sqrt(shape[0] * shape[1] / samples)))


def _median_of_nine(v: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    """Return the elementwise median by a 19-exchange network (Paeth 1990, Graphics Gems): 10x ``np.median``."""
    for a, b in (
        (1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3),
        (5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2),
    ):  # fmt: skip
        v[a], v[b] = np.minimum(v[a], v[b]), np.maximum(v[a], v[b])
    return v[4]


def normalise_into(batch: NDArray[np.float32], pixels: NDArray[np.generic], ranges: Sequence[IntensityRange]) -> None:
    """Write normalised pixels (K, y, x) into ``batch`` (C, tile, tile), mirrored beyond their last row and column.

    NaN becomes 0. A single channel of pixels is written into every channel of the batch.
    """
    height, width = pixels.shape[1:]
    tile = batch.shape[1]
    for channel, (part, values) in enumerate(zip(pixels, ranges, strict=True)):
        normalised = values.apply(part)
        if part.dtype.kind == "f":
            np.nan_to_num(normalised, copy=False, nan=0.0)
        if (height, width) != (tile, tile):
            normalised = np.pad(normalised, ((0, tile - height), (0, tile - width)), mode="symmetric")
        batch[channel] = normalised
    batch[len(pixels) :] = batch[0]
