"""Labels that grow from their seeds along the cheapest paths of an image, as in the secondary objects of CellProfiler.

A step between two neighbouring pixels costs ``sqrt(difference² + (regularisation · length)²)``: paths avoid edges, and
with much regularisation only their length counts. Every pixel gets the label of the seed that it is reached from at
the least cost.

Cost and label share one integer, the cost in its upper bits, so that the minimum over all ways to a pixel carries the
label along. Rows are swept down and up, columns right and left, each as a whole, until nothing changes: that is the
exact solution. A heap pixel by pixel (`skimage.graph.MCP`) takes five times as long here.

References
----------
Jones, Carpenter and Golland 2005, "Voronoi-based segmentation of cells on image manifolds"; Weber et al. 2008,
"Parallel algorithms for approximation of distance maps on parametric surfaces" (sweeps by rows and columns).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

LABEL_BITS = 21
UNIT = 65536.0  # costs are counted in this part of a difference of 1
FAR = np.int64(1) << 61  # no path: twice as much is still an integer

Keys = NDArray[np.int64]


def propagate(
    seeds: NDArray[np.integer], image: NDArray[np.floating], allowed: NDArray[np.bool_], regularisation: float
) -> NDArray[np.int32]:
    """Return labels (Y, X): each pixel that is ``allowed`` and can be reached has the label of its nearest seed.

    Parameters
    ----------
    seeds
        (Y, X) labels from 1 to at most two million, 0 where there is none.
    image
        (Y, X) intensities, whose differences cost.
    allowed
        (Y, X) where labels may grow.
    regularisation
        What a pixel of length costs, beside a difference of 1.
    """
    keys = np.where(seeds > 0, seeds.astype(np.int64), FAR)
    open_ = allowed | (seeds > 0)
    vertical = _costs(image.astype(np.float32), open_, regularisation)
    horizontal = _costs(np.ascontiguousarray(image.T, np.float32), open_.T, regularisation)
    while True:
        before = keys.copy()
        keys = _swept(keys, vertical)
        keys = np.ascontiguousarray(_swept(np.ascontiguousarray(keys.T), horizontal).T)
        if np.array_equal(keys, before):
            break
    labels = (keys & ((1 << LABEL_BITS) - 1)).astype(np.int32)
    labels[keys >= FAR] = 0
    return labels


def _costs(image: NDArray[np.float32], open_: NDArray[np.bool_], regularisation: float) -> Keys:
    """Return the costs (Y - 1, 3, 2, X) of steps onto each row but the first from the one above, also upside down.

    The three come from the left, straight and from the right; one to the lower right costs the same back.
    """
    height, width = image.shape
    padded = np.pad(image, ((0, 0), (1, 1)), mode="edge")
    steps = np.empty((3, height - 1, width + 2), np.int64)
    for shift, step in enumerate(steps):
        difference = image[1:] - padded[:-1, shift : shift + width]
        length = regularisation**2 * (1 + (shift - 1) ** 2)
        step[:, 1:-1] = np.sqrt(difference * difference + np.float32(length)) * np.float32(UNIT)
        step[:, (0, -1)] = 0  # beyond the image there is no seed
    steps <<= LABEL_BITS
    costs = np.empty((height - 1, 3, 2, width), np.int64)
    closed = np.where(open_, np.int64(0), FAR)
    for shift in range(3):
        np.add(steps[shift, :, 1:-1], closed[1:], out=costs[:, shift, 0])
        np.add(steps[2 - shift, ::-1, shift : shift + width], closed[-2::-1], out=costs[:, shift, 1])
    return costs


def _swept(keys: Keys, costs: Keys) -> Keys:
    """Return the least keys after one sweep down the rows and one up, side by side."""
    height, width = keys.shape
    both = np.full((height, 2, width + 2), FAR)
    both[:, 0, 1:-1], both[:, 1, 1:-1] = keys, keys[::-1]
    three = np.moveaxis(sliding_window_view(both, width, axis=2), 2, 1)  # (Y, 3, 2, X), sees what the loop writes
    rows = both[:, :, 1:-1]
    ways, best = np.empty((3, 2, width), np.int64), np.empty((2, width), np.int64)
    for above, cost, here in zip(three[:-1], costs, rows[1:], strict=True):
        np.add(above, cost, out=ways)
        np.minimum.reduce(ways, axis=0, out=best)
        np.minimum(here, best, out=here)
    return np.minimum(rows[:, 0], rows[::-1, 1])
