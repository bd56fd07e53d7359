"""Hills of depth are cells: two are one where the saddle between them is nearly as deep as the lower top.

References
----------
Vincent 1993, "Morphological grayscale reconstruction in image analysis" (maxima not separated by a saddle).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label as connected_components
from skimage.morphology import local_maxima, reconstruction

SMOOTHING = 1.0  # px: pixel steps of an outline are no waists


def depth_inside(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the smoothed distance (px) of each pixel to the nearest pixel outside; 0 outside."""
    framed = np.pad(inside, 1)  # beyond the image counts as outside: else an image of foreground only has no depth
    depth = ndi.gaussian_filter(ndi.distance_transform_edt(framed)[1:-1, 1:-1].astype(np.float32), SMOOTHING)
    return np.where(inside, depth, np.float32(0))


def hills(depth: NDArray[np.float32], share: float, lowest: float = 0.0) -> NDArray[np.int32]:
    """Return one label per hill whose saddles to higher ones lie under a share (to 1) of its top.

    Tops that lie ``lowest`` or lower are no cells.
    """
    part = np.float32(share)
    levelled = reconstruction(depth * part, depth) if part < 1 else depth
    tops = local_maxima(levelled, connectivity=2) & (depth > lowest)
    return np.asarray(connected_components(tops, connectivity=2), np.int32)
