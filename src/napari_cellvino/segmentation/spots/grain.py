"""What a network takes for spots in grain: noise, or the texture of what lies beneath, that is as wide as spots are.

The network learnt noise of single pixels. Where the response at the width of spots is noisier than single pixels tell,
a place has to stand out of that noise as the filter asks it to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.bands import gaussian
from napari_cellvino.segmentation.spots.look import Look
from napari_cellvino.segmentation.spots.response import kernel_norm, noise_floor, noise_of, pixel_noise
from napari_cellvino.segmentation.spots.threshold import choose_score, expected_by_chance

GRAINY = (1.4, 3.0)  # times the noise of single pixels, that is in most of an image where there is grain: where it is
# less, dim spots and the rims of cells are what is more in places; where it is more, larger things lie all over


def stands_out_of_grain(
    look: Look, at: NDArray[np.int64], score: NDArray[np.float64], *, whole: bool
) -> NDArray[np.bool_]:
    """Return which places (N, 3) of a look are no grain, given their scores (N,): all where there is none."""
    pixels = look.image
    light = gaussian(pixels, (1.5 * look.seen[0], 1.5 * look.seen[1], 1.5 * look.seen[2]))
    fine = noise_of(pixel_noise(pixels), light, noise_floor(pixels, whole_numbers=whole))
    excess = look.noise / (np.float32(kernel_norm(look.seen)) * fine)
    grain = excess > GRAINY[0]
    inside = grain[tuple(at.T)]
    if not inside.any() or not GRAINY[0] < float(np.median(excess)) < GRAINY[1]:
        return np.ones(len(at), bool)
    share, everywhere = float(grain.mean()), expected_by_chance(pixels.shape, look.seen)
    least = choose_score(score[inside], lambda scores: share * everywhere(scores), dim=True)
    return np.asarray(~inside | (score >= least))
