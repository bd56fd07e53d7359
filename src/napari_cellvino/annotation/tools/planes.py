"""Fill missing planes of an object between two planes that have it.

References
----------
Raya & Udupa 1990, "Shape-based interpolation of multidimensional objects": the signed distance to the outline is
interpolated between planes. Outlines are first aligned by their centroids, so that objects that shift from plane to
plane are interpolated too.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.tools.single_object import Mask, edit_mask, extract_object
from napari_cellvino.core.errors import EditError

Distance = NDArray[np.float64]


def fill_planes(annotation: Annotation, id_: int) -> Edit:
    """Return the edit that interpolates an object in every missing plane between its first and its last one.

    Raises
    ------
    EditError
        If the image is not a z-stack, no plane is missing, or other cells fill the planes.
    """
    if len(annotation.shape) == 2:
        raise EditError("this image has one plane; planes are filled in z-stacks")
    single = extract_object(annotation, id_, margin=1)
    drawn = np.flatnonzero(single.own.any(axis=tuple(range(1, single.own.ndim)))).tolist()
    gaps = [(a, b) for a, b in pairwise(drawn) if b > a + 1]
    if not gaps:
        raise EditError(f"#{id_} misses no plane between its first and its last one")
    mask = single.own.copy()
    for first, last in gaps:
        for plane in range(first + 1, last):
            mask[plane] = interpolate_mask(single.own[first], single.own[last], (plane - first) / (last - first))
    return edit_mask(annotation, f"Fill planes of #{id_}", single, mask)


def interpolate_mask(a: Mask, b: Mask, share: float) -> Mask:
    """Return the mask (Y, X), or (Z, Y, X), at ``share`` (0 to 1) between two masks, neither of which is empty."""
    centre_a, centre_b = np.argwhere(a).mean(axis=0), np.argwhere(b).mean(axis=0)
    step = centre_b - centre_a
    mixed = (1 - share) * _shifted_distance(a, share * step) + share * _shifted_distance(b, (share - 1) * step)
    return np.asarray(mixed > 0, bool)


def _shifted_distance(mask: Mask, by: Distance) -> Distance:
    """Return the signed distance (px) to the outline of a mask shifted by (y, x) px, positive inside."""
    framed, inner = np.pad(mask, 1), (slice(1, -1),) * mask.ndim
    inside, outside = (ndi.distance_transform_edt(m)[inner] for m in (framed, ~framed))
    signed = np.where(mask, inside - 0.5, 0.5 - outside)
    return np.asarray(ndi.shift(signed, by, order=1, mode="nearest"), np.float64)
