"""Places at even distances, where a few of many are looked at."""

from __future__ import annotations

import numpy as np


def spread_over(count: int, most: int) -> list[int]:
    """Return at most ``most`` of the numbers from 0 to ``count`` - 1 at even distances, with the first and the last."""
    if count < 1:
        return []
    return [int(number) for number in np.unique(np.linspace(0, count - 1, min(most, count)).astype(int))]
