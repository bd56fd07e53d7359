"""Whether jobs may be begun now: hours, schedule, free disk, and other work on the computer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psutil

from napari_cellvino.service.rules import RuleBook

IDLE_LOOK_S = 1.0
BUSY_PERCENT = 25.0  # of all cores, taken by others: above it the computer is not idle


class StartGate:
    """Says why no job may be begun.

    Parameters
    ----------
    book
        Hours, schedule and limits.
    root
        The folder of results, whose disk must have room.
    clock
        Returns seconds since 1970.
    busy_percent
        Returns which share of all cores is at work, while no job runs.
    is_started
        Whether a time of the schedule had come before, and not everything that waited then is done.
    """

    def __init__(
        self,
        book: RuleBook,
        root: Path,
        clock: Callable[[], float],
        busy_percent: Callable[[], float] = lambda: psutil.cpu_percent(IDLE_LOOK_S),
        *,
        is_started: bool = False,
    ) -> None:
        self._book, self._root, self._clock, self._busy_percent = book, root, clock, busy_percent
        self._looked, self.is_started = clock(), is_started

    def why_not(self, *, paused: bool) -> str:
        """Return why no job may be begun now, or an empty text."""
        book = self._book
        if paused:
            return "paused; 'cellvino jobs resume' goes on"
        if not book.is_open(datetime.fromtimestamp(self._clock())):
            return f"outside the hours {book.hours}"
        if not self._has_started():
            return f"until the schedule {book.start!r} begins"
        place = next(p for p in (self._root, *self._root.absolute().parents) if p.exists())
        free = shutil.disk_usage(place).free / 1e9
        if free < book.keep_free_gb:
            return f"{self._root} has {free:.1f} GB free, and {book.keep_free_gb:g} GB are to be kept free"
        if book.only_when_idle and self._busy_percent() > BUSY_PERCENT:
            return "the computer is busy with other work"
        return ""

    def close(self) -> None:
        """Take note that nothing waits any more: the schedule begins again at its next time."""
        self.is_started = False

    def _has_started(self) -> bool:
        """Return whether a time of the schedule has come since everything that waited was done."""
        before, self._looked = self._looked, self._clock()
        times = datetime.fromtimestamp(before), datetime.fromtimestamp(self._looked)
        self.is_started = self.is_started or self._book.starts_between(*times)
        return self.is_started
