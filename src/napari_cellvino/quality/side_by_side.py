"""Two results of the same pixels compared: which cells are in both, and which in one of them only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.quality.accuracy import match_field
from napari_cellvino.quality.overlap import overlap

SAME = 0.5  # intersection over union of a cell that is in both, at least

Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ResultComparison:
    """Numbers of cells of two results, the ids of those in one only, and the F1 of one against the other.

    ``f1`` is at an IoU of 1/2, the same from either side; 1 where both are empty.
    """

    first: int
    second: int
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]

    @property
    def both(self) -> int:
        """Number of cells that both have."""
        return self.first - len(self.only_first)

    @property
    def f1(self) -> float:
        """F1 of one against the other."""
        total = self.first + self.second
        return 2 * self.both / total if total else 1.0


def compare_labels(first: Labels, second: Labels) -> ResultComparison:
    """Return how two label images (Y, X) or (Z, Y, X) of one shape differ.

    Raises
    ------
    ImageValueError
        If the shapes differ.
    """
    match_field(first, second)  # checks the shapes
    pairs = overlap(first, second)
    ids = [np.unique(labels[labels > 0]) for labels in (first, second)]
    same = pairs.iou >= SAME
    taken: list[NDArray[np.bool_]] = [np.zeros(len(one), bool) for one in ids]
    order = np.flatnonzero(same)[np.argsort(-pairs.iou[same], kind="stable")]
    for pair in order.tolist():
        a, b = int(pairs.true_row[pair]), int(pairs.predicted_row[pair])
        if not taken[0][a] and not taken[1][b]:
            taken[0][a] = taken[1][b] = True
    only = [tuple(one[~held].tolist()) for one, held in zip(ids, taken, strict=True)]
    return ResultComparison(len(ids[0]), len(ids[1]), only[0], only[1])
