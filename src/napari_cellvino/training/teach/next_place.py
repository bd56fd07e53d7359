"""Where the next stroke would teach most: the view in which most pixels could be cell as well as background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

VIEW = 4.0  # cell diameters: side of a view
PAINTED_REACH = 1.0  # cell diameters round a stroke that need no other


@dataclass(frozen=True, slots=True)
class NextPlace:
    """A place (y, x) in px of the plane, the side of the view round it, and what a stroke there decides.

    ``unsure`` is the share of the view that could be cell as well as background, ``cells`` the number of cells in it.
    """

    y: int
    x: int
    side: int
    unsure: float
    cells: int


def next_place(
    foreground: NDArray[np.floating], labels: NDArray[np.integer], painted: NDArray[np.bool_], diameter_px: float
) -> NextPlace:
    """Return where to paint next on a plane.

    Parameters
    ----------
    foreground
        Probability of cell (y, x), at any size.
    labels, painted
        Label image, and where strokes lie (Y, X).
    diameter_px
        Of a typical cell, in px of the plane.
    """
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) * m / n).astype(np.intp), m - 1)
        for n, m in zip(labels.shape, foreground.shape, strict=True)
    )
    likely = foreground[np.ix_(rows, columns)].astype(np.float32)
    side = int(np.clip(VIEW * diameter_px, 8, min(labels.shape)))
    unsure = 4 * likely * (1 - likely)
    unsure[ndi.maximum_filter(painted, 1 + 2 * max(1, round(PAINTED_REACH * diameter_px)))] = 0
    share = ndi.uniform_filter(unsure, side, mode="constant")
    y, x = (int(n) for n in np.unravel_index(int(share.argmax()), share.shape))
    view = np.s_[max(0, y - side // 2) : y + side // 2 + 1, max(0, x - side // 2) : x + side // 2 + 1]
    return NextPlace(y, x, side, float(share[y, x]), len(np.unique(labels[view][labels[view] > 0])))
