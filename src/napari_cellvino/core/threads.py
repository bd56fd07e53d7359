"""Work on several things at a time, on threads: arrays are calculated with outside of Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Done = TypeVar("Done")

THREADS = min(4, os.cpu_count() or 1)


def together(work: Callable[[Given], Done], each: Iterable[Given]) -> list[Done]:
    """Return what ``work`` makes of each of some things, several at a time."""
    things = list(each)
    if len(things) < 2 or THREADS < 2:
        return [work(thing) for thing in things]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="cellvino-together") as pool:
        return list(pool.map(work, things))
