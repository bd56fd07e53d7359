"""Maps as a perfect network would give them, from discs with known places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.segmentation.raw_maps import RawMaps

FACTS = EngineInfo("CPU", Precision.EXACT, "f32", "none")


def raw_maps(maps: NDArray[np.float16], *, shape: tuple[int, int] | None = None, stride: int = 1) -> RawMaps:
    """Return maps (M, Y, X) as a run would, on a plane of ``shape`` that the network saw at ``stride`` times theirs."""
    seen = maps.shape[1] * stride, maps.shape[2] * stride
    return RawMaps(maps, FACTS, 256, 1, shape or seen, seen)


def perfect_maps(labels: NDArray[np.integer]) -> NDArray[np.float16]:
    """Return foreground and offsets to centroids, (3, Y, X), for a label image."""
    maps = np.zeros((3, *labels.shape), np.float16)
    for value in np.unique(labels[labels > 0]):
        ys, xs = np.nonzero(labels == value)
        maps[0, ys, xs] = 0.9
        maps[1, ys, xs] = ys.mean() - ys
        maps[2, ys, xs] = xs.mean() - xs
    return maps


def discs(shape: tuple[int, int], centres: Sequence[tuple[float, float]], radius: float) -> NDArray[np.int32]:
    """Return a label image of discs; a pixel of two discs belongs to the nearer centre."""
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    distance = np.stack([np.hypot(yy - y, xx - x) for y, x in centres])
    return np.where(distance.min(0) <= radius, distance.argmin(0) + 1, 0).astype(np.int32)


def grid(shape: tuple[int, int], pitch: float, *, jitter: float, seed: int) -> list[tuple[float, float]]:
    """Return jittered grid points that keep off the border."""
    rng = np.random.default_rng(seed)
    ys, xs = np.arange(pitch, shape[0] - pitch / 2, pitch), np.arange(pitch, shape[1] - pitch / 2, pitch)
    return [(y + rng.uniform(-jitter, jitter), x + rng.uniform(-jitter, jitter)) for y in ys for x in xs]
