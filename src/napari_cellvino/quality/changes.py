"""Differences between two decodings: cells added and removed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.label_runs import LabelRuns
from napari_cellvino.quality.overlap import overlap
from napari_cellvino.segmentation.heads import Decoded
from napari_cellvino.segmentation.heads.box_overlap import overlaps

SAME = 0.5  # intersection over union above which two outlines, or two boxes, are one cell


@dataclass(frozen=True, slots=True)
class Changes:
    """Numbers of cells that have no counterpart on the other side."""

    added: int = 0
    removed: int = 0


def compare_cells(old: Decoded, new: Decoded) -> Changes:
    """Return how many cells of ``new`` are not in ``old`` and the reverse, in one plane: by outlines, or by boxes."""
    if old.labels is not None and new.labels is not None:
        return compare_labels(old.labels, new.labels, old.known_runs, new.known_runs)
    return compare_boxes(old.objects.box, new.objects.box)


def compare_kept(old: NDArray[np.bool_], new: NDArray[np.bool_]) -> Changes:
    """Return the changes between two selections (N,) of the same cells, none of which overlap."""
    return Changes(added=int((new & ~old).sum()), removed=int((old & ~new).sum()))


def compare_labels(
    old: NDArray[np.int32],
    new: NDArray[np.int32],
    old_runs: LabelRuns | None = None,
    new_runs: LabelRuns | None = None,
) -> Changes:
    """Return how many objects of ``new`` are not in ``old`` and the reverse, for label images (Y, X) of one shape.

    The runs of either may be known.
    """
    pairs = overlap(old, new, known=(old_runs, new_runs) if old_runs and new_runs else None)
    same = int((pairs.iou > SAME).sum())
    return Changes(added=len(pairs.predicted_area) - same, removed=len(pairs.true_area) - same)


def compare_boxes(old: NDArray[np.int32], new: NDArray[np.int32]) -> Changes:
    """Return how many boxes of ``new`` (N, 4) overlap none of ``old`` (M, 4) well, and the reverse."""
    pairs, iou = overlaps(np.concatenate([old, new]))
    close = pairs[iou > SAME]
    between = close[(close[:, 0] < len(old)) & (close[:, 1] >= len(old))]
    kept, met = (len(np.unique(side)) for side in between.T)
    return Changes(added=len(new) - met, removed=len(old) - kept)
