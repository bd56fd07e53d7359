"""Whether a plane holds more than noise: networks find cells in smoothed noise, where nobody would.

Our networks learn from such fields, too (`training.synthetic.empty_fields`), but find some all the same, and those that
others trained saw none.

A pattern that repeats over the whole field is no noise, and holds no cells either: its power lies in a few frequencies.

Speckle and other noise that is not spread normally is looked at by the ranks of its values, which no change of contrast
alters: those of speckle, of squared and of exponentiated noise are nearly those of normal noise. A few cells hold few
ranks, so ranks decide only where no value lies apart from the others, as those of cells on a dark background do.
Samples that lie further apart than cells are wide have the ranks of noise whatever is there: large fields are looked at
in parts too, without steps, and are noise only where every part is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import product

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.model_package import ModelInput, ModelSpec
from napari_cellvino.segmentation.band_evidence import ENOUGH, FilteredBands, Mask, Values, evidence
from napari_cellvino.segmentation.heads import Decoded, Parameter
from napari_cellvino.segmentation.normalise import grid_step
from napari_cellvino.segmentation.resampling import (
    JPEG_BLOCK,
    enlarged_times,
    is_coarse_jpeg,
    reduced,
    resampling_period,
)
from napari_cellvino.segmentation.samples import Samples, sampled, values_where

FEWEST_PIXELS = 32_000  # a smaller field is never called empty: too few values to know
FEW = 64  # px of a line that are compared first
MOST_TAKEN = 2 / 3  # of the lines of an enlarged image are no copies
ENOUGH_OF_JPEG = 1000.0  # evidence in coarse JPEG images; fields of cells have 1,900 and more
MOST_OF_RESAMPLED = 5000.0  # evidence that kinks and blocks may make
PATTERN_MODES = 16.0  # frequencies that share the power of a pattern; many more in fields of cells
TAIL = (50.0, 99.0, 99.9, 100.0)  # percentiles that tell whether values lie apart from the others
LONGEST_TAIL = 3.0  # third over second, from the first: that of noise is at most 2.8, that of a cell of 10 px 6
FARTHEST_VALUE = 8.0  # what the last lies beyond the third, over what that lies beyond the second; a few cells reach 11
FINEST_STEP = 2  # px between samples, of fields that are not looked at in parts
PART = 800  # px of the side of a part of a large field
MOST_PARTS = 5  # along each side
MOST_LEVELS = 2**16  # of whole numbers that are counted
WINDOWED = 0.14  # of the power of what fills the whole field is left by the window, (3/8)²


class Emptiness(StrEnum):
    """Why a field is taken as empty."""

    CONSTANT = "all its pixels have one value"
    NOISE = "nothing in it stands out from noise"
    PATTERN = "it is one regular pattern"


SIGNAL_TEST = Parameter(
    "signal_test", "No cells in noise", 1.0, 0.0, 1.0, 1.0,
    help="1 (on): none are counted in fields that look like noise or a pattern, which is said; 0: all that are found",
)  # fmt: skip


def signal_parameters(spec: ModelSpec) -> tuple[Parameter, ...]:
    """Return the switch of the test with the model's default; none for models of single crops."""
    return () if spec.takes is ModelInput.CROP else (SIGNAL_TEST.with_default(float(spec.signal_test)),)


def believed(found: Decoded, emptiness: Emptiness | None, values: Mapping[str, float]) -> tuple[Decoded, int]:
    """Return what is counted of the objects found in a field, and how many are not, since the field looks empty."""
    if emptiness is None or not values.get(SIGNAL_TEST.name):
        return found, 0
    labels = None if found.labels is None else np.zeros_like(found.labels)
    return Decoded(labels, found.objects.select(np.zeros(len(found.objects), bool))), len(found.objects)


def describe_emptiness(emptiness: Emptiness, disbelieved: int, values: Mapping[str, float]) -> str:
    """Return why a field looks empty, and what became of the objects found in it, as a sentence."""
    said = f"The field looks empty: {emptiness}"
    if not values.get(SIGNAL_TEST.name):
        return f"{said}; what the model found is counted all the same (signal_test is 0)"
    objects = "1 object" if disbelieved == 1 else f"{disbelieved} objects"
    return f"{said}; {objects} of the model not counted (signal_test 0 counts them)" if disbelieved else said


