"""Whether an image was compressed so strongly that squares of JPEG may be counted as cells.

Within a square hardly anything is left, so that values change most where squares meet (Wang, Bovik & Evans 2000, "Blind
measurement of blocking artifacts in images").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.resampling import JPEG_BLOCK

LARGEST_SIDE = 512  # px that are looked at
MOST_BETWEEN = 3.0  # fields of cells: at most 2 as they come; in quality 75 one of 38 has more, in 5 most do


def describe_strong_jpeg(inputs: NDArray[np.generic]) -> tuple[str, ...]:
    """Return what to say of inputs (K, Y, X) that hold little but squares of JPEG; else nothing."""
    if not any(all(blockiness(lines) > MOST_BETWEEN for lines in (plane, plane.T)) for plane in inputs):
        return ()
    return (
        f"This image was compressed so strongly (JPEG) that squares of {JPEG_BLOCK} px stand out of it and may be "
        "counted as cells: take images that were saved without loss",
    )


def blockiness(plane: NDArray[np.generic]) -> float:
    """Return how much more a plane (Y, X) changes along its rows where squares of JPEG meet than within them."""
    part = plane[:LARGEST_SIDE, :LARGEST_SIDE].astype(np.float32)
    if min(part.shape) < 2 * JPEG_BLOCK:
        return 1.0
    change = np.abs(np.diff(part, axis=1)).mean(axis=0, dtype=np.float64)
    between = np.arange(1, len(change) + 1) % JPEG_BLOCK == 0
    return float(change[between].mean() / max(change[~between].mean(), 1e-9)) if change.any() else 1.0
