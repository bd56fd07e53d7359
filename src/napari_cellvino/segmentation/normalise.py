"""Intensity range of a plane, robust to hot pixels, and the normalised float32 input of the networks.

Training and inference share this code. A range over all pixels was ruled out: 1 % salt noise moves the 99.8th
percentile to the salt. Here percentiles are taken over medians of 3x3 neighbourhoods on a coarse grid: isolated hot
pixels have no influence, and the cost is the same for any image size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.segmentation.order_statistics import Listed, Values, as_floats, values_of, with_room

SAMPLES = 120_000  # neighbourhoods sampled, at most; with more, percentiles change by less than 1 %
CLIP = (-0.5, 2.0)  # normalised values are clipped to this range, so hot pixels stay bounded
UNBOUNDED = (-np.inf, np.inf)
SHARED = 2  # px between samples up to which their squares share columns
IN_CACHE_PX = 2**17  # pixels normalised at a time
ROWS = 64  # of samples at a time: what is in hand stays in the processor's cache


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
        out = as_floats(pixels)
        out -= self.low
        out *= 1.0 / (self.high - self.low)
        np.clip(out, *self.clip, out=out)
        return out.astype(np.float32, copy=False)


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
        return range_of_values(Listed(values), normalisation)
    mean, spread = float(values.mean()), float(with_room(values).std())
    return IntensityRange(mean, mean + spread, UNBOUNDED)


def range_of_values(values: Values, normalisation: Normalisation) -> IntensityRange:
    """Return the range between the percentiles of a model's normalisation."""
    low, high = values.percentiles((normalisation.low, normalisation.high))
    return IntensityRange(low, high)


def intensity_range(
    plane: NDArray[np.generic], low: float = 1.0, high: float = 99.8, *, samples: int = SAMPLES
) -> IntensityRange:
    """Return the ``low`` and ``high`` percentile (0 to 100) of the finite 3x3 medians of ``plane`` (Y, X).

    About ``samples`` medians at most are computed, on a grid.
    """
    values = values_of(medians_of_nine(plane, samples))
    if values.size == 0:
        return IntensityRange(0.0, 0.0)
    lowest, highest = values.percentiles((low, high))
    return IntensityRange(lowest, highest)


def sample_medians(plane: NDArray[np.generic], samples: int = SAMPLES) -> NDArray[np.floating]:
    """Return medians of 3 x 3 pixels of ``plane`` (Y, X) on a grid of about ``samples``."""
    return as_floats(medians_of_nine(plane, samples))


def medians_of_nine(plane: NDArray[np.generic], samples: int = SAMPLES) -> NDArray[np.generic]:
    """Return those medians in the type of the plane: bytes take a quarter of the time of floats."""
    if min(plane.shape) < 3:
        plane = np.pad(plane, 1, mode="edge")
    step = grid_step(plane.shape, samples)
    rows, columns = (range(1, side - 1, step) for side in plane.shape)
    medians = np.empty((len(rows), len(columns)), plane.dtype)
    loops = compiled(plane)
    if loops is not None and plane.dtype in (np.uint8, np.uint16):
        loops.medians_of_nine(plane, step, medians)
        return medians
    for first in range(0, len(rows), ROWS):
        own = rows[first : first + ROWS]
        lines = [plane[own[0] + dy : own[-1] + dy + 1 : step] for dy in (-1, 0, 1)]
        _put_medians(medians[first : first + ROWS], lines, step)
    return medians


def _put_medians(medians: NDArray[np.generic], lines: list[NDArray[np.generic]], step: int) -> None:
    """Put the medians of three lines each (n, X) into ``medians`` (n, m), ``step`` px apart.

    Three values one below the other are ordered once for the three squares they lie in: the median of nine is that of
    the highest of the lowest, the middle of the middle and the lowest of the highest (Smith 1996).
    """
    count = medians.shape[1]
    last = 1 + step * (count - 1)
    if step > SHARED:  # no two squares share values
        across = [
            np.concatenate([line[:, 1 + dx : last + dx + 1 : step] for dx in (-1, 0, 1)], axis=1) for line in lines
        ]
        shift, last, step = count, count, 1
    else:
        across, shift = lines, 1
    gap = step if lines[0].itemsize > 2 else 1  # many bytes side by side are as quick as every other one
    low, middle, high = _in_order(*across)
    parts = [slice(n * shift, n * shift + last, gap) for n in range(3)]
    lowest, middles, highest = ([ordered[:, part] for part in parts] for ordered in (low, middle, high))
    found = _middle(
        np.maximum(np.maximum(lowest[0], lowest[1]), lowest[2]),
        _middle(*middles),
        np.minimum(np.minimum(highest[0], highest[1]), highest[2]),
    )
    medians[:] = found[:, :: step // gap]


def _in_order(
    a: NDArray[np.generic], b: NDArray[np.generic], c: NDArray[np.generic]
) -> tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.generic]]:
    a, b = np.minimum(a, b), np.maximum(a, b)
    b, c = np.minimum(b, c), np.maximum(b, c)
    return np.minimum(a, b), np.maximum(a, b), c


def _middle(a: NDArray[np.generic], b: NDArray[np.generic], c: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.asarray(np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c)))


def grid_step(shape: tuple[int, ...], samples: int = SAMPLES) -> int:
    """Return the distance in px of about ``samples`` samples on a grid over an image of ``shape`` (Y, X)."""
    return max(1, int(np.sqrt(shape[0] * shape[1] / samples)))


def normalise_into(batch: NDArray[np.float32], pixels: NDArray[np.generic], ranges: Sequence[IntensityRange]) -> None:
    """Write normalised pixels (K, y, x) into ``batch`` (C, tile, tile), mirrored beyond their last row and column.

    NaN becomes 0. A single channel of pixels is written into every channel of the batch.
    """
    height, width = pixels.shape[1:]
    tile = batch.shape[1]
    for channel, (part, values) in enumerate(zip(pixels, ranges, strict=True)):
        _normalise(batch[channel, :height, :width], part, values)
        if (height, width) != (tile, tile):
            whole = batch[channel, :height, :width]
            batch[channel] = np.pad(whole, ((0, tile - height), (0, tile - width)), mode="symmetric")
    batch[len(pixels) :] = batch[0]


def _normalise(whole: NDArray[np.float32], part: NDArray[np.generic], values: IntensityRange) -> None:
    """Write normalised pixels (y, x) of one channel."""
    loops = compiled(part, whole)
    if loops is not None and values.high > values.low and part.dtype in (np.uint8, np.uint16):
        scale = 1.0 / (values.high - values.low)
        loops.scale_into(part, values.low, scale, *values.clip, whole)
        return
    rows = max(1, IN_CACHE_PX // part.shape[1])
    for top in range(0, len(part), rows):
        normalised = values.apply(part[top : top + rows])
        if part.dtype.kind == "f" and not np.isfinite(normalised.max() - normalised.min()):
            np.nan_to_num(normalised, copy=False, nan=0.0)
        whole[top : top + rows] = normalised
