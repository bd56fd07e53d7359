"""Whether masks are of the image that they are imported for: their outlines lie where the picture has edges.

On 257 fields of seven kinds with their own masks, other ways to lay these had edges at most 0.76 times as steep; with
masks that were turned by 180°, turning them back had edges 1.34 times as steep or more. Masks of another field of the
same kind were told in 76 to 87 % of fields, on two kinds of many cells. Where cells fill the image, as in two others,
outlines lie on ridges and not on edges, and nothing is said. On 239 fields of five kinds, edges that outlines would
lie on if they were moved by up to a cell were at most 1.46 times as steep; with masks that were moved by 0.6 of a cell,
1.5 times or more in 215.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.quality.outline_fit import outline_fit

GAIN = 1.15  # times as steep, that edges are where masks belong
TURNED, MOVED = 1.15, 1.03  # times as steep as elsewhere, that edges are where masks are
SHIFTED, FAR = 1.5, 0.2  # times as steep, where outlines are moved by more than this share of a cell
COVERED = 0.5  # of the image, from which on cells meet each other, and outlines lie on ridges and not on edges
LONGEST = 4096  # px along each side, that are looked at
FEWEST = 40  # pixels of cells that tell something


def describe_masks_fit(
    name: str, labels: NDArray[np.int32], pixels: NDArray[np.generic], *, of: str = "image"
) -> tuple[str, ...]:
    """Return what to say of masks that lie on no edges of the image, or on steeper ones if they were turned.

    Parameters
    ----------
    name
        Of the file of masks.
    labels, pixels
        Label image (Y, X) or (Z, Y, X), and all channels (C, Y, X) of what is seen of the image.
    of
        What the pixels are called: those of an image, or where cells were found in a result.
    """
    flat = labels if labels.ndim == len("YX") else labels.max(axis=0)
    step = math.ceil(max(flat.shape) / LONGEST)
    flat, seen = flat[::step, ::step], pixels[:, ::step, ::step]
    areas = np.bincount(flat.ravel())[1:]
    if not FEWEST <= areas.sum() <= COVERED * flat.size:
        return ()
    diameter = float(np.sqrt(4 / np.pi * np.median(areas[areas > 0])))
    found = [fit for picture in seen if (fit := outline_fit(np.nan_to_num(picture), flat, diameter)) is not None]
    if not found:
        return ()
    best, moved = min(found, key=lambda fit: fit.gain), min(found, key=lambda fit: fit.shifted)
    far = moved.shifted > SHIFTED and math.hypot(*moved.shift) > FAR * diameter
    if far and moved.shifted > best.gain:
        return (
            f"the outlines in {name} would lie on {moved.shifted:.1f} times steeper edges of the {of} if they were "
            f"moved by {_words(moved.shift, step)}: was one of them cropped, or is the other of another image?",
        )
    if best.gain > GAIN:
        more = f"{best.gain:.1f} times steeper edges" if best.gain < np.inf else "edges, and on none as they are"
        return (
            f"the outlines in {name} would lie on {more} of the {of} if they were {best.best}: did the program that "
            "made them show the image otherwise (turned as EXIF says or not, rows from below)?",
        )
    if max(fit.turned for fit in found) < TURNED and max(fit.moved for fit in found) < MOVED:
        return (f"the outlines in {name} lie on edges of the {of} no more than elsewhere: are they of this image?",)
    return ()


def _words(shift: tuple[int, int], step: int) -> str:
    """Return a move (down, right) in px of a picture of which every ``step`` pixel was looked at."""
    ways = zip(shift, (("down", "up"), ("to the right", "to the left")), strict=True)
    return " and ".join(f"{abs(step * px)} px {way[px < 0]}" for px, way in ways if px)
