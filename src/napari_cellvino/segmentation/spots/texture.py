"""What a network takes for spots in texture, as of chromatin that shines through: grains about as wide as spots are.

The network learnt noise of single pixels on even light. Where much more is left than noise of pixels makes once all
that it saw is taken off the image, there is texture, and a place has to stand out of that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.gaussian_fit import Gaussians, render
from napari_cellvino.segmentation.spots.look import Look
from napari_cellvino.segmentation.spots.noise import noise_floor, noise_of, noise_of_pixels
from napari_cellvino.segmentation.spots.response import kernel_norm, spot_response
from napari_cellvino.segmentation.spots.threshold import choose_score, expected_by_chance

TEXTURE = 3.0  # times what noise of pixels makes of it, that a response has without the spots: crowds of spots, not all
# of which are seen, have up to 2.5
IN_STACKS = 4.0  # the same in stacks, where crowds in cells have up to 3.9
LEAST_IN_STACKS = 2.0  # times what is left, that a response has there


def stands_out_of_texture(
    look: Look, found: Gaussians, at: NDArray[np.int64], response: NDArray[np.float64], *, whole: bool
) -> NDArray[np.bool_]:
    """Return which places (N, 3) of spots that were fitted, with their responses (N,), are no grain of a texture."""
    norm = kernel_norm(look.seen)
    rest = spot_response(look.image - render(look.image.shape, found), look.seen)
    floor = noise_floor(look.image, whole_numbers=whole) * norm
    left = noise_of(rest, look.noise.background.everywhere(), floor)
    stack = len(look.image) > 1
    times = np.float32((IN_STACKS if stack else TEXTURE) * norm)
    texture = left > times * noise_of_pixels(look.image, look.seen, whole=whole)
    inside = texture[tuple(at.T)]
    if stack:  # spots of cells crowd: what is usual there is their own light
        return np.asarray(~inside | (response >= LEAST_IN_STACKS * left[tuple(at.T)]))
    if not inside.any():
        return np.ones(len(at), bool)
    peaks = tuple(look.filtered.peaks[texture[tuple(look.filtered.peaks.T)]].T)
    share, chance = float(texture.mean()), expected_by_chance(look.image.shape, look.seen)
    scores = (look.response[peaks] / look.usual.at(np.stack(peaks, 1))).astype(np.float64)
    least = choose_score(scores, lambda score: share * chance(score))
    return np.asarray(~inside | (response >= least * look.usual.at(at)))