class SignalWatch:
    """Looks at the planes of a field, one by one, until one holds a signal."""

    def __init__(self) -> None:
        self._seen: Emptiness | None = None
        self._signal = False
        self._only: tuple[NDArray[np.generic], tuple[Samples, ...]] | None = None
        self._planes = 0

    def add(self, inputs: NDArray[np.generic]) -> None:
        """Look at the next plane's inputs (K, Y, X)."""
        self._planes += 1
        self._only = None
        if not self._signal:
            samples = tuple(map(sampled, inputs))
            self._only = (inputs, samples) if self._planes == 1 else None
            self._seen = find_emptiness(inputs, samples)
            self._signal = self._seen is None

    def samples(self, inputs: NDArray[np.generic]) -> tuple[Samples, ...]:
        """Return the samples of a plane's channels where it is the only one that was looked at, else none."""
        if self._only is None:
            return ()
        seen, samples = self._only
        same = (inputs.dtype, inputs.shape, inputs.ctypes.data) == (seen.dtype, seen.shape, seen.ctypes.data)
        return samples if same else ()

    @property
    def emptiness(self) -> Emptiness | None:
        """Why none of the planes holds cells; None where one may."""
        return self._seen


def find_emptiness(inputs: NDArray[np.generic], samples: Sequence[Samples] = ()) -> Emptiness | None:
    """Return why a plane (K, Y, X) holds no cells; None where one of its channels may hold some.

    ``samples`` are those of its channels, where they are known already.
    """
    known: Sequence[Samples | None] = samples or [None] * len(inputs)
    found = [_emptiness(channel, own) for channel, own in zip(inputs, known, strict=True)]
    return None if None in found else found[0]


def _emptiness(channel: NDArray[np.generic], samples: Samples | None) -> Emptiness | None:
    taken = as_taken(channel)
    if samples is None or taken.shape != channel.shape:
        samples = sampled(taken)
    if _is_constant(samples):
        return Emptiness.CONSTANT
    if channel.size < FEWEST_PIXELS:
        return None
    bands = _bands(samples)
    if not bands or min(map(pattern_modes, bands[:2])) < PATTERN_MODES:
        return Emptiness.PATTERN
    found = evidence(bands, enough=MOST_OF_RESAMPLED)
    is_noise = (
        found < ENOUGH
        or (found < MOST_OF_RESAMPLED and _is_resampled_noise(taken, found))
        or (_is_noise_by_ranks(samples) and all(map(_is_noise_seen_close, _parts(taken))))
    )
    return Emptiness.NOISE if is_noise else None


def _is_constant(samples: Samples) -> bool:
    """Return whether all that is known of a field has one value, or nothing is known of it."""
    return not samples.values.size or samples.values.ends[0] == samples.values.ends[1]


def _bands(samples: Samples) -> FilteredBands:
    field = samples.grid - samples.values.percentiles((50,))[0]  # values far from 0 would lose in 32 bits
    if not samples.known.all():
        field[~samples.known] = 0
    field /= samples.values.spread()
    return FilteredBands(field.astype(np.float32, copy=False), samples.known)


def _is_noise_by_ranks(samples: Samples) -> bool:
    """Return whether no value lies apart from the others, and their ranks are those of noise."""
    middle, high, higher, highest = samples.values.percentiles(TAIL)
    if higher - middle > LONGEST_TAIL * (high - middle) or highest - higher > FARTHEST_VALUE * (higher - high):
        return False
    return evidence(FilteredBands(_normal_scores(samples), samples.known)) < ENOUGH


