"""Whether a plane holds more than noise: networks find cells in smoothed noise, where nobody would.

Noise of any correlation that many small causes add up to is a Gaussian random field: whatever linear filter one looks
through, values are spread normally. Cells are not: a few stand out far (kurtosis), or they are brighter or darker than
what lies between them (skewness). Both are taken of differences of Gaussians at some sizes, and their distance from
those of noise is added up in standard errors. Values that are spread less widely than normal, as interpolated noise has
them, are no evidence. Where cells fill a field, steps between neighbours tell: they are steep at the edges
only. A network that learns to say "empty" was ruled out: each new model would have to learn it again.

A pattern that repeats over the whole field is no noise, and holds no cells either: its power lies in a few frequencies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.model_package import ModelInput, ModelSpec
from napari_cellvino.segmentation.counted_samples import has_data
from napari_cellvino.segmentation.heads import Decoded, Parameter
from napari_cellvino.segmentation.normalise import sample_medians

LARGEST_SIDE = 400  # px of the finest size looked at
SIZES = 5  # each twice the one before
FEWEST_PIXELS = 32_000  # a smaller field is never called empty: too few values to know
FEWEST_AT_A_SIZE = 120
FEW = 64  # px of a line that are compared first
MOST_TAKEN = 2 / 3  # of the lines of an enlarged image are no copies
MARGIN = 5  # px that a filter reaches over the edge
CORRELATED = 8.0  # neighbouring values of a filtered field that count as one
ENOUGH = 50.0  # evidence, in squared standard errors
PATTERN_MODES = 16.0  # frequencies that share the power of a pattern; many more in fields of cells
FINE = 3  # sizes, from the finest, at which edges are looked for
OF_MEDIANS = 0.45  # how much steps stand out in medians of noise

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Emptiness(StrEnum):
    """Why a field is taken as empty."""

    CONSTANT = "all its pixels have one value"
    NOISE = "nothing in it stands out from noise"
    PATTERN = "it is one regular pattern"


SIGNAL_TEST = Parameter(
    "signal_test", "Signal test", 1.0, 0.0, 1.0, 1.0,
    help="1 counts no cells in fields that look like noise or a pattern, and says so; 0 counts what the model finds",
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
    grid = sample_medians(as_taken(channel))
    known = has_data(grid)
    values = grid[known]
    if values.size == 0 or values.min() == values.max():
        return Emptiness.CONSTANT
    if channel.size < FEWEST_PIXELS:
        return None
    middle = np.median(values)
    spread = float(np.std(values.astype(np.float64)))
    field = np.where(known, grid - middle, 0) / spread  # values far from 0 would lose all in 32 bits
    bands = list(_bands(field.astype(np.float32), known))
    if not bands or min(map(pattern_modes, bands[:2])) < PATTERN_MODES:
        return Emptiness.PATTERN
    return Emptiness.NOISE if evidence(bands) < ENOUGH else None


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


def evidence(bands: list[Values]) -> float:
    """Return how far filtered fields are from those of noise, in squared standard errors; it stops where they are."""
    found, coarser = 0.0, 0.0
    for number, band in reversed(list(enumerate(bands))):
        values = band[band != 0]  # 0 stands for no data
        spread = float(np.sqrt((values**2).mean())) if values.size else 0.0
        if spread > 0:
            own = min(1.0, (spread / coarser) ** 2) if coarser else 1.0  # the rest leaks in from coarser sizes
            count = own * values.size / CORRELATED
            found += _skewness(values) ** 2 * count / 6.0 + _excess(values) ** 2 * count / 24.0
            found += _edges(band) ** 2 * count / 24.0 if number < FINE else 0.0
            if found >= ENOUGH:
                break
        coarser = spread
    return found


def _skewness(values: Values) -> float:
    squares = values * values
    return float((squares * values).mean() / squares.mean() ** 1.5)


def _excess(values: Values) -> float:
    """Return how much further values stand out than normal ones (excess kurtosis), 0 where they do less."""
    squares = values * values
    power = float(squares.mean())
    return max(0.0, float((squares * squares).mean()) / power**2 - 3.0) if power > 0 else 0.0


def _edges(band: Values) -> float:
    """Return how much steps between neighbours stand out, as they do at the edges of cells that fill the field."""
    known = (band[:-1, :-1] != 0) & (band[1:, :-1] != 0) & (band[:-1, 1:] != 0)
    steps = (np.diff(band, axis=0)[:, :-1][known], np.diff(band, axis=1)[:-1][known])
    return max(0.0, min(_excess(step) if step.size else 0.0 for step in steps) - OF_MEDIANS)


def pattern_modes(band: Values) -> float:
    """Return how many frequencies share the power of a filtered field (Y, X)."""
    window = np.hanning(band.shape[0])[:, None] * np.hanning(band.shape[1])
    power = np.abs(np.fft.rfft2(band * window)) ** 2
    return float(power.sum() ** 2 / max(float((power**2).sum()), 1e-300))


def _bands(grid: Values, known: Mask) -> Iterator[Values]:
    """Yield differences of Gaussians of doubling sizes (Y, X), without stripes, and 0 where there is no data near."""
    while max(grid.shape) > LARGEST_SIDE:
        grid, known = _halved(grid), _halved(known) == 1
    whole = bool(known.all())
    for _ in range(SIZES):
        smooth = ndi.gaussian_filter(grid, 1.0, truncate=3.0)
        band = (smooth - ndi.gaussian_filter(smooth, 1.7, truncate=3.0))[MARGIN:-MARGIN, MARGIN:-MARGIN]
        if band.size < FEWEST_AT_A_SIZE:
            return
        band = band - band.mean(0) - band.mean(1, keepdims=True) + band.mean()
        yield band if whole else band * _far_inside(known)
        grid, known = _halved(smooth), _halved(known) == 1


def _far_inside(known: Mask) -> Mask:
    """Return where the filters see data only."""
    inside = ndi.binary_erosion(known, np.ones((2 * MARGIN + 1,) * 2, bool))
    return np.asarray(inside[MARGIN:-MARGIN, MARGIN:-MARGIN], bool)


def _halved(grid: NDArray[np.generic]) -> Values:
    """Return the means of squares of 2 x 2 values."""
    height, width = (n // 2 * 2 for n in grid.shape)
    rows = grid[:height:2, :width].astype(np.float32) + grid[1:height:2, :width].astype(np.float32)
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25))
