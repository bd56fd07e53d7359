"""Times that can be compared: what is compared runs in turn, so that a busy moment strikes all of it alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def alternate(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each call, run in turn; each is run once before, to warm up."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(seconds(call))
    return {name: statistics.median(taken) for name, taken in times.items()}


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
