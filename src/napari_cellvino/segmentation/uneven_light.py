"""A smooth background that is stronger than the cells: a ramp, a vignette, light from the side.

It is a polynomial through the lower values of blocks, fitted robustly, so that blocks full of cells do not draw it up.
Most fields do not need it and are left as they are: it is taken off only where it varies more than all that lies on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.order_statistics import median_of, percentile_of_rows, percentiles
from napari_cellvino.segmentation.samples import Grid, Mask, Samples, values_where

BLOCKS = 12  # along each axis
LOWER = 20.0  # percentile of a block
DEGREE = 3
ROUNDS = 5  # of the robust fit
FEWEST = 24  # blocks with data
SURELY = 0.999  # of a bound, for what rounding adds
VARIES = 2.0  # how much the background varies at least, in units of the range of what lies on it


@dataclass(frozen=True, slots=True)
class UnevenLight:
    """A polynomial: ``coefficients`` (DEGREE + 1, DEGREE + 1) of powers of y and x, which run from -1 to 1."""

    coefficients: NDArray[np.float64]

    def most(self) -> float:
        """Return how much it varies at most, over all of a plane."""
        return 2 * float(np.abs(self.coefficients).sum() - abs(self.coefficients[0, 0]))

    def over(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the background (Y, X) float32 of a plane of this shape."""
        y, x = (_powers(np.linspace(-1, 1, n)) for n in shape)
        # Threads of a matrix product would go on for 50 ms, on the cores that the network needs now.
        light: NDArray[np.float64] = np.einsum("yk,xk->yx", np.einsum("yj,jk->yk", y, self.coefficients), x)
        return light.astype(np.float32)


def find_uneven_light(samples: Samples, low: float, high: float) -> UnevenLight | None:
    """Return the uneven light of samples; None where it is even enough.

    ``low`` and ``high`` are the percentiles of the range.
    """
    grid, known = samples.grid, samples.known
    if min(grid.shape) < BLOCKS:
        return None
    light = _fit(*_lower_values(grid, known))
    if light is None or _varies_little(light.most(), samples, low, high):
        return None
    background = light.over(grid.shape)
    varies = float(np.ptp(values_where(background, known)))
    if _varies_little(varies, samples, low, high):
        return None
    bottom, top = percentiles(values_where(grid - background, known), (low, high))
    return light if varies > VARIES * (top - bottom) else None


def _varies_little(most: float, samples: Samples, low: float, high: float) -> bool:
    """Return whether a background that varies so much at most is surely even.

    Taken off, it moves no percentile by more than its own ends: the range is not narrower than before by more than it.
    """
    bottom, top = samples.values.percentiles((low, high))
    return most <= VARIES * (top - bottom - most) * SURELY


def _lower_values(grid: Grid, known: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the places (N, 2), from -1 to 1, and lower values (N,) of the blocks that hold data."""
    rows, columns = (_parts(n) for n in grid.shape)
    lower, there = np.zeros((BLOCKS, BLOCKS)), np.ones((BLOCKS, BLOCKS), bool)
    if known.all():
        for of_y, of_x in product(_alike(rows), _alike(columns)):  # blocks of one size are ordered at once
            bands = np.concatenate([grid[rows[n]] for n in of_y]).reshape(len(of_y), -1, grid.shape[1])
            blocks = np.stack([bands[:, :, columns[n]] for n in of_x], 1)
            found = percentile_of_rows(blocks.reshape(len(of_y) * len(of_x), -1), LOWER)
            lower[np.ix_(of_y, of_x)] = found.reshape(len(of_y), len(of_x))
    else:
        for i, j in product(range(BLOCKS), repeat=2):
            block = grid[rows[i], columns[j]]
            values = block[known[rows[i], columns[j]]]
            there[i, j] = values.size * 2 > block.size
            lower[i, j] = percentile_of_rows(values[None], LOWER)[0] if there[i, j] else 0
    return (np.argwhere(there) + 0.5) / BLOCKS * 2 - 1, lower[there]


def _parts(length: int) -> list[slice]:
    """Return the parts of an axis that blocks take."""
    edges = np.linspace(0, length, BLOCKS + 1).astype(int).tolist()
    return [slice(first, end) for first, end in pairwise(edges)]


def _alike(parts: list[slice]) -> list[list[int]]:
    """Return the numbers of parts of each length."""
    lengths = [part.stop - part.start for part in parts]
    return [[n for n, own in enumerate(lengths) if own == length] for length in set(lengths)]


def _fit(places: NDArray[np.float64], values: NDArray[np.float64]) -> UnevenLight | None:
    """Return the polynomial through the values; those far off count less in each round (bisquare weights)."""
    if len(values) < FEWEST:
        return None
    y, x = _powers(places[:, 0]), _powers(places[:, 1])
    terms = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    basis = np.stack([y[:, i] * x[:, j] for i, j in terms], axis=1)
    weights = np.ones(len(values))
    for _ in range(ROUNDS):
        solved = np.linalg.lstsq(basis * weights[:, None], values * weights, rcond=None)[0]
        off = values - basis @ solved
        scale = 4.685 * max(median_of(np.abs(off)) / 0.6745, 1e-9 * float(np.ptp(values)), 1e-300)
        weights = np.sqrt((1 - np.clip(off / scale, -1, 1) ** 2) ** 2) + 1e-6
    coefficients = np.zeros((DEGREE + 1, DEGREE + 1))
    for (i, j), value in zip(terms, solved, strict=True):
        coefficients[i, j] = value
    return UnevenLight(coefficients)


def _powers(places: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([places**n for n in range(DEGREE + 1)], axis=1)
