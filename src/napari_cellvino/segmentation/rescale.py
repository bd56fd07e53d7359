"""Resizing of planes so that objects get a model's reference diameter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.transform import resize

from napari_cellvino.core.errors import OptionError
from napari_cellvino.model_package import ModelSpec

LARGEST_ZOOM = 16.0


def zoom_for(spec: ModelSpec, diameter_px: float | None) -> float:
    """Return the zoom factor that gives objects of a diameter (px) the model's reference diameter.

    None stands for the diameter that the model assumes; if it assumes none, the factor is 1.

    Raises
    ------
    OptionError
        If the factor is outside 1/16 to 16.
    """
    diameter = diameter_px or spec.diameter_px.assumed
    if diameter is None:
        return 1.0
    factor = spec.diameter_px.reference / diameter
    if not 1 / LARGEST_ZOOM <= factor <= LARGEST_ZOOM:
        low, high = (spec.diameter_px.reference / f for f in (LARGEST_ZOOM, 1 / LARGEST_ZOOM))
        raise OptionError(
            f"a cell diameter of {diameter:g} px is too far from the model's; give {low:g} to {high:g} px"
        )
    return factor


def resized_shape(shape: tuple[int, ...], factor: float) -> tuple[int, int]:
    """Return height and width, at least 1, of an image (…, Y, X) resized by ``factor``."""
    height, width = (max(1, round(n * factor)) for n in shape[-2:])
    return height, width


def resize_pixels(pixels: NDArray[np.generic], shape: tuple[int, int]) -> NDArray[np.generic]:
    """Return pixels (C, Y, X) at another size (Y, X): unchanged if equal, else float32, anti-aliased if smaller."""
    if pixels.shape[1:] == shape:
        return pixels
    smooth = shape[0] < pixels.shape[1]
    finite = np.nan_to_num(pixels.astype(np.float32), posinf=0.0, neginf=0.0)
    return np.stack([resize(c, shape, order=1, anti_aliasing=smooth) for c in finite]).astype(np.float32)


def resize_map(probability: NDArray[np.float16], shape: tuple[int, int]) -> NDArray[np.float16]:
    """Return a map (Y, X) float16 at another height and width, interpolated linearly."""
    if probability.shape == shape:
        return probability
    factors = [new / old for new, old in zip(shape, probability.shape, strict=True)]
    smooth = ndi.zoom(probability.astype(np.float32), factors, order=1, mode="nearest", grid_mode=True)
    return np.asarray(smooth[: shape[0], : shape[1]], np.float16)
