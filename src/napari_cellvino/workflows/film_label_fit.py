"""Whether label images are of the film that they were named with: outlines lie where the pictures have edges.

The pictures change across the outlines of their own cells more than across the same outlines turned over, in any kind
of microscopy: 2 to 20 times on films of three kinds, 0.3 to 1.5 times where the labels were moved away. They change
more than across the outlines moved by half a cell too: 1.04 to 4 times on 40 fields of six kinds, 0.5 to 1.06 times
where the labels were moved by half a cell; two cells away, or of another field, below 1.03 for two of three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.spread import spread_over
from napari_cellvino.quality.outline_fit import outline_fit
from napari_cellvino.tracking.frame_cells import frame_cells
from napari_cellvino.workflows.film import Film

LOOKED_AT = 5  # frames
LEAST = 1.15  # times as steep as across outlines turned over
AHEAD = 1.03  # times as steep as across outlines moved by half a cell


def describe_misfit(
    film: Film, labels_of: Callable[[int], NDArray[np.integer]], frames: Sequence[int], path: Path
) -> tuple[str, ...]:
    """Return what is to be said of label images whose outlines do not lie on edges of the pictures; empty if they do.

    A few of the ``frames`` are looked at, each in the channel that fits best; those that cannot be read, or whose
    labels are of another size, say nothing.
    """
    places = spread_over(len(frames), LOOKED_AT)
    found = [steeper for place in places if (steeper := _steeper(film, labels_of, frames[place])) is not None]
    if not found:
        return ()
    turned, moved = np.median(found, axis=0).tolist()
    if turned >= LEAST and moved >= AHEAD:
        return ()
    if _are_marks(labels_of, [frames[place] for place in places]):
        return (
            f"the labels of {path.name} are marks of one size, and not on edges of the pictures: they say where cells "
            "are; sizes, confluence and intensities are those of the marks",
        )
    than = f"turned over ({turned:.2f}" if turned < LEAST else f"moved by half a cell ({moved:.2f}"
    return (
        f"the outlines of {path.name} lie on edges of the pictures hardly more than {than} times, in {len(found)} of "
        "its frames): are they of this film?",
    )


def _are_marks(labels_of: Callable[[int], NDArray[np.integer]], frames: Sequence[int]) -> bool:
    """Return whether the labels of all frames that can be read, and have some, are spots of one size."""
    found = []
    for number in frames:
        try:
            cells = frame_cells(labels_of(number))
        except CellvinoError:  # told where the frame is read
            continue
        found += [cells.are_marks] if len(cells) else []
    return bool(found) and all(found)


_Steeper = tuple[float, float]
"""How many times as steep a picture is across outlines as across the same turned over, and moved by half a cell."""


def _steeper(film: Film, labels_of: Callable[[int], NDArray[np.integer]], number: int) -> _Steeper | None:
    """Return how much steeper a frame is across outlines, each of its best channel; None if unknown."""
    try:
        labels, (stack, frame) = labels_of(number), film.frame(number)
        flat = labels if labels.ndim == 2 else labels.max(axis=0)
        if flat.shape != (stack.shape.y, stack.shape.x) or not flat.any():
            return None
        planes = range(stack.shape.z)
        pictures = [
            np.max([stack.plane(t=frame - 1, c=channel, z=z) for z in planes], axis=0)
            for channel in range(stack.shape.c)
        ]
    except CellvinoError:  # told where the frame is read
        return None
    diameter = frame_cells(flat).diameter
    found = [fit for picture in pictures if (fit := outline_fit(picture, flat, diameter)) is not None]
    return (max(fit.turned for fit in found), max(fit.moved for fit in found)) if found else None
