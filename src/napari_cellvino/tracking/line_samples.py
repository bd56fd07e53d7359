"""Pixels along a line through time, of which a kymograph consists: a drawn line, or the long axis of a cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

ROUND = 1.15  # times as long as wide that a cell must be for its axis to be believed
BEYOND = 1.2  # times the length of the cell at its longest that the line through it has

Floats = NDArray[np.float64]


def along_line(plane: NDArray[np.generic], points: Floats, width: int) -> Floats:
    """Return the means across a line (L,), linear between pixels; NaN where all of it lies outside.

    Parameters
    ----------
    plane
        Pixels (Y, X).
    points
        Where they are sampled, (L, 2) in px, as of `evenly_on`.
    width
        Pixels across the line that are averaged.
    """
    steps = np.gradient(points, axis=0) if len(points) > 1 else np.array([[0.0, 1.0]])
    normals = np.stack([-steps[:, 1], steps[:, 0]], 1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    aside = np.arange(width) - (width - 1) / 2
    places = points[:, None] + aside[:, None] * normals[:, None]
    found = ndi.map_coordinates(plane.astype(np.float64), places.transpose(2, 0, 1), order=1, cval=np.nan)
    inside = np.isfinite(found)
    totals = np.where(inside, found, 0).sum(axis=1)
    return np.where(inside.any(axis=1), totals / np.maximum(inside.sum(axis=1), 1), np.nan)


def evenly_on(corners: Floats) -> Floats:
    """Return points (L, 2) a pixel apart on a line through corners (P, 2) in px, from the first to the last."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    at = np.arange(int(lengths[-1]) + 1)
    return np.stack([np.interp(at, lengths, corners[:, n]) for n in (0, 1)], 1)


class CellAxis:
    """The long axis of a cell, followed from frame to frame, so that it does not turn over."""

    def __init__(self) -> None:
        self._way = np.array([0.0, 1.0])

    def follow(self, mask: NDArray[np.bool_]) -> tuple[Floats, Floats, float]:
        """Return the middle (y, x) of a cell in px, the direction of its long axis, and its length there.

        Of a round cell the direction is that of the frame before.
        """
        places = np.argwhere(mask).astype(np.float64)
        middle = places.mean(axis=0)
        spread = np.cov((places - middle).T) if len(places) > 2 else np.eye(2)
        values, vectors = np.linalg.eigh(spread)
        if values[1] > ROUND**2 * values[0]:
            way = vectors[:, 1]
            self._way = way if way @ self._way >= 0 else -way
        return middle, self._way, float(np.ptp((places - middle) @ self._way)) + 1
