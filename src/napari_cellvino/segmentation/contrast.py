"""The contrast of a plane as a network sees it: its pixels, the range of each channel, and what was done about them.

Version 2 of a package's normalisation leaves areas without data and things that outshine the cells out of the range,
and takes uneven light off. On fields that have none of these it is version 1 to the bit. Training and inference share
this code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.segmentation.counted_samples import has_data, without_outshining
from napari_cellvino.segmentation.normalise import (
    IntensityRange,
    grid_step,
    plane_range,
    range_of_samples,
    sample_intensities,
    sample_medians,
)
from napari_cellvino.segmentation.uneven_light import UnevenLight, find_uneven_light

LEVELLED = "The light is uneven: a smooth background was taken off before cells were looked for"
OUTSHONE = "Bright things that outshine the rest ({:.1%} of the field) do not count for the contrast"


@dataclass(frozen=True, slots=True)
class Contrast:
    """Pixels (K, Y, X) with the range of each channel, and ``notices`` for the user where something was left out."""

    pixels: NDArray[np.generic]
    ranges: tuple[IntensityRange, ...]
    notices: tuple[str, ...] = ()

    def apply(self) -> NDArray[np.float32]:
        """Return the normalised pixels (K, Y, X); NaN stays."""
        return np.stack([r.apply(channel) for r, channel in zip(self.ranges, self.pixels, strict=True)])


@dataclass(frozen=True, slots=True)
class _Channel:
    range: IntensityRange
    light: UnevenLight | None = None
    outshone: float = 0.0  # share of the field that outshines the rest


def contrast_of(inputs: NDArray[np.generic], normalisation: Normalisation) -> Contrast:
    """Return the contrast of a plane's inputs (K, Y, X) by a model's normalisation."""
    if normalisation.version == 1 or normalisation.method != "percentiles":
        return Contrast(inputs, tuple(plane_range(channel, normalisation) for channel in inputs))
    found = [_channel_contrast(channel, normalisation) for channel in inputs]
    return Contrast(_levelled(inputs, found), tuple(c.range for c in found), _notices(found))


def counted_samples(plane: NDArray[np.generic], normalisation: Normalisation, *, samples: int) -> NDArray[np.floating]:
    """Return the values (N,) of ``plane`` (Y, X) that count for the range of a stack; planes can be pooled."""
    if normalisation.version == 1 or normalisation.method != "percentiles":
        return sample_intensities(plane, normalisation, samples=samples)
    grid = sample_medians(plane, samples)
    counted: NDArray[np.floating] = grid[has_data(grid)]
    return counted


def _channel_contrast(channel: NDArray[np.generic], normalisation: Normalisation) -> _Channel:
    grid = sample_medians(channel)
    known = has_data(grid)
    if not known.any():
        return _Channel(IntensityRange(0.0, 0.0))
    low, high = normalisation.low, normalisation.high
    light = find_uneven_light(grid, known, low, high)
    level = grid if light is None else grid - light.over(grid.shape)
    counted = without_outshining(level, known, low, high, step=grid_step(channel.shape))
    outshone = 1.0 - np.count_nonzero(counted) / np.count_nonzero(known)
    return _Channel(range_of_samples(level[counted], normalisation), light, outshone)


def _levelled(inputs: NDArray[np.generic], found: Sequence[_Channel]) -> NDArray[np.generic]:
    if all(c.light is None for c in found):
        return inputs
    lights = [np.float32(0) if c.light is None else c.light.over(inputs.shape[1:]) for c in found]
    return np.stack([channel - light for channel, light in zip(inputs, lights, strict=True)]).astype(np.float32)


def _notices(found: Sequence[_Channel]) -> tuple[str, ...]:
    levelled = (LEVELLED,) if any(c.light is not None for c in found) else ()
    outshone = max(c.outshone for c in found)
    return (*levelled, OUTSHONE.format(outshone)) if outshone > 0 else levelled
