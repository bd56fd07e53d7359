"""What the network that finds spots sees of a plane: light above the background in standard deviations of the noise."""

from __future__ import annotations

import numpy as np
import scipy

from napari_cellvino.segmentation.spots.background import background_of
from napari_cellvino.segmentation.spots.bands import Image
from napari_cellvino.segmentation.spots.noise import noise_floor, noise_of, pixel_noise

BACKGROUND_SIGMA = 4.0  # px, of spots that a block of background is large beside
LIGHT_SIGMA = 2.0  # px
LINEAR = 2.0  # standard deviations, up to which brightness is seen as it is; beyond, as its logarithm


def network_plane(plane: Image, *, whole_numbers: bool) -> Image:
    """Return what the network sees of a plane (1, Y, X), as float32."""
    floor = noise_floor(plane, whole_numbers=whole_numbers)
    background = background_of(plane, (0.0, BACKGROUND_SIGMA, BACKGROUND_SIGMA)).everywhere()
    light = scipy.ndimage.gaussian_filter(plane, (0, LIGHT_SIGMA, LIGHT_SIGMA), mode="mirror")
    noise = noise_of(pixel_noise(plane), light, max(floor, 1e-12))
    return np.asarray(np.arcsinh((plane - background) / noise / LINEAR), np.float32)
