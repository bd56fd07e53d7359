"""Planes of a stack that a camera or a shutter lost: dropped ones (one value, or darker than all) and burnt ones.

They lie between planes that are in order. At the ends of a stack dark planes may be what is there, and only a plane
that is in all its values several times as bright as those beside it is burnt. A plane is lost for all channels: they
are measured together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

SAMPLES = 4_000  # pixels looked at of each plane
PERCENTILES = (1, 5, 25, 50, 75, 90, 99, 99.8)
DARK, MIDDLE, MORE, BRIGHT = 0, 3, 4, -1  # places in the percentiles
FLASH = 5.0  # how far the darkest lie above the background beside, in units of its spread
FLASH_SHARE = 0.2  # and in units of the range of what lies on it
GAIN = 4.0  # how much wider all values of a burnt plane are spread than those beside
LONGEST = 2  # planes lost one after another

Pixels = NDArray[np.generic]
Levels = NDArray[np.float64]


class PlaneSieve:
    """Takes the planes of a stack in order and gives back those that are; a few are held until it is known.

    ``lost`` are the others, from 0, with the planes before and after that are in order; at an end both are the one
    beside it.
    """

    def __init__(self) -> None:
        self.lost: dict[int, tuple[int, int]] = {}
        self._levels: list[Levels] = []
        self._held: deque[tuple[int, Pixels]] = deque()

    def add(self, pixels: Pixels) -> Iterator[tuple[int, Pixels]]:
        """Take the next plane (C, Y, X) and yield, with their numbers, those that are now known to be in order."""
        after = len(self._levels)
        self._levels.append(_plane_levels(pixels))
        self._held.append((after, pixels))
        for first in range(max(1, after - LONGEST), after):
            gap = range(first, after)
            if first - 1 not in self.lost and not self.lost.keys() & set(gap) and self._all_lost(gap):
                self.lost |= dict.fromkeys(gap, (first - 1, after))
        if after == LONGEST and 0 not in self.lost and self._burnt_end(0, (1, 2)):
            self.lost[0] = (1, 1)
        yield from self._known(after - LONGEST)

    def rest(self) -> Iterator[tuple[int, Pixels]]:
        """Yield the planes that are still held; there are no more."""
        last = len(self._levels) - 1
        if last >= LONGEST and self._burnt_end(last, (last - 1, last - 2)):
            self.lost[last] = (last - 1, last - 1)
        yield from self._known(last)

    def _known(self, until: int) -> Iterator[tuple[int, Pixels]]:
        while self._held and self._held[0][0] <= until:
            z, pixels = self._held.popleft()
            if z not in self.lost:
                yield z, pixels

    def _all_lost(self, gap: range) -> bool:
        beside = (self._levels[gap.start - 1], self._levels[gap.stop])
        return all(_lost_between(self._levels[z], beside) for z in gap)

    def _burnt_end(self, z: int, beside: tuple[int, int]) -> bool:
        if self.lost.keys() & set(beside):
            return False
        channels = zip(self._levels[z], *(self._levels[other] for other in beside), strict=True)
        return any(_spread_wider(plane, others) for plane, *others in channels)


def _plane_levels(plane: Pixels) -> Levels:
    """Return the percentiles (C, 8) of each channel of a plane (C, Y, X); NaN where it has one value or none."""
    step = max(1, int(np.sqrt(plane.shape[-2] * plane.shape[-1] / SAMPLES)))
    return np.stack([_percentiles(channel[::step, ::step].astype(np.float64)) for channel in plane])


def _percentiles(pixels: NDArray[np.float64]) -> Levels:
    values = pixels[np.isfinite(pixels)]
    if values.size == 0 or values.min() == values.max():
        return np.full(len(PERCENTILES), np.nan)
    return np.percentile(values, PERCENTILES)


def _lost_between(plane: Levels, beside: tuple[Levels, Levels]) -> bool:
    """Return whether a plane (C, 8) is lost in any channel, to judge from the planes before and after."""
    return any(_dropped_or_burnt(own, others) for own, *others in zip(plane, *beside, strict=True))


def _dropped_or_burnt(plane: Levels, beside: Sequence[Levels]) -> bool:
    if np.isnan(beside).any():
        return False
    if np.isnan(plane).any() or plane[BRIGHT] < min(other[DARK] for other in beside):
        return True
    clear = max(max(FLASH * (n[MIDDLE] - n[DARK]), FLASH_SHARE * (n[BRIGHT] - n[MIDDLE])) for n in beside)
    return bool(plane[DARK] > max(n[MIDDLE] for n in beside) + clear) or _spread_wider(plane, beside)


def _spread_wider(plane: Levels, beside: Sequence[Levels]) -> bool:
    """Return whether a plane looks as those beside do with more light: background, noise and cells, all together."""
    if np.isnan(plane).any() or np.isnan(beside).any() or any(n[MORE] <= n[DARK] for n in beside):
        return False
    wider = np.diff(plane) >= GAIN * np.diff(beside).max(axis=0)
    saturated = plane[1:] == plane[BRIGHT]
    return bool((wider | saturated).all() and wider[:MORE].any())


def bridge(
    z: int, between: tuple[int, int], before: NDArray[np.generic], after: NDArray[np.generic]
) -> NDArray[np.float32]:
    """Return what plane ``z`` may have shown, from the planes before and after (K, Y, X); at an end they are one."""
    first, last = between
    share = np.float32((z - first) / (last - first) if last > first else 1)
    return before.astype(np.float32) * (1 - share) + after.astype(np.float32) * share


def describe_lost(lost: Collection[int], *, bridged: bool) -> tuple[str, ...]:
    """Return what became of lost planes (from 0), as sentences; none without any."""
    if not lost:
        return ()
    which = ", ".join(str(z + 1) for z in sorted(lost))
    planes, them = (f"Plane {which} is", "it") if len(lost) == 1 else (f"Planes {which} are", "them")
    cells = "cells there are bridged from the planes beside, and " if bridged else ""
    return (f"{planes} dropped or burnt: {cells}range, projection and intensities leave {them} out",)
