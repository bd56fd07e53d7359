"""What the network takes for spots in the planes of a stack, and goes on above or below: lumps of cells, not spots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.bands import Image
from napari_cellvino.segmentation.spots.look import LEAST_SEEN
from napari_cellvino.segmentation.spots.response import Sigma, spot_response_at

BEYOND = 2.5  # widths along z, where hardly anything of a spot is seen
GOES_ON = 0.7  # of the response, that what is no spot has there at least; of true spots 1 % do, in crowds 3 %


def ends_along_z(image: Image, at: NDArray[np.int64], sigma: Sigma) -> NDArray[np.bool_]:
    """Return which places (N, 3) of an image (Z, Y, X) respond less in planes farther off than a spot is deep.

    What does so on one side is enough: in crowds a spot may lie above another one. Where the stack ends before, the
    other side tells, or neither.
    """
    if sigma[0] <= 0 or not len(at):
        return np.ones(len(at), bool)
    across, step = (0.0, max(sigma[1], LEAST_SEEN), max(sigma[2], LEAST_SEEN)), max(2, round(BEYOND * sigma[0]))
    here, beyond = spot_response_at(image, at, across), np.full(len(at), np.inf)
    for away in (-step, step):
        there = at + np.array((away, 0, 0))
        inside = (there[:, 0] >= 0) & (there[:, 0] < len(image))
        beyond[inside] = np.minimum(beyond[inside], spot_response_at(image, there[inside], across))
    return np.asarray(~np.isfinite(beyond) | (beyond < GOES_ON * here))
