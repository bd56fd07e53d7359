"""The period that enlarging or JPEG leaves in a plane: its second differences change with it (Gallagher 2005).

Noise that was enlarged or compressed is no Gaussian field any more: kinks between interpolated pixels and edges of JPEG
blocks stand out of it as cells do.

Gallagher, A. C. (2005). Detection of linear and cubic interpolation in JPEG compressed images. CRV 2005, 65-72.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

JPEG_BLOCK = 8  # px
LARGEST_SIDE = 1024  # px that are looked at
SHORTEST_SIDE = 64  # px; fewer hold no period
PERIODS = np.arange(2, 25)  # px
SMOOTH = 33  # px: slower changes are those of the image
REPEATS = 0.6  # correlation of the differences with themselves, one period on; cells reach 0.4, and along one axis
NO_WAVE = 0.2  # of the typical height of a wave in a square: what is lower was rounded away
MOST_GONE = 0.93  # of the waves: fine JPEG keeps three in four
FIRST = 0.8  # of the highest correlation: the shortest period that reaches it is no multiple of another

Plane = NDArray[np.float32]


def resampling_period(plane: NDArray[np.generic]) -> int:
    """Return the period in px, from 3, that a plane (Y, X) shows along both axes; 1 where there is none."""
    part = plane[:LARGEST_SIDE, :LARGEST_SIDE].astype(np.float32)
    if min(part.shape) < SHORTEST_SIDE:
        return 1
    along_rows, along_columns = _period(part), _period(part.T)
    return along_rows if along_rows == along_columns > 2 else 1


def is_coarse_jpeg(plane: NDArray[np.generic]) -> bool:
    """Return whether hardly anything is left of the squares of JPEG in a plane (Y, X) but their means."""
    height, width = (min(n, LARGEST_SIDE) // JPEG_BLOCK * JPEG_BLOCK for n in plane.shape)
    part = plane[:height, :width].astype(np.float32)
    blocks = part.reshape(height // JPEG_BLOCK, JPEG_BLOCK, width // JPEG_BLOCK, JPEG_BLOCK)
    waves = np.abs(dctn(blocks, axes=(1, 3), norm="ortho"))
    waves[:, 0, :, 0] = 0
    return bool(np.mean(waves < NO_WAVE * np.sqrt(np.mean(waves**2))) > MOST_GONE)


def block_means(plane: NDArray[np.generic], side: int) -> Plane:
    """Return the means of squares of ``side`` x ``side`` pixels of a plane (Y, X); what is left over is dropped."""
    height, width = (n // side * side for n in plane.shape)
    blocks = plane[:height, :width].astype(np.float32).reshape(height // side, side, width // side, side)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _period(lines: Plane) -> int:
    """Return the period along the second axis; 0 where there is none."""
    strength = np.abs(np.diff(lines, 2, axis=1)).mean(axis=0)
    slow = np.convolve(np.pad(strength, SMOOTH // 2, mode="reflect"), np.full(SMOOTH, 1 / SMOOTH), "valid")
    if not np.isfinite(slow).all() or slow.min() <= 0:
        return 0
    change = strength / slow - 1
    count = len(change)
    repeated = np.fft.irfft(np.abs(np.fft.rfft(change, 2 * count)) ** 2)[:count] * count / (count - np.arange(count))
    correlation = repeated[PERIODS] / max(repeated[0], 1e-12)
    highest = correlation.max()
    return int(PERIODS[np.argmax(correlation >= FIRST * highest)]) if highest > REPEATS else 0
