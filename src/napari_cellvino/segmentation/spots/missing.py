"""Areas without data in images of spots: pixels without a value, and borders and seams of mosaics that hold one value.

They have no noise, and what stands out of none is not told. So they are filled with the image beside them, mirrored at
their edge, and what is found there is left out.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.bands import Image

SIDE = 11  # px: a square of one value so large is no chance, where most pixels have another one
LEAST_SHARE = 0.005  # of a plane, that is filled where it holds one value
MOST_SHARE = 0.5  # of a plane, beyond which its background was set to one value, or single photons are counted

Mask = NDArray[np.bool_]


def without_gaps(image: NDArray[np.generic]) -> tuple[Image, Mask | None]:
    """Return an image (Z, Y, X) as float32 with areas without data filled, and where they are (Z, Y, X); None: nowhere.

    A plane without any data becomes 0.
    """
    pixels = image.astype(np.float32)
    missing = np.stack([_missing(plane) for plane in pixels])
    if not missing.any():
        return pixels, None
    for plane, empty in zip(pixels, missing, strict=True):
        if empty.any():
            _fill(plane, empty)
    return pixels, missing


def _missing(plane: NDArray[np.float32]) -> Mask:
    """Return which pixels of a plane (Y, X) hold no data."""
    missing = ~np.isfinite(plane)
    if min(plane.shape) < SIDE:
        return missing
    steady = np.pad(plane[:, 1:] == plane[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    steady[1:] &= plane[1:] == plane[:-1]
    if steady.mean() < LEAST_SHARE:
        return missing
    wide = np.pad(steady, SIDE, mode="edge").astype(np.uint8)
    squares = scipy.ndimage.maximum_filter(scipy.ndimage.minimum_filter(wide, SIDE), SIDE)
    flat = squares[SIDE:-SIDE, SIDE:-SIDE] > 0
    return missing | flat if LEAST_SHARE <= flat.mean() <= MOST_SHARE else missing


def _fill(plane: NDArray[np.float32], empty: Mask) -> None:
    """Write what lies as far beyond the edge of an empty area (Y, X) as each of its pixels lies inside."""
    if empty.all():
        plane[:] = 0
        return
    nearest = scipy.ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
    at = np.array(np.nonzero(empty))
    there = 2 * nearest[:, *at] - at
    size = np.array(plane.shape)[:, None]
    there = np.where(there < 0, -there, np.where(there >= size, 2 * size - 2 - there, there)).clip(0, size - 1)
    known = np.flatnonzero(~empty)
    anywhere = known[np.random.default_rng(0).integers(len(known), size=at.shape[1])]
    from_ = np.where(empty[tuple(there)], anywhere, np.ravel_multi_index(tuple(there), plane.shape))
    plane[tuple(at)] = plane.reshape(-1)[from_]
