"""What the networks that find spots see: light above the background in standard deviations of the noise.

One sees a plane, one a plane of a stack with two above and two below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from napari_cellvino.segmentation.spots.background import background_of
from napari_cellvino.segmentation.spots.bands import Image
from napari_cellvino.segmentation.spots.noise import noise_floor, noise_of, pixel_noise

BACKGROUND_SIGMA = 4.0  # px, of spots that a block of background is large beside
LIGHT_SIGMA = 2.0  # px
ENDS = 2.5  # widths along z, where hardly anything of a spot is seen
LINEAR = 2.0  # standard deviations, up to which brightness is seen as it is; beyond, as its logarithm


def network_plane(plane: Image, *, whole_numbers: bool) -> Image:
    """Return what the network sees of a plane (1, Y, X), as float32."""
    floor = noise_floor(plane, whole_numbers=whole_numbers)
    background = background_of(plane, (0.0, BACKGROUND_SIGMA, BACKGROUND_SIGMA)).everywhere()
    light = scipy.ndimage.gaussian_filter(plane, (0, LIGHT_SIGMA, LIGHT_SIGMA), mode="mirror")
    noise = noise_of(pixel_noise(plane), light, max(floor, 1e-12))
    return np.asarray(np.arcsinh((plane - background) / noise / LINEAR), np.float32)


def planes_beside(deep: float) -> tuple[int, int]:
    """Return how many planes away those lie that are seen with a plane: a width of spots along z, and where they end."""
    near = max(1, round(deep))
    return near, max(near + 1, round(ENDS * deep))


def network_planes(planes: Sequence[Image], z: int, deep: float) -> Image:
    """Return what the network of stacks sees (5, Y, X) of plane z: from below, as `network_plane` gives each.

    ``planes`` are those of the stack, each (1, Y, X); beyond its ends nothing is seen.
    """
    near, far = planes_beside(deep)
    seen = np.zeros((5, *planes[z].shape[1:]), np.float32)
    for n, away in enumerate((-far, -near, 0, near, far)):
        if 0 <= z + away < len(planes):
            seen[n] = planes[z + away][0]
    return seen
