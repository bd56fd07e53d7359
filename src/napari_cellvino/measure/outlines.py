"""What the outlines of a plane's objects are measured by, worked out once: the table and the doubts both need it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.label_runs import Integers, LabelRuns
from napari_cellvino.measure.convex_hull import hull_areas
from napari_cellvino.measure.runs import Runs, find_runs


@dataclass(frozen=True, slots=True)
class Outlines:
    """The runs of N objects, and the share of its convex hull that each one fills, ``solidity`` (N,)."""

    runs: Runs
    solidity: NDArray[np.float64]


def find_outlines(labels: Integers, ids: Integers, known: LabelRuns | None = None) -> Outlines:
    """Return the outlines of the objects ``ids`` (N,) in ``labels`` (Y, X), whose runs may be known.

    Raises
    ------
    ImageValueError
        If an object has no pixel in the label image.
    """
    runs = find_runs(labels, ids, known)
    return Outlines(runs, runs.total(runs.x1 - runs.x0) / hull_areas(runs))
