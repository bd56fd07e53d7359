"""Chains of 2D objects along z, and where chains of more than one cell are cut.

Two cells on top of each other overlap as much as one cell does, so overlap alone links them. They are separated at
minima of a weight along z (brightness times score): it rises towards the middle of a cell and falls between two cells,
where light is out of focus. The area was tried: it hardly dips, and a weight that includes it cuts worse.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.segmentation.stitch_z.slices import Slices

SMOOTHING = 0.7  # planes: a dip in a single plane is noise

Chain = list[int]  # rows of 2D objects, from the lowest plane up


def make_chains(successor: NDArray[np.intp]) -> list[Chain]:
    """Return all chains of rows, given the successor of each row (N,), -1 where a chain ends."""
    begins = np.ones(len(successor), bool)
    begins[successor[successor >= 0]] = False
    chains = []
    for row in np.flatnonzero(begins).tolist():
        chain = [row]
        while successor[chain[-1]] >= 0:
            chain.append(int(successor[chain[-1]]))
        chains.append(chain)
    return chains


def weights(slices: Slices) -> NDArray[np.float64]:
    """Return the weight of each 2D object (N,)."""
    bright = np.maximum(slices.brightness, 0).astype(np.float64)
    return bright * slices.score


def cut_chain(chain: Chain, weight: NDArray[np.float64], share: float) -> list[Chain]:
    """Return the parts of a chain, cut where its weight dips below ``share`` of the lower of the maxima around it."""
    if len(chain) < 3 or share <= 0:
        return [chain]
    return _cut(chain, scipy.ndimage.gaussian_filter1d(weight[chain], SMOOTHING, mode="nearest"), share)


def trim_chain(chain: Chain, weight: NDArray[np.float64], share: float) -> Chain:
    """Return a chain without the ends whose weight is below ``share`` of the range from its minimum to its maximum.

    Out-of-focus light makes cells look deeper than they are: a little in confocal stacks, very much in widefield
    stacks, where even the farthest planes show a cell. A share of the maximum alone was tried: no value suits both.
    """
    own = weight[chain]
    strong = np.flatnonzero(own >= own.min() + share * (own.max() - own.min()))
    return chain[strong[0] : strong[-1] + 1]


def _cut(chain: Chain, profile: NDArray[np.float64], share: float) -> list[Chain]:
    if len(chain) < 3:
        return [chain]
    left = np.maximum.accumulate(profile)[:-2]
    right = np.maximum.accumulate(profile[::-1])[::-1][2:]
    tops = np.minimum(left, right)
    depth = np.where(profile[1:-1] < tops, profile[1:-1] / np.maximum(tops, 1e-12), 1.0)
    lowest = int(depth.argmin()) + 1
    if depth[lowest - 1] >= share:
        return [chain]
    at = lowest + 1 if profile[lowest - 1] > profile[lowest + 1] else lowest  # the minimum goes to the heavier side
    return _cut(chain[:at], profile[:at], share) + _cut(chain[at:], profile[at:], share)
