"""The light that one dye of stained tissue would let through, and how much of the tissue a brown dye lies on.

Where a brown stain (DAB) lies on cells and not only on nuclei, these are no darker than what is round them: a network
that sees the luminance finds none. Light is absorbed by a dye in proportion to its amount, so that the amounts of
three known dyes follow from the optical density of three colours.

References
----------
Ruifrok & Johnston 2001, "Quantification of histochemical staining by color deconvolution": the colours of the dyes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.dyes import Dye
from napari_cellvino.core.threads import together
from napari_cellvino.storage.large_arrays import allocate

DENSITIES = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])  # haematoxylin, eosin, DAB in RGB
PLACES = {Dye.HAEMATOXYLIN: 0, Dye.DAB: 2}
MOST = 3.0  # optical density: a thousandth of the light is all that a camera tells
LEAST = -0.3  # other colours than those of the dyes count as negative amounts
LIGHT = 255.0  # where there is no dye
DEPTHS = (8, 10, 12, 14, 16)  # bits of a camera
WORKED_OUT_PX = 2**18  # at once: what the processor's cache holds

TISSUE = 0.15  # optical density in one colour, at least
FEWEST = 100  # px of tissue that tell something
BROWN, BLUE = 0.25, 0.15  # optical density of blue light in brown, of red light in blue, at least
BROWN_OVER_RED, BROWN_OVER_GREEN, BLUE_OVER_RED = 1.25, 1.05, 1.1  # times the density of the other colour


@dataclass(frozen=True, slots=True)
class StainShares:
    """Shares of the tissue of a picture that are ``brown`` and ``blue``, 0 where there is next to no tissue."""

    brown: float = 0.0
    blue: float = 0.0


def light_through(rgb: NDArray[np.generic], dye: Dye) -> NDArray[np.float32]:
    """Return the light (1, Y, X) that a dye alone would let through, `LIGHT` where there is none of it.

    ``rgb`` are pixels (3, Y, X) on a bright ground.
    """
    amounts = np.linalg.inv(DENSITIES)[:, PLACES[dye]].astype(np.float32)
    out, white = allocate((1, *rgb.shape[1:]), np.float32), white_of(rgb)
    rows = max(1, WORKED_OUT_PX // rgb.shape[2])

    def convert(top: int) -> None:
        part = slice(top, top + rows)
        amount = np.einsum("c,cyx->yx", amounts, _density(rgb[:, part], white))
        out[0, part] = LIGHT * np.power(np.float32(10.0), -np.clip(amount, LEAST, MOST))

    together(convert, range(0, rgb.shape[1], rows))
    return out


def stain_shares(rgb: NDArray[np.generic]) -> StainShares:
    """Return how much of the tissue of a picture (3, Y, X) on a bright ground is brown, and how much blue."""
    density = _density(rgb, white_of(rgb)).reshape(3, -1)
    red, green, blue = density[:, density.max(axis=0) > TISSUE]
    if len(red) < FEWEST:
        return StainShares()
    brown = (blue > BROWN) & (blue > BROWN_OVER_RED * red) & (blue > BROWN_OVER_GREEN * green)
    blues = (red > BLUE) & (red > BLUE_OVER_RED * blue)
    return StainShares(float(brown.mean()), float(blues.mean()))


def white_of(rgb: NDArray[np.generic]) -> float:
    """Return the brightest value that the camera of a picture (3, Y, X) could give."""
    highest = float(np.nanmax(rgb)) if rgb.size else 0.0
    if rgb.dtype.kind == "f" and highest <= 1:
        return 1.0
    return next((float(2**bits - 1) for bits in DEPTHS if highest < 2**bits), highest)


def _density(rgb: NDArray[np.generic], white: float) -> NDArray[np.float32]:
    """Return the optical density (3, Y, X); a value of 0 is taken for a step of 8 bits."""
    step = np.float32(white / LIGHT)
    light = (np.maximum(rgb.astype(np.float32), 0) + step) / (np.float32(white) + step)
    return np.asarray(-np.log10(np.minimum(light, 1)), np.float32)
