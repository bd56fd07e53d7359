"""What the networks that find spots see: light above the background in standard deviations of the noise.

One sees a plane, one a plane of a stack with two above and two below.
"""

from __future__ import annotations

import numpy as np
import scipy

from napari_cellvino.segmentation.spots.background import background_of
from napari_cellvino.segmentation.spots.bands import Image
from napari_cellvino.segmentation.spots.noise import noise_floor, noise_of, pixel_noise

BACKGROUND_SIGMA = 4.0  # px, of spots that a block of background is large beside
LIGHT_SIGMA = 2.0  # px
ENDS = 2.5  # widths along z, to the farther planes that the network of stacks learnt to see
SEEN = 6  # images that the network of stacks is shown of a plane
KEPT = 32  # planes; spots are 5 wide at most, and end 12 planes away
LINEAR = 2.0  # standard deviations, up to which brightness is seen as it is; beyond, as its logarithm


def network_plane(plane: Image, *, whole_numbers: bool) -> Image:
    """Return what the network of planes sees of one (1, Y, X), as float32."""
    return _bounded(light_in_noise(plane, whole_numbers=whole_numbers))


def light_in_noise(plane: Image, *, whole_numbers: bool) -> Image:
    """Return the light of a plane (1, Y, X) above its background, in standard deviations of the noise there."""
    floor = noise_floor(plane, whole_numbers=whole_numbers)
    background = background_of(plane, (0.0, BACKGROUND_SIGMA, BACKGROUND_SIGMA)).everywhere()
    light = scipy.ndimage.gaussian_filter(plane, (0, LIGHT_SIGMA, LIGHT_SIGMA), mode="mirror")
    noise = noise_of(pixel_noise(plane), light, max(floor, 1e-12))
    return np.asarray((plane - background) / noise, np.float32)


def planes_beside(deep: float) -> tuple[int, int]:
    """Return how many planes away those lie that are seen with a plane: by a width of spots, and where they end."""
    near = max(1, round(deep))
    return near, max(near + 1, round(ENDS * deep))


class SeenPlanes:
    """The planes of a stack (Z, Y, X) as `light_in_noise` gives them, each worked out once, and kept for a while."""

    def __init__(self, image: Image, *, whole_numbers: bool) -> None:
        self._image, self._whole, self._known = image, whole_numbers, dict[int, Image]()

    def __len__(self) -> int:
        return len(self._image)

    def __getitem__(self, z: int) -> Image:
        if z not in self._known:
            self._known[z] = light_in_noise(self._image[z : z + 1], whole_numbers=self._whole)
            for old in list(self._known)[:-KEPT]:
                del self._known[old]
        return self._known[z]


def network_planes(planes: SeenPlanes, z: int, deep: float) -> Image:
    """Return what the network of stacks sees (6, Y, X) of plane z.

    The plane and two on either side, from below, and last what it has more than those farther away: lumps that go
    through many planes are not in it, however bright they are. Beyond the ends of the stack nothing is seen.
    """
    near, far = planes_beside(deep)
    seen = np.zeros((SEEN, *planes[z].shape[1:]), np.float32)
    for n, away in enumerate((-far, -near, 0, near, far)):
        if 0 <= z + away < len(planes):
            seen[n] = planes[z + away][0]
    beyond = [n for n, away in ((0, -far), (4, far)) if 0 <= z + away < len(planes)]
    seen[5] = seen[2] - seen[beyond].mean(0) if beyond else 0
    return _bounded(seen)


def _bounded(light: Image) -> Image:
    return np.asarray(np.arcsinh(light / LINEAR), np.float32)