def _parts(plane: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    """Yield parts (y, x) of a plane (Y, X) whose samples skip pixels, evenly over all of it; none of a small one."""
    if grid_step(plane.shape) <= FINEST_STEP:
        return
    rows, columns = (
        np.linspace(0, max(0, side - PART), min(MOST_PARTS, math.ceil(side / PART))).astype(int) for side in plane.shape
    )
    for y, x in product(rows, columns):
        yield plane[y : y + PART, x : x + PART]


def _is_noise_seen_close(part: NDArray[np.generic]) -> bool:
    """Return whether a part (y, x) of a field is noise by its ranks, or holds nothing."""
    samples = sampled(part)
    return _is_constant(samples) or _is_noise_by_ranks(samples)


def _normal_scores(samples: Samples) -> Values:
    """Return what known samples (Y, X) would be if they were spread normally and had the same order.

    Equal ones stay equal; unknown ones are 0.
    """
    if samples.counts is not None and samples.levels is not None:
        scores = _scores_of(samples.counts)
        field = scores[samples.levels.astype(np.intp)]
        if not samples.known.all():
            field[~samples.known] = 0
        return field
    values, field = values_where(samples.grid, samples.known), np.zeros(samples.grid.shape, np.float32)
    if np.ptp(values) < MOST_LEVELS and (np.rint(values) == values).all():
        number = (values - values.min()).astype(np.int32)  # whole numbers need no sorting: a tenth of the time
        count = np.bincount(number)
    else:
        _, number, count = np.unique(values, return_inverse=True, return_counts=True)
    field[samples.known] = _scores_of(count).take(number)
    return field


def _scores_of(count: NDArray[np.intp]) -> Values:
    """Return the score of each of several values in their order, by how many have it."""
    return np.asarray(scipy.special.ndtri((np.cumsum(count) - count / 2) / count.sum()), np.float32)


def _is_resampled_noise(plane: NDArray[np.generic], found: float) -> bool:
    """Return whether the evidence in a plane (Y, X) is that of JPEG blocks, or of kinks that enlarging has made."""
    period = resampling_period(plane)
    if period in (1, JPEG_BLOCK):
        return period == JPEG_BLOCK and found < ENOUGH_OF_JPEG and is_coarse_jpeg(plane)
    samples = sampled(reduced(plane, enlarged_times(plane, period)))
    if not samples.values.size or not samples.values.spread() > 0:
        return False
    bands = _bands(samples)
    return bool(bands) and evidence(bands) < ENOUGH


def as_taken(plane: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return a plane (Y, X) without the copies of rows and columns that enlarging has made."""
    rows = plane[_lines_taken(plane)]
    return rows[:, _lines_taken(rows.T)]


def _lines_taken(lines: NDArray[np.generic]) -> Mask | slice:
    """Return which lines (N, M) differ from the one before; all of them unless a third are copies."""
    if _differs(lines[:, :FEW]).mean() > MOST_TAKEN:
        return slice(None)
    new = _differs(lines)
    return new if new.mean() <= MOST_TAKEN else slice(None)


def _differs(lines: NDArray[np.generic]) -> Mask:
    """Return which lines are no copy of the one before; a line of one value is none."""
    new = np.ones(len(lines), bool)
    new[1:] = (lines[1:] != lines[:-1]).any(axis=1) | (lines[1:] == lines[1:, :1]).all(axis=1)
    return new


def pattern_modes(band: Values) -> float:
    """Return how many frequencies share the power of a filtered field (Y, X); infinity where most lies at its edge.

    The window that ends the field smoothly leaves so little of cells at an edge that a few frequencies hold it.
    """
    band = band[tuple(slice(_quick_to_transform(side)) for side in band.shape)]
    seen = band * _window(*band.shape)
    if (seen**2).sum() < WINDOWED / 2 * (band**2).sum():
        return math.inf
    waves = scipy.fft.rfft2(seen)  # of 32 bits, in a third of the time of NumPy's
    power = waves.real.astype(np.float64) ** 2 + waves.imag.astype(np.float64) ** 2
    return float(power.sum() ** 2 / max(float((power**2).sum()), 1e-300))


@lru_cache(maxsize=8)
def _window(height: int, width: int) -> Values:
    return np.asarray(np.hanning(height)[:, None] * np.hanning(width), np.float32)


@lru_cache(maxsize=64)
def _quick_to_transform(length: int) -> int:
    """Return the next length below, a few px at most, that has no large prime factor."""
    return next(n for n in range(length, 0, -1) if scipy.fft.next_fast_len(n, real=True) == n)
