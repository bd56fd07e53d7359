"""How one decoding differs from another: cells that came and went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.analysis.overlap import overlap

SAME = 0.5  # intersection over union above which two outlines are one cell


@dataclass(frozen=True, slots=True)
class Changes:
    """Numbers of cells that have no counterpart on the other side."""

    added: int = 0
    removed: int = 0


def compare_labels(old: NDArray[np.int32], new: NDArray[np.int32]) -> Changes:
    """Return how many objects of ``new`` are not in ``old`` and the reverse, for label images (Y, X) of one shape."""
    pairs = overlap(old, new)
    same = int((pairs.iou > SAME).sum())
    return Changes(added=len(pairs.predicted_area) - same, removed=len(pairs.true_area) - same)
