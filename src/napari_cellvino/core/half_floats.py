"""Maps of networks are kept as float16, which processors and NumPy convert one by one.

There are only 65,536 of them: to look each up takes a fifth of the time.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def as_singles(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return values as float32; the very array where they are."""
    if values.dtype == np.float16:
        return single_halves().take(values.view(np.uint16), mode="clip")
    return values.astype(np.float32, copy=False)


def as_rounded(halves: NDArray[np.float16]) -> NDArray[np.int32]:
    """Return the nearest whole numbers of finite float16, the even one of two as near."""
    return rounded_halves().take(halves.view(np.uint16), mode="clip")


@lru_cache(maxsize=1)
def single_halves() -> NDArray[np.float32]:
    """Return every float16 as float32, in the order of their bits as uint16."""
    return np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)


@lru_cache(maxsize=1)
def rounded_halves() -> NDArray[np.int32]:
    """Return the nearest whole number of every float16, in the order of their bits as uint16."""
    with np.errstate(invalid="ignore"):  # infinity and NaN are no numbers of pixels
        return np.rint(single_halves()).astype(np.int32)
