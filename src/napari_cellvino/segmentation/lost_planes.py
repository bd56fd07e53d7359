"""Planes of a stack that a camera or a shutter lost: dropped ones (one value, or darker than all) and burnt ones.

They lie between planes that are in order: those at the ends of a stack, or several together, may be what is there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SAMPLES = 4_000  # pixels looked at of each plane
BURNT = 5.0  # how far the darkest of a plane lie above the background of its neighbours, in units of its spread
LONGEST = 2  # planes lost one after another


def plane_levels(plane: NDArray[np.generic]) -> tuple[float, float, float]:
    """Return the darkest, middle and brightest (percentiles 1, 50, 99.8) of a plane (K, Y, X); NaN where it is lost."""
    step = max(1, int(np.sqrt(plane.shape[-2] * plane.shape[-1] / SAMPLES)))
    values = plane[:, ::step, ::step].astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0 or values.min() == values.max():
        return (np.nan, np.nan, np.nan)
    dark, middle, bright = np.percentile(values, (1, 50, 99.8))
    return float(dark), float(middle), float(bright)


def find_lost_planes(levels: Sequence[tuple[float, float, float]]) -> dict[int, tuple[int, int]]:
    """Return the lost planes (from 0), each with the planes before and after that are in order."""
    lost: dict[int, tuple[int, int]] = {}
    for first in range(1, len(levels) - 1):
        for length in range(1, LONGEST + 1):
            before, after = first - 1, first + length
            if after >= len(levels) or before in lost or first in lost:
                break
            gap = range(first, after)
            if all(_is_lost(levels[z], levels[before], levels[after]) for z in gap):
                lost |= dict.fromkeys(gap, (before, after))
    return lost


def _is_lost(
    plane: tuple[float, float, float], before: tuple[float, float, float], after: tuple[float, float, float]
) -> bool:
    if np.isnan([*before, *after]).any():
        return False
    background = max(before[1], after[1]) + BURNT * max(before[1] - before[0], after[1] - after[0])
    return bool(np.isnan(plane[0]) or plane[0] > background or plane[2] < min(before[0], after[0]))


def bridge(
    z: int, between: tuple[int, int], before: NDArray[np.generic], after: NDArray[np.generic]
) -> NDArray[np.float32]:
    """Return what plane ``z`` may have shown, from the planes before and after (K, Y, X)."""
    share = np.float32((z - between[0]) / (between[1] - between[0]))
    return before.astype(np.float32) * (1 - share) + after.astype(np.float32) * share


def describe_lost(lost: Sequence[int]) -> tuple[str, ...]:
    """Return what became of lost planes (from 0), as sentences; none without any."""
    if not lost:
        return ()
    which = ", ".join(str(z + 1) for z in lost)
    planes = f"Plane {which} is" if len(lost) == 1 else f"Planes {which} are"
    return (f"{planes} dropped or burnt: cells there are bridged from the planes beside, intensities leave it out",)
