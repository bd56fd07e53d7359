"""The contrast of a plane as a network sees it: its pixels, the range of each channel, and what was done about them.

Version 2 of a package's normalisation leaves areas without data and things that outshine the cells out of the range,
and takes uneven light off. Version 3 also covers what lies far outside the range of transmitted light: a network that
sees it misses cells far from it. On fields that have none of these, all versions are the same to the bit.
Training and inference share this code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.segmentation.counted_samples import TEXTURE, without_outshining
from napari_cellvino.segmentation.normalise import (
    IntensityRange,
    grid_step,
    plane_range,
    range_of_values,
    sample_intensities,
)
from napari_cellvino.segmentation.order_statistics import Listed
from napari_cellvino.segmentation.samples import Samples, sampled, values_where
from napari_cellvino.segmentation.uneven_light import UnevenLight, find_uneven_light

LEVELLED = "The light is uneven: a smooth background was taken off before cells were looked for"
OUTSHONE = "Bright things that outshine the rest ({:.1f} % of the field) do not count for the contrast"
COVERED = (
    "What is far brighter or darker than transmitted light ({:.1f} % of the field) was covered: no cell is sought there"
)
EDGE = 3  # px round it that are covered as well: its blurred edge


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
    middle: float = 0.0  # median of what counts, where not all does
    counts_all: bool = True


def contrast_of(inputs: NDArray[np.generic], normalisation: Normalisation, samples: Sequence[Samples] = ()) -> Contrast:
    """Return the contrast of a plane's inputs (K, Y, X) by a model's normalisation.

    ``samples`` are those of its channels, where they are known already.
    """
    if normalisation.version == 1 or normalisation.method != "percentiles":
        return Contrast(inputs, tuple(plane_range(channel, normalisation) for channel in inputs))
    step = grid_step(inputs.shape[1:])
    found = [_channel_contrast(one, step, normalisation) for one in samples or map(sampled, inputs)]
    pixels, covered = _levelled(inputs, found), 0.0
    if normalisation.version == 3:
        pixels, covered = _covered(pixels, found)
    return Contrast(pixels, tuple(c.range for c in found), (*_notices(found), *_describe_covered(covered)))


def counted_samples(plane: NDArray[np.generic], normalisation: Normalisation, *, samples: int) -> NDArray[np.floating]:
    """Return the values (N,) of ``plane`` (Y, X) that count for the range of a stack; planes can be pooled."""
    if normalisation.version == 1 or normalisation.method != "percentiles":
        return sample_intensities(plane, normalisation, samples=samples)
    found = sampled(plane, samples)
    return values_where(found.grid, found.known)


def _channel_contrast(samples: Samples, step: int, normalisation: Normalisation) -> _Channel:
    """Return the contrast of a channel by its samples, which lie ``step`` px apart."""
    if not samples.values.size:
        return _Channel(IntensityRange(0.0, 0.0))
    low, high = normalisation.low, normalisation.high
    light = find_uneven_light(samples, low, high)
    level = samples if light is None else Samples.of(samples.grid - light.over(samples.grid.shape), samples.known)
    counted = without_outshining(level, low, high, step=step)
    outshone = 1.0 - np.count_nonzero(counted) / level.values.size
    counts_all = bool(counted.all())
    values = level.values if counted is level.known else Listed(values_where(level.grid, counted))
    middle = 0.0 if counts_all else float(np.median(values_where(level.grid, counted)))
    return _Channel(range_of_values(values, normalisation), light, outshone, middle, counts_all)


def _levelled(inputs: NDArray[np.generic], found: Sequence[_Channel]) -> NDArray[np.generic]:
    if all(c.light is None for c in found):
        return inputs
    lights = [np.float32(0) if c.light is None else c.light.over(inputs.shape[1:]) for c in found]
    return np.stack([channel - light for channel, light in zip(inputs, lights, strict=True)]).astype(np.float32)


def _covered(pixels: NDArray[np.generic], found: Sequence[_Channel]) -> tuple[NDArray[np.generic], float]:
    """Return pixels (K, Y, X) with what does not count in transmitted light at its middle value, and its share."""
    out, covered = pixels, 0.0
    for number, channel in enumerate(found):
        low, width = channel.range.low, channel.range.high - channel.range.low
        if channel.counts_all or channel.middle - low <= TEXTURE * width:
            continue
        least, most = (low + end * width for end in channel.range.clip)
        strange = scipy.ndimage.binary_dilation((out[number] < least) | (out[number] > most), iterations=EDGE)
        out = out.copy() if out is pixels else out
        out[number][strange] = channel.middle
        covered = max(covered, float(strange.mean()))
    return out, covered


def _describe_covered(covered: float) -> tuple[str, ...]:
    return (COVERED.format(100 * covered),) if covered > 0 else ()


def _notices(found: Sequence[_Channel]) -> tuple[str, ...]:
    levelled = (LEVELLED,) if any(c.light is not None for c in found) else ()
    outshone = max(c.outshone for c in found)
    return (*levelled, OUTSHONE.format(100 * outshone)) if outshone > 0 else levelled
