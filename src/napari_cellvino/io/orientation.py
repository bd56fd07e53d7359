"""How stored pixels are turned to be shown: tag 274 of TIFF and of EXIF, which cameras and phones write."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ORIENTATION = 274
FIRST_ON_ITS_SIDE = 5  # from here on rows are stored as columns
_TOP_DOWN = {1, 2, 5, 6}  # orientations whose first row, once upright, is at the top
_LEFT_RIGHT = {1, 4, 5, 8}  # and whose first column is at the left


def apply_orientation(pixels: NDArray[np.generic], orientation: int, *, rows: int = 0) -> NDArray[np.generic]:
    """Return stored pixels, of which dimension ``rows`` and the next are rows and columns, as they are to be shown.

    Parameters
    ----------
    pixels
        Array of two dimensions or more.
    orientation
        1 (as stored) to 8; any other number is that of no orientation, and changes nothing.
    rows
        The dimension of rows; columns follow.
    """
    if orientation not in range(2, 9):
        return pixels
    upright = pixels.swapaxes(rows, rows + 1) if orientation >= FIRST_ON_ITS_SIDE else pixels
    steps = (1 if orientation in flipped else -1 for flipped in (_TOP_DOWN, _LEFT_RIGHT))
    return upright[(slice(None),) * rows + tuple(slice(None, None, step) for step in steps)]
