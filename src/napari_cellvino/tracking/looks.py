"""What cells look like beside their outlines: how bright they are, and what a network sees in them.

Both are compared by how much the cells of the two frames differ among themselves, so that a weight means the same for a
film of cells that are all alike and for one of cells that are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BRIGHTEST = 2.0  # spreads of intensity, from which on a larger difference costs no more
PART = 4096  # pairs that are multiplied together
FEWEST = 10  # cells of two frames together, of which it is known how far their features spread

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Looks:
    """What N cells look like; either is None where it does not count.

    Attributes
    ----------
    intensities
        How bright they are (N,); NaN where that is not known.
    features
        What a network sees in them (N, F); NaN where that is not known.
    """

    intensities: Floats | None = None
    features: Floats | None = None


def unlike(
    before: Looks | None, after: Looks | None, rows: Indices, laters: Indices, sizes: NDArray[np.int64]
) -> Floats:  # fmt: skip
    """Return how unlike cells are to what they may become (2, P): in intensity, and in features.

    A difference of intensity is in spreads of all cells, at most 2. One of features is 1 less the cosine between them,
    about 1 for any two cells. Where it is not known, it is what it is for most others.

    Parameters
    ----------
    before, after
        What the cells of both frames look like.
    rows
        The cell (P,) of the earlier frame.
    laters
        The one or two cells (P, 2) of the later frame, -1 for none; two count together, by their sizes.
    sizes
        Sizes of the cells of the later frame, in px.
    """
    found = np.zeros((2, len(rows)))
    if before is None or after is None or not len(rows):
        return found
    first, second = laters.T
    share = np.where(second >= 0, sizes[first] / (sizes[first] + sizes[second]), 1.0)  # second: -1 is any cell, times 0
    if before.intensities is not None and after.intensities is not None:
        low, high = np.nanpercentile(before.intensities, (16, 84)) if len(before.intensities) else (0.0, 0.0)
        later = _mixed(after.intensities, first, second, share)
        apart = np.abs(later - before.intensities[rows]) / max((high - low) / 2, 1e-9)
        found[0] = _known(np.minimum(apart, BRIGHTEST))
    if before.features is not None and after.features is not None:
        found[1] = _known(_turned(before.features, after.features, rows, first, second, share))
    return found


def _mixed(values: Floats, first: Indices, second: Indices, share: Floats) -> Floats:
    return np.asarray(share * values[first] + np.where(second >= 0, (1 - share) * values[second], 0.0))


def _turned(
    before: Floats, after: Floats, rows: Indices, first: Indices, second: Indices, share: Floats
) -> Floats:  # fmt: skip
    """Return 1 less the cosine between features (P,), counted from the middle of both frames in their spreads."""
    both = np.concatenate([before, after])
    if np.isfinite(both[:, 0]).sum() < FEWEST:
        return np.zeros(len(rows))
    middle, spread = np.nanmean(both, axis=0), np.nanstd(both, axis=0)
    one, two = ((held - middle) / np.where(spread > 0, spread, 1.0) for held in (before, after))
    along, squares = share * _dots(one, rows, two, first), _squares(two)
    square = share**2 * squares[first]
    pairs, other = np.flatnonzero(second >= 0), 1 - share
    a, b = first[pairs], second[pairs]
    along[pairs] += other[pairs] * _dots(one, rows[pairs], two, b)
    square[pairs] += other[pairs] * (other[pairs] * squares[b] + 2 * share[pairs] * _dots(two, a, two, b))
    return np.asarray(1 - along / np.maximum(np.sqrt(_squares(one)[rows] * square), 1e-9))


def _squares(values: Floats) -> Floats:
    return np.asarray(np.einsum("nf,nf->n", values, values))


def _dots(one: Floats, rows: Indices, two: Floats, columns: Indices) -> Floats:
    """Return the products (P,) of rows of two arrays, a part at a time: gathered whole, a crowd takes gigabytes."""
    parts = [slice(begin, begin + PART) for begin in range(0, len(rows), PART)]
    return np.concatenate([np.zeros(0), *(np.einsum("pf,pf->p", one[rows[p]], two[columns[p]]) for p in parts)])


def _known(apart: Floats) -> Floats:
    """Return differences, of cells that are not known what is usual for the others."""
    known = np.isfinite(apart)
    return np.where(known, apart, np.median(apart[known]) if known.any() else 0.0)
