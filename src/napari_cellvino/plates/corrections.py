"""Systematic errors of places on a plate taken off: rows and columns by median polish, or the rim.

References
----------
Brideau et al. 2003, "Improved statistical methods for hit selection" (B-score); Tukey 1977,
"Exploratory data analysis" (median polish).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError

Real = NDArray[np.float64]

POLISHES = 20
SETTLED = 1e-6  # of the spread
MAD_TO_SD = 1.4826
RIM_WELLS = 6  # at least, at the rim and inside
FEWEST_LINES = 4  # rows, and columns, with samples, that effects of places can be told from


class PlateCorrection(StrEnum):
    """What is taken off the values of a plate."""

    NONE = "none"
    EDGE = "edge"
    B_SCORE = "b-score"


def median_polish(grid: Real) -> tuple[float, Real, Real, Real]:
    """Return overall median, row (R,) and column effects (C,) and residuals (R, C) of a grid with gaps (NaN)."""
    rest = grid.astype(np.float64).copy()
    rows, columns, overall = np.zeros(grid.shape[0]), np.zeros(grid.shape[1]), 0.0
    scale = float(np.nanmax(np.abs(rest))) if np.isfinite(rest).any() else 0.0
    for _ in range(POLISHES):
        by_row = _medians(rest, 1)
        rest -= by_row[:, None]
        rows += by_row
        by_column = _medians(rest, 0)
        rest -= by_column[None]
        columns += by_column
        shift_rows, shift_columns = float(np.median(rows)), float(np.median(columns))
        rows, columns, overall = rows - shift_rows, columns - shift_columns, overall + shift_rows + shift_columns
        if max(np.abs(by_row).max(), np.abs(by_column).max()) <= SETTLED * scale:
            break
    return overall, rows, columns, rest


def _medians(grid: Real, axis: int) -> Real:
    """Return the medians along an axis, 0 where a line has no value."""
    known = np.asarray(np.isfinite(grid).any(axis))
    out = np.zeros(len(known))
    lines = grid if axis == 1 else grid.T
    if known.any():
        out[known] = np.nanmedian(lines[known], axis=1)
    return out


def corrected(
    values: Real,
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    sample: NDArray[np.bool_],
    way: PlateCorrection,
) -> Real:
    """Return the values (N,) of wells without the effects of their places.

    Parameters
    ----------
    values
        One per well.
    rows, columns
        Places of the wells, from 0.
    sample
        Which wells are no controls: they alone tell the effects, since controls often fill whole columns.
    way
        ``edge`` takes the difference of the medians of rim and inside off the rim; ``b-score`` takes the effects of
        rows and columns off and divides by the median absolute deviation.

    Raises
    ------
    OptionError
        If too few rows or columns have samples for their effects to be told from those of the wells.
    """
    if way is PlateCorrection.NONE or not len(values):
        return values
    if way is PlateCorrection.EDGE:
        return _without_edge(values, rows, columns, sample)
    known = sample & np.isfinite(values)
    lines = len(np.unique(rows[known])), len(np.unique(columns[known]))
    if min(lines) < FEWEST_LINES:
        raise OptionError(
            f"b-score needs samples in {FEWEST_LINES} rows and {FEWEST_LINES} columns at least, and there are "
            f"{lines[0]} and {lines[1]}; use none"
        )
    grid = np.full((int(rows.max()) + 1, int(columns.max()) + 1), np.nan)
    grid[rows[sample], columns[sample]] = values[sample]
    overall, by_row, by_column, rest = median_polish(grid)
    spread = MAD_TO_SD * float(np.nanmedian(np.abs(rest))) if np.isfinite(rest).any() else 0.0
    flat = values - overall - by_row[rows] - by_column[columns]
    return flat / spread if spread else np.full(len(values), np.nan)


def _without_edge(
    values: Real, rows: NDArray[np.integer], columns: NDArray[np.integer], sample: NDArray[np.bool_]
) -> Real:
    rim, known = at_rim(rows, columns), sample & np.isfinite(values)
    if not tells_edge(rim, known):
        return values
    shift = float(np.median(values[rim & known]) - np.median(values[~rim & known]))
    return np.where(rim, values - shift, values)


def at_rim(rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which wells (N,) lie at the rim of those that there are."""
    ends = (rows == rows.min()) | (rows == rows.max()) | (columns == columns.min()) | (columns == columns.max())
    return np.asarray(ends)


def tells_edge(rim: NDArray[np.bool_], known: NDArray[np.bool_]) -> bool:
    """Return whether enough samples lie at the rim and inside for these to be compared."""
    return bool(min((rim & known).sum(), (~rim & known).sum()) >= RIM_WELLS)
