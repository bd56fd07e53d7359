"""How many parts the objects of an image seem to have: all that may have a waist are examined in one picture.

One call of the distance transform per object costs more than its arithmetic: of 700 small nuclei, half of a second. So
the few that may have a waist are set side by side, apart from each other, and measured together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.annotation.tools.split_seeds import CLEAR_WAIST, LEVELS, SMOOTHING
from napari_cellvino.core.objects import Objects
from napari_cellvino.storage.large_arrays import give_back_pages

Labels = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

APART = 5  # px between objects: farther than the smoothing reaches
WIDE = 1024  # px: of a row of objects
AT_ONCE = 2**12  # objects in one picture
LARGE = 64  # px: larger objects are downsampled
# Solidity of discs joined by a waist of 3/4 of the smaller one is at most WAISTED, and in pixels, whose corners the
# hull takes in, less: by CORNERS / sqrt(area) or more in all but one of 270 waisted cells of six public sets.
WAISTED, CORNERS = 0.965, 0.9
SHAPED = 60  # px: of smaller objects the pixels make the shape
LONG, FULL = 1.3, 0.72  # sides of a box, and share of it, by which a round object is recognised at once


def count_waisted(labels: Labels, objects: Objects, solidity: Floats) -> dict[int, int]:
    """Return the number of parts of each object of ``labels`` (Y, X) that has a clear waist, by its row.

    ``solidity`` (N,) is the share of its convex hull that each object fills: only objects that are neither convex nor
    round are examined.
    """
    height, width = (objects.box[:, 2:] - objects.box[:, :2]).T
    longer = np.maximum(height, width) > LONG * np.minimum(height, width)
    area = np.maximum(objects.area_px, 1)
    dented = (solidity < WAISTED - CORNERS / np.sqrt(area)) & (area >= SHAPED)
    rows = np.flatnonzero(dented & (longer | (area < FULL * height * width)))
    found: dict[int, int] = {}
    for first in range(0, len(rows), AT_ONCE):
        some = rows[first : first + AT_ONCE]
        parts = _parts([labels[_thinned(objects.box[row].tolist())] == objects.id[row] for row in some])
        found |= {int(row): int(count) for row, count in zip(some, parts, strict=True) if count > 1}
        if len(rows) > AT_ONCE:
            give_back_pages()
    return found


def _thinned(box: list[int]) -> tuple[slice, slice]:
    """Return the slices of a box, every second pixel or fewer where it is large: a waist remains visible."""
    y0, x0, y1, x1 = box
    step = -(-max(y1 - y0, x1 - x0) // LARGE)
    return slice(y0, y1, step), slice(x0, x1, step)


@dataclass(frozen=True, slots=True, eq=False)
class _SideBySide:
    """A picture (Y, X) of masks apart from each other, numbered from 1 in their order, and where each lies."""

    numbers: NDArray[np.int32]
    places: list[tuple[slice, slice]]

    @classmethod
    def of(cls, masks: list[Mask]) -> _SideBySide:
        """Return the picture of masks (y, x)."""
        places, shape = _shelves([(mask.shape[0], mask.shape[1]) for mask in masks])
        numbers = np.zeros(shape, np.int32)
        for number, (mask, place) in enumerate(zip(masks, places, strict=True), 1):
            numbers[place][mask] = number
        return cls(numbers, places)


def _shelves(sizes: list[tuple[int, int]]) -> tuple[list[tuple[slice, slice]], tuple[int, int]]:
    """Return where boxes of these sizes (height, width) go, in rows of about one height, and the size of the whole."""
    places = [np.s_[0:0, 0:0]] * len(sizes)
    y = x = APART
    tall = widest = 0
    for number in sorted(range(len(sizes)), key=lambda n: -sizes[n][0]):
        height, width = sizes[number]
        if x > APART and x + width + APART > WIDE:
            y, x, tall = y + tall + APART, APART, 0
        places[number] = np.s_[y : y + height, x : x + width]
        x += width + APART
        tall, widest = max(tall, height), max(widest, x)
    return places, (y + tall + APART, widest)


def _parts(masks: list[Mask]) -> NDArray[np.intp]:
    """Return how many parts each mask (y, x) has, at the level of depth that has most of them."""
    picture = _SideBySide.of(masks)
    inside = picture.numbers > 0
    depth = scipy.ndimage.gaussian_filter(_distances(inside), SMOOTHING)
    peaks, found = scipy.ndimage.label(inside & _is_highest(depth), np.ones((3, 3)))
    owner_of_peak = np.zeros(found + 1, np.intp)
    owner_of_peak[peaks] = picture.numbers  # masks lie apart: each peak is of one
    most = np.ones(len(masks), np.intp)
    hilly = np.flatnonzero(np.bincount(owner_of_peak[1:] - 1, minlength=len(masks)) > 1)
    if len(hilly):  # of one hill, no level makes two
        depths = [depth[picture.places[number]][masks[number]] for number in hilly]
        most[hilly] = _most_at_a_level([masks[number] for number in hilly], depths)
    return most


def _is_highest(depth: NDArray[np.float32]) -> Mask:
    """Return which pixels (Y, X) are no lower than the eight around them, but at the border, where none is told."""
    highest = np.full_like(depth, np.inf)
    of_three = np.maximum(np.maximum(depth[:-2], depth[1:-1]), depth[2:])
    highest[1:-1, 1:-1] = np.maximum(np.maximum(of_three[:, :-2], of_three[:, 1:-1]), of_three[:, 2:])
    return np.asarray(depth == highest)


def _distances(inside: Mask) -> NDArray[np.float32]:
    """Return the distance in px of each pixel (Y, X) inside to the nearest outside, which lies all around.

    No distance is longer than half of `LARGE`, so that rows as far away as the longest are all looked at, which takes a
    third of the time of a distance transform of any size.
    """
    at = np.arange(inside.size, dtype=np.int32)
    flat = inside.reshape(-1)
    before = np.maximum.accumulate(np.where(flat, 0, at))
    behind = np.minimum.accumulate(np.where(flat, inside.size, at)[::-1])[::-1]
    along = np.minimum(at - before, behind - at).astype(np.int16).reshape(inside.shape)
    in_row = along * along
    nearest = in_row.copy()
    for far in range(1, len(inside)):
        if far * far >= nearest.max(initial=0):
            break
        squares = in_row + np.int16(far * far)
        np.minimum(nearest[far:], squares[:-far], out=nearest[far:])
        np.minimum(nearest[:-far], squares[far:], out=nearest[:-far])
    return np.sqrt(nearest.astype(np.float32))


def _most_at_a_level(masks: list[Mask], depths: list[NDArray[np.float32]]) -> NDArray[np.intp]:
    """Return how many parts (N,) each mask (y, x) has where it has most; ``depths`` are those of its pixels."""
    picture = _SideBySide.of(masks)
    inside = picture.numbers > 0
    placed = np.zeros(inside.shape, np.float32)
    for place, mask, own in zip(picture.places, masks, depths, strict=True):
        placed[place][mask] = own
    depth, owner = placed[inside], picture.numbers[inside] - 1
    deepest = np.zeros(len(masks))
    np.maximum.at(deepest, owner, depth)
    share = depth / deepest[owner]
    above, most = np.zeros(inside.shape, bool), np.ones(len(masks), np.intp)
    for level in LEVELS:
        above[inside] = share > level
        pieces, found = scipy.ndimage.label(above)
        if found > len(masks):  # else no object has two
            np.maximum(most, _rising(pieces[inside], found, share, owner, len(most), level), out=most)
    return most


def _rising(
    pieces: NDArray[np.int32], found: int, share: Floats, owner: NDArray[np.int32], count: int, level: float
) -> NDArray[np.intp]:
    """Return how many pieces of each object rise well above a level; all arrays are per pixel of an object."""
    of = np.zeros(found + 1, np.intp)
    of[pieces] = owner
    several = np.bincount(of[1:], minlength=count) > 1
    looked_at = several[owner] & (pieces > 0)
    highest = np.zeros(found + 1)
    np.maximum.at(highest, pieces[looked_at], share[looked_at])
    return np.bincount(of[1:][highest[1:] * CLEAR_WAIST >= level], minlength=count)
