"""The colours of pictures, and one palette that holds them: a grey field and its outlines need a byte per pixel.

A picture is (Y, X, 3) in colours, or (Y, X) in entries of `PALETTE`, which takes a third of the time to paint and to
compress. The first half of the palette is every other grey, the rest are the colours in steps from the paper of
captions, for the soft rims of letters. What paints asks here for an ink, and need not know which of both it paints.

References
----------
Okabe and Ito 2008, "Color Universal Design", https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.figures.composite import Picture

Colour = tuple[int, int, int]

INK: Colour = (255, 255, 255)
HALO: Colour = (0, 0, 0)
PLAIN: Colour = (190, 190, 195)
PAPER: Colour = (24, 24, 27)
HUES = np.array([(86, 180, 233), (230, 159, 0), (20, 190, 140), (224, 140, 188), (240, 110, 40)], np.uint8)
DOUBTFUL: Colour = (250, 235, 60)
AT_EDGE: Colour = (255, 255, 255)
GAP: Colour = (40, 40, 40)  # between dashes, so that they show on bright objects
SPOT: Colour = (255, 110, 60)
CASING = 0.45  # brightness left next to an outline, which then shows on bright images

GREYS = 128  # every other one of 256: nobody sees a difference
STEPS = 16  # from the paper to each colour


def _mixed(under: NDArray[np.integer], over: NDArray[np.integer], steps: int) -> NDArray[np.float64]:
    share = np.linspace(0, 1, steps)[:, None]
    return np.asarray(under * (1 - share) + over * share, np.float64)


_STEPPED = [_mixed(np.array(PAPER), np.array(c), STEPS) for c in (*HUES.tolist(), DOUBTFUL, SPOT, PLAIN)]
_GREYS = np.linspace(0, 255, GREYS)[:, None].repeat(3, 1)
PALETTE: Picture = np.rint(np.concatenate([_GREYS, *_STEPPED])).astype(np.uint8)


def entries_of(grey: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return the entries of grey values, 0 to 255."""
    return np.asarray(grey >> 1, np.uint8)


def in_colours(picture: Picture) -> Picture:
    """Return a picture of either kind in colours (Y, X, 3)."""
    return PALETTE[picture] if picture.ndim == 2 else picture


def ink(colour: Colour, *, indexed: bool) -> int | Colour:
    """Return what a pixel of a picture of either kind is set to for a colour."""
    return _nearest(colour) if indexed else colour


def inks(colours: Picture, *, indexed: bool) -> NDArray[np.uint8]:
    """Return that of several colours (N, 3): (N,) or (N, 3)."""
    if not indexed:
        return colours
    return np.array([_nearest((r, g, b)) for r, g, b in colours.tolist()], np.uint8)


@lru_cache(maxsize=64)
def shades(colour: Colour, *, indexed: bool) -> NDArray[np.uint8]:
    """Return what the paper becomes under a letter of a colour, by its opacity from 0 to 255: (256,) or (256, 3)."""
    return inks(np.floor(_mixed(np.array(PAPER), np.array(colour), 256) + 0.5).astype(np.uint8), indexed=indexed)


@lru_cache(maxsize=2)
def casings(*, indexed: bool) -> NDArray[np.uint8]:
    """Return what each value of a picture of either kind (256,) becomes beside an outline."""
    darker = (PALETTE if indexed else np.arange(256)) * CASING
    return inks(darker.astype(np.uint8), indexed=indexed)


@lru_cache(maxsize=2048)
def _nearest(colour: Colour) -> int:
    return int(((PALETTE.astype(int) - colour) ** 2).sum(axis=1).argmin())
