"""Arrays that may be larger than the free memory: then they lie in a temporary file, which goes with the array."""

from __future__ import annotations

import math
import mmap
import tempfile
import weakref
from collections.abc import Iterator
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
BAND_BYTES = 2**26  # read or written between two times that pages are given back
ALWAYS_FITS = 2**25  # bytes; asking how much is free takes half as long as reading a small plane

_mapped: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()  # the temporary files


def allocate(shape: tuple[int, ...], dtype: type[S] | np.dtype[S], *, zeros: bool = True) -> NDArray[S]:
    """Return zeros, in memory if they are few and enough is free, else in a temporary file that goes with the array.

    Where ``zeros`` are not needed, it may hold anything.
    """
    nbytes = np.dtype(dtype).itemsize * math.prod(shape)
    if nbytes <= ALWAYS_FITS or (_fits_in_memory(nbytes) and (nbytes <= MOST_IN_MEMORY or not _fits_on_disk(nbytes))):
        return np.zeros(shape, dtype) if zeros else np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="cellvino-") as file:
        array = np.memmap(file, dtype, "w+", shape=shape)
    assert isinstance(array.base, mmap.mmap)
    _mapped.add(array.base)
    return array


def is_in_temporary_file(array: NDArray[np.generic]) -> bool:
    """Return whether an array is all of one that `allocate` put into a temporary file."""
    base = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap) and base in _mapped and len(base) == array.nbytes


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


def in_bands(array: NDArray[np.generic], step: int = 1) -> Iterator[slice]:
    """Yield the parts of the first axis of an array, from first to last, of at most `BAND_BYTES` or ``step`` each.

    All but the last are multiples of ``step`` long. Where there are several, pages are given back after each: a pass
    over a large array holds no more than a band.
    """
    length = len(array)
    at_once = max(1, BAND_BYTES * length // max(array.nbytes, 1) // step) * step
    for first in range(0, length, at_once):
        yield slice(first, first + at_once)
        if at_once < length:
            give_back_pages()


def copied(array: NDArray[np.generic], dtype: type[S] | np.dtype[S]) -> NDArray[S]:
    """Return a copy of an array of at least one axis in a type; see `allocate`."""
    out = allocate(array.shape, dtype, zeros=False)
    for part in in_bands(array):
        np.copyto(out[part], array[part], casting="unsafe")
    return out
