"""Groups of things that pairs link, directly or over others.

``scipy.sparse.csgraph`` finds them as fast, but importing it takes a tenth of the start of a run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.intp]


def linked_groups(count: int, one: Numbers, other: Numbers) -> NDArray[np.int32]:
    """Return the group (from 0, in the order of their first things) of each of ``count`` things.

    Pairs of ``one`` and ``other`` (P,) are linked. A thing stands for its group that no link says to be another one's:
    in each turn, of two linked groups the later one joins the earlier.

    References
    ----------
    Shiloach and Vishkin 1982, "An O(log n) parallel connectivity algorithm".
    """
    first = np.arange(count)
    while True:
        one, other = first[one], first[other]
        apart = one != other
        one, other = one[apart], other[apart]
        if len(one) == 0:
            is_first = first == np.arange(count)
            return (np.cumsum(is_first, dtype=np.int32) - 1)[first]
        first[np.maximum(one, other)] = np.minimum(one, other)
        before = first[first]
        while (before != first).any():
            first, before = before, before[before]
