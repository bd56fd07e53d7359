"""What is odd in the times at which the frames of a film were taken, for formats that keep one per frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import mean, median_low

UNEVEN = 2.0  # times the usual time between frames, that one of them lasts
DIFFERS = 0.2  # of the time between frames that a file says, that its time stamps differ by


def times_warning(times: Sequence[float], interval_s: float | None = None) -> tuple[str, ...]:
    """Return a sentence on times of frames (s) that go back, stand still, are uneven or contradict ``interval_s``.

    Where all are the same, nothing was noted of them. ``interval_s`` is the time between frames that the file gives.
    """
    back = [n for n, (one, two) in enumerate(pairwise(times), 2) if two < one]
    still = [n for n, (one, two) in enumerate(pairwise(times), 2) if two == one]
    odd = back or still
    if len(still) == len(times) - 1:
        return ()
    if not odd:
        return _steps_warning([two - one for one, two in pairwise(times)], interval_s)
    more, do = f" and {len(odd) - 1} more" if len(odd) > 1 else "", "go back" if back else "stand still"
    return (
        f"the time stamps of the file {do} at frame {odd[0]}{more}: frames are taken in the order in which they "
        "stand, and the time between them may be wrong",
    )


def _steps_warning(steps: Sequence[float], interval_s: float | None) -> tuple[str, ...]:
    if not steps:
        return ()
    usual = mean(steps)
    if interval_s is not None and abs(usual / interval_s - 1) > DIFFERS:
        return (
            f"the file says a frame every {interval_s:g} s, and its time stamps are {usual:g} s apart: the first is "
            "taken, and speeds may be wrong",
        )
    if max(steps) <= UNEVEN * median_low(steps):
        return ()
    return (
        f"the time between frames is not even ({min(steps):g} to {max(steps):g} s): the mean, {usual:g} s, is taken "
        "for all of them, and speeds across the longest are wrong",
    )
