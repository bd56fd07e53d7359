"""News that long work yields; the thread and the progress bar belong to the caller."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Stage(Enum):
    """What long work is doing."""

    PREPARING = "preparing"
    INFERENCE = "inference"  # the network runs, with as much to do at every step


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` things called ``noun`` (planes read, tiles run)."""

    noun: str
    done: int
    total: int
    stage: Stage = Stage.PREPARING


def finish(work: Generator[T, None, R], tell: Callable[[T], object] = lambda news: None) -> R:
    """Run work to its end, passing each piece of news to ``tell``, and return its result."""
    while True:
        try:
            tell(next(work))
        except StopIteration as finished:
            result: R = finished.value
            return result
