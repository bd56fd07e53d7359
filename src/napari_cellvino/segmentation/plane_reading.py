"""The planes of a stack one by one; the next plane is read while the current one is processed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Stack
from napari_cellvino.storage.large_arrays import allocate, is_in_temporary_file


def read_ahead(
    stack: Stack,
    frame: int,
    numbers: Sequence[int],
    channels: Sequence[int] | None = None,
    *,
    as_stored: bool = False,
) -> Iterator[NDArray[np.generic]]:
    """Yield the channels (C, Y, X), all by default, of the planes ``numbers`` at ``frame``; all counted from 0.

    One plane is read ahead, on a thread: at most two are in memory beside the one yielded. Boolean pixels become 0
    and 1 (uint8). With ``as_stored`` colours may lie beside each other, as they do in files: X is not the fastest axis
    then, and telling them apart takes as long as all else that reading does.
    """
    wanted = range(stack.shape.c) if channels is None else channels
    read = _read_as_stored if as_stored and channels is None else _read
    if len(numbers) == 1:
        yield read(stack, frame, numbers[0], wanted)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="cellvino-reading") as pool:
        pending = pool.submit(read, stack, frame, numbers[0], wanted)
        for number in numbers[1:]:
            plane = pending.result()
            pending = pool.submit(read, stack, frame, number, wanted)
            yield plane
        yield pending.result()


def _read_as_stored(stack: Stack, t: int, z: int, channels: Sequence[int]) -> NDArray[np.generic]:
    pixels = stack.colours(t=t, z=z)
    return _read(stack, t, z, channels) if pixels is None or pixels.dtype == bool else pixels


def _read(stack: Stack, t: int, z: int, channels: Sequence[int]) -> NDArray[np.generic]:
    planes = [stack.plane(t=t, c=c, z=z) for c in channels]
    if len(planes) == 1 and planes[0].dtype != bool and is_in_temporary_file(planes[0]):
        return planes[0][None]  # it was read for us alone, and is too large to be copied for nothing
    out = allocate((len(planes), *planes[0].shape), np.result_type(*planes), zeros=False)
    pixels = np.stack(planes, out=out)
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels


def smooth_along_z(planes: Iterable[NDArray[np.generic]], sigma: float) -> Iterator[NDArray[np.generic]]:
    """Yield each plane smoothed along z, float32: a Gaussian of ``sigma`` planes, truncated at two sigma.

    The first and the last plane are repeated beyond the ends. With ``sigma`` 0 planes are unchanged.
    """
    reach = ceil(2 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-6)) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    window: deque[NDArray[np.generic]] = deque(maxlen=2 * reach + 1)
    for plane in _extend_ends(planes, reach):
        window.append(plane)
        if len(window) == 2 * reach + 1:
            yield plane if reach == 0 else _weighted_mean(window, weights)


def _weighted_mean(window: Iterable[NDArray[np.generic]], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = np.zeros(next(iter(window)).shape, np.float32)
    for weight, plane in zip(weights, window, strict=True):
        mean += weight * np.nan_to_num(plane.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return mean


def _extend_ends(planes: Iterable[NDArray[np.generic]], reach: int) -> Iterator[NDArray[np.generic]]:
    """Yield the planes, with the first and the last one repeated ``reach`` times more."""
    pending = iter(planes)
    plane = next(pending)
    yield from [plane] * (reach + 1)
    for plane in pending:
        yield plane
    yield from [plane] * reach
