"""The period that enlarging or JPEG leaves in a plane: its second differences change with it (Gallagher 2005).

Noise that was enlarged or compressed is no Gaussian field any more: kinks between interpolated pixels and edges of JPEG
blocks stand out of it as cells do.

Gallagher, A. C. (2005). Detection of linear and cubic interpolation in JPEG compressed images. CRV 2005, 65-72.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray
from PIL import Image

JPEG_BLOCK = 8  # px
LARGEST_SIDE = 1024  # px that are looked at
SHORTEST_SIDE = 64  # px; fewer hold no period
PERIODS = np.arange(2, 25)  # px
SMOOTH = 33  # px: slower changes are those of the image
REPEATS = 0.6  # correlation of the differences with themselves, one period on; cells reach 0.4, and along one axis
NO_WAVE = 0.2  # of the typical height of a wave in a square: what is lower was rounded away
MOST_GONE = 0.93  # of the waves: fine JPEG keeps three in four
FEWEST_WAVES = 5  # px: shorter periods have one wave
ALIKE = 0.3  # of the strongest wave
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
    waves = np.abs(scipy.fft.dctn(blocks, axes=(1, 3), norm="ortho"))
    waves[:, 0, :, 0] = 0
    return bool(np.mean(waves < NO_WAVE * np.sqrt(np.mean(waves**2))) > MOST_GONE)


def enlarged_times(plane: NDArray[np.generic], period: int) -> float:
    """Return how many times a plane (Y, X) was enlarged at least that shows a period of that many px.

    What was enlarged 5, 5/3 or 5/4 times has a period of 5 px. Its kinks lie where pixels meet: in the first case they
    are one peak a period, which is made of waves that are all alike; else the strongest wave has as many crests in a
    period as pixels met there, or as did not: the smaller enlargement is taken, for it loses no cell.
    """
    part = plane[:LARGEST_SIDE, :LARGEST_SIDE].astype(np.float32)
    changes = [change for change in (_changes(part), _changes(part.T)) if change is not None]
    crests = np.arange(1, period // 2 + 1)
    waves = sum(np.abs(np.exp(-2j * np.pi * np.outer(crests, np.arange(len(c))) / period) @ c) for c in changes)
    alike = waves >= ALIKE * np.max(waves)
    if period >= FEWEST_WAVES and alike[0] and alike[1:].any():
        return float(period)
    return period / (period - float(crests[np.argmax(waves)]))


def reduced(plane: NDArray[np.generic], times: float) -> Plane:
    """Return a plane (Y, X) as many times smaller, each pixel the mean of those that it stands for."""
    height, width = (max(1, int(n / times)) for n in plane.shape)
    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def _period(lines: Plane) -> int:
    """Return the period along the second axis; 0 where there is none."""
    change = _changes(lines)
    if change is None:
        return 0
    count = len(change)
    repeated = np.fft.irfft(np.abs(np.fft.rfft(change, 2 * count)) ** 2)[:count] * count / (count - np.arange(count))
    correlation = repeated[PERIODS] / max(repeated[0], 1e-12)
    highest = correlation.max()
    return int(PERIODS[np.argmax(correlation >= FIRST * highest)]) if highest > REPEATS else 0


def _changes(lines: Plane) -> NDArray[np.floating] | None:
    """Return how much stronger the second differences along the second axis are than round them; None without any."""
    strength = np.abs(np.diff(lines, 2, axis=1)).mean(axis=0)
    slow = np.convolve(np.pad(strength, SMOOTH // 2, mode="reflect"), np.full(SMOOTH, 1 / SMOOTH), "valid")
    return strength / slow - 1 if np.isfinite(slow).all() and slow.min() > 0 else None
