"""Square crops of a plane around a point; pixels beyond the edges are mirrored, as in training crops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.model_package import ModelSpec


def crop_around(pixels: NDArray[np.generic], y: int, x: int, side: int) -> NDArray[np.generic]:
    """Return the crop (C, side, side) of pixels (C, Y, X) with (y, x) at pixel ``side // 2`` of both axes."""
    top, left = y - side // 2, x - side // 2
    if top >= 0 and left >= 0 and top + side <= pixels.shape[1] and left + side <= pixels.shape[2]:
        return pixels[:, top : top + side, left : left + side]
    rows, columns = (_mirrored_indices(start, side, n) for start, n in zip((top, left), pixels.shape[1:], strict=True))
    return pixels[:, rows[:, None], columns]


def _mirrored_indices(start: int, count: int, length: int) -> NDArray[np.intp]:
    """Return the indices of ``count`` pixels from ``start`` on, along an axis mirrored at both ends without limit."""
    indices = np.arange(start, start + count) % (2 * length)
    return np.minimum(indices, 2 * length - 1 - indices)


def centre_in_tile(pixels: NDArray[np.generic], tile: int) -> tuple[NDArray[np.generic], tuple[int, int]]:
    """Return a crop (C, tile, tile) with an image (C, Y, X) at its centre, and the image's first pixel (y, x) in it."""
    height, width = pixels.shape[1:]
    return crop_around(pixels, height // 2, width // 2, tile), (tile // 2 - height // 2, tile // 2 - width // 2)


def check_fits_tile(shape: tuple[int, ...], spec: ModelSpec) -> None:
    """Raise ImageValueError if an image (…, Y, X), resized for a mask model, is larger than the model's crop."""
    height, width = shape[-2:]
    if max(height, width) > spec.tile:
        choose = "choose a model that finds cells, and this one to outline them"
        raise ImageValueError(
            f"model {spec.name} outlines the one cell in the middle of an image of at most {spec.tile} px, and this "
            f"one has {width} × {height} px",
            remedy=choose,
            command=f"{choose} (--outline)",
        )
