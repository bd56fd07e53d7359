"""Square crops of a plane round a point, mirrored where they reach beyond its edges as training crops are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.model_package import ModelSpec


def crop_round(pixels: NDArray[np.generic], y: int, x: int, side: int) -> NDArray[np.generic]:
    """Return the pixels (C, side, side) of (C, Y, X) round (y, x), which lands on pixel ``side // 2`` of both axes."""
    top, left = y - side // 2, x - side // 2
    if top >= 0 and left >= 0 and top + side <= pixels.shape[1] and left + side <= pixels.shape[2]:
        return pixels[:, top : top + side, left : left + side]
    rows, columns = (_mirrored(start, side, n) for start, n in zip((top, left), pixels.shape[1:], strict=True))
    return pixels[:, rows[:, None], columns]


def _mirrored(start: int, count: int, length: int) -> NDArray[np.intp]:
    """Return the indices of ``count`` pixels from ``start`` on, of an axis that is mirrored at its ends for ever."""
    there = np.arange(start, start + count) % (2 * length)
    return np.minimum(there, 2 * length - 1 - there)


def into_middle(pixels: NDArray[np.generic], tile: int) -> tuple[NDArray[np.generic], tuple[int, int]]:
    """Return a square crop (C, tile, tile) with an image (C, Y, X) in its middle, and where the image begins in it."""
    height, width = pixels.shape[1:]
    return crop_round(pixels, height // 2, width // 2, tile), (tile // 2 - height // 2, tile // 2 - width // 2)


def check_middle(shape: tuple[int, ...], spec: ModelSpec) -> None:
    """Raise ImageValueError if an image (…, Y, X), resized for a model of masks, is larger than the crop it takes."""
    height, width = shape[-2:]
    if max(height, width) > spec.tile:
        choose = "choose a model that finds cells, and this one to outline them"
        raise ImageValueError(
            f"model {spec.name} outlines the one cell in the middle of an image of at most {spec.tile} px, and this "
            f"one has {width} × {height} px",
            remedy=choose,
            command=f"{choose} (--outline)",
        )
