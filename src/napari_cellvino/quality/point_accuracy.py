"""How well points that were found agree with true ones: one-to-one matches within a distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FAR = 1e6


@dataclass(frozen=True, slots=True)
class PointAccuracy:
    """Numbers of points that were found, that are true, and that are matched."""

    found: int
    true: int
    matched: int

    @property
    def f1(self) -> float:
        """Twice the matched over all points of both; 1 where there are none at all."""
        return 2 * self.matched / (self.found + self.true) if self.found + self.true else 1.0


def match_points(found: NDArray[np.floating], true: NDArray[np.floating], reach: float) -> PointAccuracy:
    """Return the agreement of points (N, D) with true ones (M, D); matches are at most ``reach`` apart."""
    if not len(found) or not len(true):
        return PointAccuracy(len(found), len(true), 0)
    distance = np.linalg.norm(found[:, None] - true[None], axis=2)
    cost = np.where(distance <= reach, distance, FAR)
    from scipy.optimize import linear_sum_assignment  # it takes half a second to import

    rows, columns = linear_sum_assignment(cost)
    return PointAccuracy(len(found), len(true), int((cost[rows, columns] < FAR).sum()))
