"""Scale bars that were drawn into the pixels: what a model finds on them is no cell.

A bar is a filled, upright, long rectangle whose pixels all have the brightest or the darkest value of the picture: no
cell is that. The letters beside it are not told from cells by this.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.segmentation.heads import Decoded

SHORTEST, THINNEST = 20, 3  # px
STEPS = (1, 2, 4, 8, 4)  # of runs, of which each is as long as the one before and its step: `SHORTEST` at last
LONGER = 3  # times as long as thick, at least
MOST_SHARE = 0.05  # of the pixels that have its value; else the value is that of the background, or of saturation
MARGIN = 2  # px around a bar, into which an outline of it reaches
HALF = 0.5  # of the pixels of an object that lie on a bar

Bar = tuple[slice, slice]


def find_bars(inputs: NDArray[np.generic]) -> tuple[Bar, ...]:
    """Return where in inputs (K, Y, X) bars are drawn: rows and columns."""
    plane = inputs[0]
    bars: list[Bar] = []
    for value in (plane.max(), plane.min()):
        if not _holds_run(plane[::THINNEST, ::THINNEST] == value):
            continue
        drawn = plane == value
        if 0 < np.count_nonzero(drawn) <= MOST_SHARE * drawn.size and _holds_bar(drawn):
            bars += _rectangles(drawn)
    return tuple(bars)


def _holds_run(sampled: NDArray[np.bool_]) -> bool:
    """Return whether every third pixel shows as long a run as any bar: a look that costs little."""
    length = SHORTEST // THINNEST
    if np.count_nonzero(sampled) < length:
        return False
    for lines in (sampled, sampled.T):
        filled, long = lines, 1
        while long < length and filled.size:
            step = min(long, length - long)
            filled, long = filled[:, :-step] & filled[:, step:], long + step
        if filled.any():
            return True
    return False


def _holds_bar(drawn: NDArray[np.bool_]) -> bool:
    """Return whether as much is filled somewhere as any bar fills, which is quicker seen than what is connected."""
    for lines in (drawn, drawn.T):
        count = max(0, len(lines) - THINNEST + 1)
        filled = lines[:count]
        for n in range(1, THINNEST):
            filled = filled & lines[n : n + count]
        for step in STEPS:
            filled = filled[:, :-step] & filled[:, step:]
        if filled.any():
            return True
    return False


def _rectangles(drawn: NDArray[np.bool_]) -> list[Bar]:
    parts, _ = scipy.ndimage.label(drawn)
    areas = np.bincount(parts.reshape(-1))
    boxes: list[Bar | None] = scipy.ndimage.find_objects(parts)
    found = []
    for box, area in zip(boxes, areas[1:].tolist(), strict=True):
        if box is None or area < SHORTEST * THINNEST:
            continue
        thick, long = sorted(side.stop - side.start for side in box)
        if long >= SHORTEST and thick >= THINNEST and long >= LONGER * thick and area == thick * long:
            found.append(box)
    return found


def without_bars(found: Decoded, bars: tuple[Bar, ...]) -> tuple[Decoded, int]:
    """Return the objects that do not lie on bars, numbered anew, and how many do; outlines are needed to tell."""
    if not bars or found.labels is None or not len(found.objects):
        return found, 0
    on_bars = np.zeros(len(found.objects) + 1, np.int64)
    drawn = np.zeros(found.labels.shape, bool)
    for rows, columns in bars:
        around = (slice(max(0, side.start - MARGIN), side.stop + MARGIN) for side in (rows, columns))
        drawn[tuple(around)] = True
    np.add.at(on_bars, found.labels[drawn], 1)
    keep = on_bars[found.objects.id] <= HALF * found.objects.area_px
    if keep.all():
        return found, 0
    ids = np.zeros(len(on_bars), np.int32)
    ids[found.objects.id[keep]] = np.arange(1, np.count_nonzero(keep) + 1)
    objects = replace(found.objects.select(keep), id=ids[found.objects.id[keep]])
    return replace(found, labels=ids[found.labels], objects=objects), int(np.count_nonzero(~keep))


def describe_bars(bars: tuple[Bar, ...], objects: int) -> str:
    """Return what became of the objects on bars, as a sentence."""
    place = f"row {bars[0][0].start + 1}, column {bars[0][1].start + 1}"
    counted = "1 object on it is" if objects == 1 else f"{objects} objects on it are"
    return f"A bar is drawn into the picture, as a scale bar is ({place}): {counted} not counted"
