"""Which of several channels without a name shows spots: the one that has far more clear ones than any other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Stack
from napari_cellvino.segmentation.spots.look import make_look
from napari_cellvino.segmentation.spots.response import ROUND, finite_image, roundness, without_hot_pixels

WIDTHS = (1.3, 2.0)  # px
CLEAR = 6.0  # score
PLANES, SIDE = 3, 512  # looked at: planes, and px of their middle
FEWEST, MORE = 10, 2.0  # clear spots, and times as many as in any other channel


def channel_of_spots(stack: Stack, channels: Sequence[int]) -> int | None:
    """Return the channel with far more clear spots than the others, None where there is none."""
    found = sorted(((_clear_spots(stack, channel), channel) for channel in channels), reverse=True)
    most, second = found[0][0], found[1][0] if len(found) > 1 else 0
    return found[0][1] if most >= max(FEWEST, MORE * second) else None


def _clear_spots(stack: Stack, channel: int) -> int:
    deep = np.unique(np.linspace(0, stack.shape.z - 1, PLANES + 2).round().astype(int)[1:-1])
    image = np.max([_middle(stack.plane(c=channel, z=int(z))) for z in deep], axis=0)
    pixels = without_hot_pixels(finite_image(image[None]))
    counts = []
    for width in WIDTHS:
        look = make_look(pixels, (0.0, width, width), whole=image.dtype.kind in "iub")
        at, _ = look.maxima(CLEAR)
        counts.append(int((roundness(look.filtered.smooth, at, look.seen) > ROUND).sum()))
    return max(counts)


def _middle(plane: NDArray[np.generic]) -> NDArray[np.generic]:
    y, x = (max(0, (n - SIDE) // 2) for n in plane.shape)
    return plane[y : y + SIDE, x : x + SIDE]
