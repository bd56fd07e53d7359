"""The rank-sum test of Mann and Whitney, by which wells at the rim of a plate are compared with those inside.

To import ``scipy.stats`` for that one number takes longer than to write every table of a plate.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FEW = 8  # values of the smaller sample up to which, without ties, the probability is counted out


def rank_sum_p(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return how probable it is that chance alone sets two samples (N,) and (M,) so far apart, one way or the other.

    The same number as ``scipy.stats.mannwhitneyu``: counted out where one sample is small and no two values are equal,
    else by the normal approximation with corrections for ties and continuity. 1 where all values are equal.

    References
    ----------
    Mann and Whitney, Ann. Math. Stat. 18 (1947) 50.
    """
    n, m = len(one), len(other)
    _, number, count = np.unique(np.concatenate([one, other]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[number]
    below = float(ranks[:n].sum()) - n * (n + 1) / 2
    larger = max(below, n * m - below)
    if min(n, m) <= FEW and (count == 1).all():
        return min(1.0, 2 * _share_from(round(larger), n, m))
    ties = float((count.astype(np.float64) ** 3 - count).sum()) / ((n + m) * (n + m - 1))
    spread = math.sqrt(n * m / 12 * (n + m + 1 - ties))
    return 1.0 if spread == 0 else min(1.0, math.erfc((larger - n * m / 2 - 0.5) / spread / math.sqrt(2)))


def _share_from(least: int, n: int, m: int) -> float:
    """Return the share of the orders of ``n`` and ``m`` different values in which at least so many pairs are in order.

    The numbers of orders by pairs are the coefficients of the product of (1 - q^(m + i)) / (1 - q^i), i from 1 to n.
    """
    few, many = sorted((n, m))
    ways = [1] + [0] * (n * m)
    for i in range(1, few + 1):
        for pairs in range(n * m, many + i - 1, -1):
            ways[pairs] -= ways[pairs - many - i]
        for pairs in range(i, n * m + 1):
            ways[pairs] += ways[pairs - i]
    return sum(ways[least:]) / math.comb(n + m, n)
