"""Round numbers for the axes of plots."""

from __future__ import annotations

import math

ROUND = (1, 2, 5, 10)
SHORTENED = ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e5, 1e3, "k"))  # from, counted in, sign


def round_step(at_least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not less than ``at_least``, which is above 0."""
    power = 10.0 ** math.floor(math.log10(at_least))
    return next(step * power for step in ROUND if step * power >= at_least * (1 - 1e-9))


def round_ticks(low: float, high: float, *, most: int = 6, whole: bool = False) -> tuple[float, ...]:
    """Return evenly spaced round numbers from at most ``low`` to at least ``high``.

    There are about ``most`` of them; 0 is one where they are of both signs. Where ``low`` and ``high`` are the same
    number, that and 0 are among them; ``whole`` leaves fractions out.
    """
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0) if high else 1.0
    step = round_step((high - low) / most)
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step * (1 + 1e-12)), math.ceil(high / step * (1 - 1e-12))
    return tuple(step * n for n in range(first, last + 1))


def tick_texts(ticks: tuple[float, ...]) -> tuple[str, ...]:
    """Return ticks as text with equal decimals: ``0.0 0.5 1.0``, ``0 5,000 10,000``, ``0 2M 4M``."""
    step, highest = ticks[1] - ticks[0], max(map(abs, ticks))
    if highest < 1e-4:
        return tuple(f"{tick:g}" for tick in ticks)
    factor, sign = next(((unit, sign) for least, unit, sign in SHORTENED if highest >= least), (1.0, ""))
    decimals = max(0, -math.floor(math.log10(step / factor) + 1e-9))
    return tuple(f"{tick / factor:,.{decimals}f}{sign if tick else ''}" for tick in ticks)
