"""How far the whole field moved between two frames, by phase correlation of where cells are.

It is taken from the outlines, not from the picture: dirt on the camera stays where it is while the stage moves. The
shift is believed where cells then cover each other much better than they do without it.

References
----------
Kuglin and Hines 1975, "The phase correlation image alignment method".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.tracking.frame_cells import FrameCells, shared_pixels

BELIEVED = 1.5  # times better that cells must cover each other for a shift to be believed
FARTHEST = 0.25  # of the field, that it can be told to have moved
FINEST = 256  # px along an axis that the shift is sought in


def field_drift(before: FrameCells, after: FrameCells) -> NDArray[np.float64]:
    """Return how far the field moved, in px (D,): zero unless cells then cover each other much better."""
    none = np.zeros(before.dimensions)
    if before.shape != after.shape or not len(before) or not len(after):
        return none
    step = -(-max(before.shape) // FINEST)
    from skimage.registration import phase_cross_correlation

    found, _, _ = phase_cross_correlation(_coarse(after, step), _coarse(before, step), normalization=None)
    drift = np.asarray(found, np.float64) * step
    if not drift.any() or bool((np.abs(drift) > FARTHEST * np.asarray(before.shape)).any()):
        return none
    shifted, still = (shared_pixels(before, after, np.tile(d, (len(before), 1)))[2].sum() for d in (drift, none))
    return drift if shifted > BELIEVED * still else none


def _coarse(cells: FrameCells, step: int) -> NDArray[np.float32]:
    """Return where cells are, at every ``step``-th px."""
    axes = [np.arange(0, size, step) // cells.step for size in cells.shape]
    return (cells.thinned[np.ix_(*axes)] >= 0).astype(np.float32)
