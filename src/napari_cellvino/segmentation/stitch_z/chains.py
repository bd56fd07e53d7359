"""Chains of 2D objects along z, and where they are cut since they hold more than one cell.

Two cells that lie on each other overlap as well as one cell does, so overlap alone joins them. What parts them is a
waist along z: at each plane a chain has a weight (brightness times score), which rises towards the middle of a cell and
falls between two, where light is out of focus. The area was tried: it hardly dips, and a weight with it cuts worse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.segmentation.stitch_z.slices import Slices

SMOOTHING = 0.7  # planes: a dip in a single plane is noise

Chain = list[int]  # rows of 2D objects, from the lowest plane up


def make_chains(following: NDArray[np.intp]) -> list[Chain]:
    """Return every chain of rows that follow each other, given the row each goes on as (N,), -1 where it ends."""
    begins = np.ones(len(following), bool)
    begins[following[following >= 0]] = False
    chains = []
    for row in np.flatnonzero(begins).tolist():
        chain = [row]
        while following[chain[-1]] >= 0:
            chain.append(int(following[chain[-1]]))
        chains.append(chain)
    return chains


def weights(slices: Slices) -> NDArray[np.float64]:
    """Return the weight of each 2D object (N,)."""
    bright = np.maximum(slices.brightness, 0).astype(np.float64)
    return bright * slices.score


def cut_chain(chain: Chain, weight: NDArray[np.float64], share: float) -> list[Chain]:
    """Return the parts of a chain, cut wherever its weight dips below ``share`` of the lower of the tops beside it."""
    if len(chain) < 3 or share <= 0:
        return [chain]
    return _cut(chain, ndi.gaussian_filter1d(weight[chain], SMOOTHING, mode="nearest"), share)


def trim_chain(chain: Chain, weight: NDArray[np.float64], share: float) -> Chain:
    """Return a chain without the ends whose weight is below ``share`` of the way from its lowest to its highest.

    Light from out of focus makes cells deeper than they are: a little in confocal stacks, very much in widefield ones,
    where even the planes farthest from a cell show it. A share of the highest alone was tried: what trims the one
    well leaves the other as it is.
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
    at = lowest + 1 if profile[lowest - 1] > profile[lowest + 1] else lowest  # the waist goes to the heavier side
    return _cut(chain[:at], profile[:at], share) + _cut(chain[at:], profile[at:], share)
