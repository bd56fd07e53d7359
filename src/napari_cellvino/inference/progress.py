"""News that long work yields; the thread and the progress bar belong to the caller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` things called ``noun`` (planes read, tiles run)."""

    noun: str
    done: int
    total: int
