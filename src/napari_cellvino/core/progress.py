"""Progress that long work yields; the thread and the progress bar belong to the caller."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
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


def finish(work: Generator[T, None, R], report: Callable[[T], object] = lambda item: None) -> R:
    """Run a generator to its end and return its result; each item that it yields is passed to ``report``."""
    with closing(work):  # where a report is interrupted, what the generator has to put in order is done now
        while True:
            try:
                report(next(work))
            except StopIteration as finished:
                result: R = finished.value
                return result
