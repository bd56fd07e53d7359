"""What the centre-offset network is taught: foreground, and for each pixel the way to the centre of its cell.

References
----------
Neven et al. 2019, "Instance segmentation by jointly optimizing spatial embeddings and clustering bandwidth";
Cheng et al. 2020, "Panoptic-DeepLab" (centre regression by offsets).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi


@dataclass(frozen=True, slots=True)
class Targets:
    """Maps of one crop, all (Y, X): foreground 0/1, offsets in px, diameter of the own object in px, pixel weight."""

    foreground: NDArray[np.float32]
    offset_yx: NDArray[np.float32]  # (2, Y, X): centre minus pixel
    diameter: NDArray[np.float32]
    weight: NDArray[np.float32]


def make_targets(labels: NDArray[np.integer], *, border_weight: float = 4.0) -> Targets:
    """Return the targets of a label image (Y, X); pixels between touching objects weigh ``border_weight``."""
    ids, flat = np.unique(labels, return_inverse=True)
    index = flat.reshape(labels.shape)
    if ids[0] != 0:  # no background in this crop: keep index 0 for it all the same
        index = index + 1
    ys, xs = np.nonzero(index)
    own = index[ys, xs]
    count = np.maximum(np.bincount(own, minlength=index.max() + 1), 1)
    centre = np.stack([np.bincount(own, w, minlength=len(count)) / count for w in (ys, xs)])
    centre = _pull_inside(centre, ys, xs, own)
    offset = np.zeros((2, *labels.shape), np.float32)
    offset[0, ys, xs] = centre[0, own] - ys
    offset[1, ys, xs] = centre[1, own] - xs
    diameter = np.ones(labels.shape, np.float32)
    diameter[ys, xs] = np.sqrt(4 / np.pi * count[own])
    weight = np.where(_between_objects(index), np.float32(border_weight), np.float32(1))
    return Targets((index > 0).astype(np.float32), offset, diameter, weight)


def _pull_inside(
    centre: NDArray[np.float64], ys: NDArray[np.intp], xs: NDArray[np.intp], own: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return centres moved to the object's pixel nearest to its centroid (so that bent cells keep theirs inside)."""
    far = (ys - centre[0, own]) ** 2 + (xs - centre[1, own]) ** 2
    order = np.lexsort((far, own))
    first = order[np.unique(own[order], return_index=True)[1]]
    moved = centre.copy()
    outside = far[first] > 1.0
    moved[:, own[first[outside]]] = np.stack([ys[first[outside]], xs[first[outside]]])
    return moved


def _between_objects(index: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return where two different objects lie within two pixels."""
    high = ndi.maximum_filter(index, size=3)
    low = ndi.minimum_filter(np.where(index == 0, index.max() + 1, index), size=3)
    return np.asarray((high > 0) & (low <= index.max()) & (high != low))
