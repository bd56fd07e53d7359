"""Arrays that may be larger than the free memory: then they lie in a temporary file, which goes with the array."""

from __future__ import annotations

import math
import mmap
import tempfile
import weakref
from typing import TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

S = TypeVar("S", bound=np.generic)

IN_MEMORY_SHARE = 0.3  # of the free memory; larger arrays go into a temporary file
MOST_IN_MEMORY = 2**28  # bytes; a plane of 20,000² px has several larger arrays, which would add up to 5 GB
ON_DISK_SHARE = (
    0.2  # of the free room for temporary files: several arrays share it, and none takes it before it is full
)
ALWAYS_FITS = 2**25  # bytes; asking how much is free takes half as long as reading a small plane

_mapped: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()  # the temporary files


def allocate(shape: tuple[int, ...], dtype: type[S] | np.dtype[S]) -> NDArray[S]:
    """Return zeros, in memory if they are few and enough is free, else in a temporary file that goes with the array."""
    nbytes = np.dtype(dtype).itemsize * math.prod(shape)
    if nbytes <= ALWAYS_FITS or (_fits_in_memory(nbytes) and (nbytes <= MOST_IN_MEMORY or not _fits_on_disk(nbytes))):
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="cellvino-") as file:
        array = np.memmap(file, dtype, "w+", shape=shape)
    assert isinstance(array.base, mmap.mmap)
    _mapped.add(array.base)
    return array


def give_back_pages() -> None:
    """Let what was read and written of arrays in temporary files leave the memory of this process.

    The system would keep it there until memory is short, which counts as ours. All is read again when it is asked for;
    called after each band of a large image, what is held does not grow with it. Windows does so by itself.
    """
    if hasattr(mmap, "MADV_DONTNEED"):
        for mapped in tuple(_mapped):
            mapped.madvise(mmap.MADV_DONTNEED)


def _fits_in_memory(nbytes: int) -> bool:
    return nbytes <= IN_MEMORY_SHARE * psutil.virtual_memory().available


def _fits_on_disk(nbytes: int) -> bool:
    return nbytes <= ON_DISK_SHARE * psutil.disk_usage(tempfile.gettempdir()).free


def copied(array: NDArray[np.generic], dtype: type[S] | np.dtype[S]) -> NDArray[S]:
    """Return a copy of an array in a type; see `allocate`."""
    out = allocate(array.shape, dtype)
    np.copyto(out, array, casting="unsafe")
    return out
