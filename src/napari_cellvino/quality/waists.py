"""How many parts the objects of an image seem to have: all that may have a waist are examined in one picture.

One call of the distance transform per object costs more than its arithmetic: of 700 small nuclei, half of a second. So
the few that may have a waist are set side by side, apart from each other, and measured together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.annotation.tools.split_seeds import CLEAR_WAIST, LEVELS, SMOOTHING
from napari_cellvino.core.objects import Objects
from napari_cellvino.storage.large_arrays import give_back_pages

Labels = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]

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
        parts = _parts(_side_by_side(labels, objects, some), len(some))
        found |= {int(row): int(count) for row, count in zip(some, parts, strict=True) if count > 1}
        if len(rows) > AT_ONCE:
            give_back_pages()
    return found


def _side_by_side(labels: Labels, objects: Objects, rows: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return a picture (Y, X) of these objects, apart from each other, numbered from 1 in the order of ``rows``."""
    masks = [labels[_thinned(objects.box[row].tolist())] == objects.id[row] for row in rows]
    corners, shape = _shelves([(mask.shape[0], mask.shape[1]) for mask in masks])
    picture = np.zeros(shape, np.int32)
    for number, (mask, (y, x)) in enumerate(zip(masks, corners, strict=True), 1):
        picture[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = number
    return picture


def _thinned(box: list[int]) -> tuple[slice, slice]:
    """Return the slices of a box, every second pixel or fewer where it is large: a waist remains visible."""
    y0, x0, y1, x1 = box
    step = -(-max(y1 - y0, x1 - x0) // LARGE)
    return slice(y0, y1, step), slice(x0, x1, step)


def _shelves(sizes: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Return where boxes of these sizes (height, width) go, in rows of about one height, and the size of the whole."""
    corners = [(0, 0)] * len(sizes)
    y = x = APART
    tall = widest = 0
    for number in sorted(range(len(sizes)), key=lambda n: -sizes[n][0]):
        height, width = sizes[number]
        if x > APART and x + width + APART > WIDE:
            y, x, tall = y + tall + APART, APART, 0
        corners[number] = (y, x)
        x += width + APART
        tall, widest = max(tall, height), max(widest, x)
    return corners, (y + tall + APART, widest)


def _parts(picture: NDArray[np.int32], count: int) -> NDArray[np.intp]:
    """Return how many parts each object 1 to ``count`` has, at the level of depth that has most of them."""
    inside = picture > 0
    depth = ndi.gaussian_filter(_distances(inside), SMOOTHING)
    peaks, found = ndi.label(inside & (depth == ndi.maximum_filter(depth, 3)), np.ones((3, 3)))
    owner_of_peak = np.zeros(found + 1, np.intp)
    owner_of_peak[peaks] = picture  # objects lie apart: each peak is of one
    hilly = np.bincount(owner_of_peak[1:] - 1, minlength=count) > 1  # of one hill, no level makes two
    most = np.ones(count, np.intp)
    if hilly.any():
        inside &= hilly[np.maximum(picture, 1) - 1]
        _count_at_levels(inside, depth[inside], picture[inside] - 1, most)
    return most


def _distances(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance in px of each pixel inside to the nearest outside: worked out for those alone."""
    nearest = ndi.distance_transform_edt(inside, return_distances=False, return_indices=True)
    distances = np.zeros(inside.shape, np.float32)
    squares = [(at[inside] - own) ** 2 for at, own in zip(nearest, np.nonzero(inside), strict=True)]
    distances[inside] = np.sqrt(sum(squares[1:], squares[0]))
    return distances


def _count_at_levels(
    inside: NDArray[np.bool_], depth: Floats, owner: NDArray[np.int32], most: NDArray[np.intp]
) -> None:
    """Raise ``most`` (N,) to the parts that each object has at any level; ``depth`` and ``owner`` are those inside."""
    deepest = np.zeros(len(most))
    np.maximum.at(deepest, owner, depth)
    share = depth / deepest[owner]
    above = np.zeros(inside.shape, bool)
    objects = np.count_nonzero(deepest)
    for level in LEVELS:
        above[inside] = share > level
        pieces, found = ndi.label(above)
        if found > objects:  # else no object has two
            np.maximum(most, _rising(pieces[inside], found, share, owner, len(most), level), out=most)


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
