"""How far the whole field moved between two frames, by phase correlation of where cells are.

It is taken from the outlines, not from the picture: dirt on the camera stays where it is while the stage moves. Of
cells that are all whole in the field (a colony), the middle of all tells it too: side by side, rods look alike after a
step to the next one; not of cells in channels, which stay where they are while cells are pushed out. The shift is
believed where cells then cover each other much better than they do without it; marks in channels tell none.

References
----------
Kuglin and Hines 1975, "The phase correlation image alignment method".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.tracking.channels import find_channels
from napari_cellvino.tracking.frame_cells import FrameCells, covered_pixels

BELIEVED = 1.5  # times better that cells must cover each other for a shift to be believed
MOST, BETTER = 0.5, 1.15  # part of all cells from which on being so many times better is enough
FARTHEST = 0.25  # of the field, that it can be told to have moved
FINEST = 256  # px along an axis that the shift is sought in


def field_drift(before: FrameCells, after: FrameCells) -> NDArray[np.float64]:
    """Return how far the field moved, in px (D,): zero unless cells then cover each other much better."""
    none = np.zeros(before.dimensions)
    if before.shape != after.shape or not len(before) or not len(after):
        return none
    channels = find_channels(before)
    if channels is not None and before.are_marks:  # which cover each other by chance, a channel aside too
        return none
    colony = channels is None and not before.at_edge.any() and not after.at_edge.any()
    still = covered_pixels(before, after, none)
    most = float(np.count_nonzero(before.thinned >= 0) * before.step**before.dimensions)
    if most <= (BETTER if colony else BELIEVED) * still:  # no shift could be believed
        return none
    step = -(-max(before.shape) // FINEST)
    from skimage.registration import phase_cross_correlation

    found, _, _ = phase_cross_correlation(_coarse(after, step), _coarse(before, step), normalization=None)
    choices = [np.asarray(found, np.float64) * step]
    if colony:
        choices.append(np.rint(_middle(after) - _middle(before)))
    choices = [d for d in choices if d.any() and not (np.abs(d) > FARTHEST * np.asarray(before.shape)).any()]
    if not choices:
        return none
    drift = max((_refined(before, after, d, step) for d in choices), key=lambda d: covered_pixels(before, after, d))
    shared = covered_pixels(before, after, drift)
    surely = colony and shared > MOST * min(before.sizes.sum(), after.sizes.sum())
    return drift if shared > (BETTER if surely else BELIEVED) * still else none


def _refined(before: FrameCells, after: FrameCells, drift: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Return the shift near one, sought at every ``step``-th px, at which cells cover each other best."""
    while step > 1:
        step = -(-step // 2)
        near = [drift, *(drift + sign * step * axis for axis in np.eye(before.dimensions) for sign in (-1, 1))]
        best = max(near, key=lambda d: covered_pixels(before, after, d))
        if best is drift and step == 1:
            break
        drift = best
    return drift


def _middle(cells: FrameCells) -> NDArray[np.float64]:
    """Return the middle of all cells, by their sizes, in px (D,)."""
    return np.asarray(np.average(cells.centroids, axis=0, weights=cells.sizes))


def _coarse(cells: FrameCells, step: int) -> NDArray[np.float32]:
    """Return where cells are, at every ``step``-th px."""
    axes = [np.arange(0, size, step) // cells.step for size in cells.shape]
    return (cells.thinned[np.ix_(*axes)] >= 0).astype(np.float32)
