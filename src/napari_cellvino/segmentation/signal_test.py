"""Whether a plane holds more than noise: networks find cells in smoothed noise, where nobody would.

A network that learns to say "empty" was ruled out: each new model would have to learn it again.

A pattern that repeats over the whole field is no noise, and holds no cells either: its power lies in a few frequencies.

Speckle and other noise that is not spread normally is looked at by the ranks of its values, which no change of contrast
alters: those of speckle, of squared and of exponentiated noise are nearly those of normal noise. A few cells hold few
ranks, so ranks decide only where no value lies apart from the others, as those of cells on a dark background do.
Samples that lie further apart than cells are wide have the ranks of noise whatever is there: large fields are looked at
in parts too, without steps, and are noise only where every part is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import ndtri

from napari_cellvino.model_package import ModelInput, ModelSpec
from napari_cellvino.segmentation.band_evidence import ENOUGH, FilteredBands, Mask, Values, evidence
from napari_cellvino.segmentation.counted_samples import has_data
from napari_cellvino.segmentation.heads import Decoded, Parameter
from napari_cellvino.segmentation.normalise import grid_step, percentiles, sample_medians, values_where
from napari_cellvino.segmentation.resampling import (
    JPEG_BLOCK,
    enlarged_times,
    is_coarse_jpeg,
    reduced,
    resampling_period,
)

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

    def add(self, inputs: NDArray[np.generic]) -> None:
        """Look at the next plane's inputs (K, Y, X)."""
        if not self._signal:
            self._seen = find_emptiness(inputs)
            self._signal = self._seen is None

    @property
    def emptiness(self) -> Emptiness | None:
        """Why none of the planes holds cells; None where one may."""
        return self._seen


def find_emptiness(inputs: NDArray[np.generic]) -> Emptiness | None:
    """Return why a plane (K, Y, X) holds no cells; None where one of its channels may hold some."""
    found = [_emptiness(channel) for channel in inputs]
    return None if None in found else found[0]


def _emptiness(channel: NDArray[np.generic]) -> Emptiness | None:
    taken = as_taken(channel)
    grid = sample_medians(taken)
    known = has_data(grid)
    if _is_constant(grid, known):
        return Emptiness.CONSTANT
    if channel.size < FEWEST_PIXELS:
        return None
    bands = _bands(grid, known)
    if not bands or min(map(pattern_modes, bands[:2])) < PATTERN_MODES:
        return Emptiness.PATTERN
    found = evidence(bands, enough=MOST_OF_RESAMPLED)
    is_noise = (
        found < ENOUGH
        or (found < MOST_OF_RESAMPLED and _is_resampled_noise(taken, found))
        or (_is_noise_by_ranks(grid, known) and all(map(_is_noise_seen_close, _parts(taken))))
    )
    return Emptiness.NOISE if is_noise else None


def _is_constant(grid: NDArray[np.floating], known: Mask) -> bool:
    """Return whether all that is known of a field has one value, or nothing is known of it."""
    values = values_where(grid, known)
    return values.size == 0 or bool(values.min() == values.max())


def _bands(grid: NDArray[np.floating], known: Mask) -> FilteredBands:
    values = values_where(grid, known)
    off = values - float(values.mean(dtype=np.float64))
    spread = math.sqrt(float(np.mean(off * off, dtype=np.float64)))
    field = np.where(known, grid - percentiles(values, (50,))[0], 0) / spread  # values far from 0 would lose in 32 bits
    return FilteredBands(field.astype(np.float32, copy=False), known)


def _is_noise_by_ranks(grid: NDArray[np.floating], known: Mask) -> bool:
    """Return whether no value lies apart from the others, and their ranks are those of noise."""
    values = values_where(grid, known)
    middle, high, higher, highest = percentiles(values, TAIL)
    if higher - middle > LONGEST_TAIL * (high - middle) or highest - higher > FARTHEST_VALUE * (higher - high):
        return False
    field = np.zeros(grid.shape, np.float32)
    field[known] = _normal_scores(values)
    return evidence(FilteredBands(field, known)) < ENOUGH


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
    grid = sample_medians(part)
    known = has_data(grid)
    return _is_constant(grid, known) or _is_noise_by_ranks(grid, known)


def _normal_scores(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return what values (N,) would be if they were spread normally and had the same order; equal ones stay equal."""
    if np.ptp(values) < MOST_LEVELS and (np.rint(values) == values).all():
        number = (values - values.min()).astype(np.int32)  # whole numbers need no sorting: a tenth of the time
        count = np.bincount(number)
    else:
        _, number, count = np.unique(values, return_inverse=True, return_counts=True)
    scores: NDArray[np.floating] = ndtri((np.cumsum(count) - count / 2) / values.size).astype(np.float32)
    return np.asarray(scores[number])


def _is_resampled_noise(plane: NDArray[np.generic], found: float) -> bool:
    """Return whether the evidence in a plane (Y, X) is that of JPEG blocks, or of kinks that enlarging has made."""
    period = resampling_period(plane)
    if period in (1, JPEG_BLOCK):
        return period == JPEG_BLOCK and found < ENOUGH_OF_JPEG and is_coarse_jpeg(plane)
    grid = sample_medians(reduced(plane, enlarged_times(plane, period)))
    known = has_data(grid)
    if not grid[known].std() > 0:
        return False
    bands = _bands(grid, known)
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
    window = np.hanning(band.shape[0])[:, None] * np.hanning(band.shape[1])
    seen = band * window.astype(np.float32)
    if (seen**2).sum() < WINDOWED / 2 * (band**2).sum():
        return math.inf
    waves = fft.rfft2(seen)  # of 32 bits, in a third of the time of NumPy's
    power = waves.real.astype(np.float64) ** 2 + waves.imag.astype(np.float64) ** 2
    return float(power.sum() ** 2 / max(float((power**2).sum()), 1e-300))
