"""How far the values of a field are from those of noise: what tells cells and texture from noise of any correlation.

Noise that many small causes add up to is a Gaussian random field: whatever linear filter one looks through, values are
spread normally. Cells are not: a few stand out far (kurtosis), or they are brighter or darker than what lies between
them (skewness). Both are taken of differences of Gaussians at some sizes, and their distance from those of noise is
added up in standard errors. Values that are spread less widely than normal, as interpolated noise has them, are no
evidence. Where cells fill a field, steps between neighbours tell: they are steep at the edges only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import overload

import numpy as np
import scipy
from numpy.typing import NDArray

LARGEST_SIDE = 400  # px of the finest size looked at
SIZES = 5  # each twice the one before
FEWEST_AT_A_SIZE = 120
MARGIN = 5  # px that a filter reaches over the edge
CORRELATED = 8.0  # neighbouring values of a filtered field that count as one
ENOUGH = 50.0  # evidence, in squared standard errors
FINE = 3  # sizes, from the finest, at which edges are looked for
OF_MEDIANS = 0.45  # how much steps stand out in medians of noise

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]


class FilteredBands(Sequence[Values]):
    """Differences of Gaussians of doubling sizes (Y, X), without stripes, and 0 where there is no data near.

    Each is worked out when it is first asked for: where coarse ones say enough, the fine ones are not needed.
    """

    def __init__(self, grid: Values, known: Mask) -> None:
        self._whole = bool(known.all())
        while max(grid.shape) > LARGEST_SIDE:
            grid, known = _halved(grid), self._where_halved(known)
        self._smooth: list[tuple[Values, Mask]] = []
        self._bands: dict[int, Values] = {}
        for _ in range(SIZES):
            if math.prod(max(0, side - 2 * MARGIN) for side in grid.shape) < FEWEST_AT_A_SIZE:
                return
            smooth = scipy.ndimage.gaussian_filter(grid, 1.0, truncate=3.0)
            self._smooth.append((smooth, known))
            grid, known = _halved(smooth), self._where_halved(known)

    def _where_halved(self, known: Mask) -> Mask:
        """Return where all values of a square of 2 x 2 are known; that is not looked at again where all are."""
        return known if self._whole else _halved(known) == 1

    def __len__(self) -> int:
        return len(self._smooth)

    @overload
    def __getitem__(self, number: int) -> Values: ...

    @overload
    def __getitem__(self, number: slice) -> list[Values]: ...

    def __getitem__(self, number: int | slice) -> Values | list[Values]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        smooth, known = self._smooth[number]
        if number not in self._bands:
            band = (smooth - scipy.ndimage.gaussian_filter(smooth, 1.7, truncate=3.0))[MARGIN:-MARGIN, MARGIN:-MARGIN]
            band = band - band.mean(0) - band.mean(1, keepdims=True) + band.mean()
            self._bands[number] = band if self._whole else band * _far_inside(known)
        return self._bands[number]


def evidence(bands: Sequence[Values], *, enough: float = ENOUGH) -> float:
    """Return how far filtered fields are from those of noise, in squared standard errors; it stops at ``enough``."""
    found, coarser = 0.0, 0.0
    for number in reversed(range(len(bands))):
        band = bands[number]
        values = band[band != 0]  # 0 stands for no data
        spread = float(np.sqrt((values**2).mean())) if values.size else 0.0
        if spread > 0:
            own = min(1.0, (spread / coarser) ** 2) if coarser else 1.0  # the rest leaks in from coarser sizes
            count = own * values.size / CORRELATED
            found += _skewness(values) ** 2 * count / 6.0 + _excess(values) ** 2 * count / 24.0
            found += _edges(band) ** 2 * count / 24.0 if number < FINE else 0.0
            if found >= enough:
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


def _far_inside(known: Mask) -> Mask:
    """Return where the filters see data only."""
    inside = scipy.ndimage.binary_erosion(known, np.ones((2 * MARGIN + 1,) * 2, bool))
    return np.asarray(inside[MARGIN:-MARGIN, MARGIN:-MARGIN], bool)


def _halved(grid: NDArray[np.generic]) -> Values:
    """Return the means of squares of 2 x 2 values."""
    height, width = (n // 2 * 2 for n in grid.shape)
    rows = grid[:height:2, :width].astype(np.float32) + grid[1:height:2, :width].astype(np.float32)
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25))
