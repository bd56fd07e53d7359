"""Whether a plane is a mask of its cells and no picture: label images lie in folders of images under any name.

In a mask, pixels side by side have one value but at outlines. Of 1,589 real images, 78 % of such pairs are alike at
most, of 741 label images 92 % and more. Pictures of few grey levels are as even as masks, but go from one level to
the next: of 294 real images dimmed to eight levels 25 were taken for masks before that was looked at, and none is now.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.85  # of the pairs of pixels side by side that are not 0
ROWS = 256  # that are looked at
ZEROS = 0.05  # of the pixels are background at least
NUMBERS = 10  # of cells, where they leave no background
LEVELS = (4, 64)  # of grey, in a dim picture; of three, or two, nothing tells it from classes
STEPWISE = 0.75  # of the changes from pixel to pixel go to the next level
FEWEST = 200  # pairs; a few spots on black may be alike by chance


def describe_mask(inputs: NDArray[np.generic]) -> tuple[str, ...]:
    """Return the question whether inputs (K, Y, X) are a mask; nothing where they look like a picture."""
    rows = inputs[0, :: max(1, inputs.shape[1] // ROWS)]
    left, right = rows[:, :-1], rows[:, 1:]
    both = (left != 0) & (right != 0)
    pairs = int(np.count_nonzero(both))
    if pairs < FEWEST:
        return ()
    alike = np.count_nonzero((left == right) & both) / pairs
    if alike < ALIKE or not _are_whole(rows) or not _has_background(rows) or _goes_in_steps(left, right):
        return ()
    return (
        f"is this a mask or a label image? {alike:.0%} of neighbouring pixels have one and the same value, and of a "
        "picture they do not: run the picture that it was made from, or bring the mask in with cellvino import",
    )


def _goes_in_steps(left: NDArray[np.generic], right: NDArray[np.generic]) -> bool:
    """Return whether values change from one level to the next, as in a dim picture of few grey levels.

    A cell of any number lies against the background: from 0 to its number is a step of many levels, but of the first.
    """
    levels, rank = np.unique(np.concatenate([left, right]), return_inverse=True)
    if not LEVELS[0] <= len(levels) <= LEVELS[1]:
        return False
    one, other = rank.reshape(2, -1)
    step = np.abs(one - other)
    return bool(np.count_nonzero(step == 1) > STEPWISE * np.count_nonzero(step))


def _has_background(values: NDArray[np.generic]) -> bool:
    """Return whether 0 is a background; cells that touch all over have numbers instead, and lines of 0 at most."""
    zeros = values.size - int(np.count_nonzero(values))
    return zeros >= ZEROS * values.size or (zeros > 0 and len(np.unique(values)) >= NUMBERS)


def _are_whole(values: NDArray[np.generic]) -> bool:
    return values.dtype.kind in "bui" or np.array_equal(values, np.rint(values.astype(np.float64)))
