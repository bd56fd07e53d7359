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
    places = np.unique(np.linspace(0, len(frames) - 1, LOOKED_AT).astype(int)).tolist() if frames else []
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
    found = [steeper for picture in pictures if (steeper := _of_picture(picture, flat)) is not None]
    return (max(turned for turned, _ in found), max(moved for _, moved in found)) if found else None


def _of_picture(picture: NDArray[np.generic], labels: NDArray[np.integer]) -> _Steeper | None:
    from scipy import ndimage

    steep = ndimage.gaussian_gradient_magnitude(picture.astype(np.float32), 1.0)
    lines = np.zeros(labels.shape, bool)
    lines[1:] |= labels[1:] != labels[:-1]
    lines[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    turned = [float(steep[lines[::y, ::x]].mean()) for y, x in ((-1, 1), (1, -1), (-1, -1))]
    cells = frame_cells(labels)
    half = max(int(cells.diameter / 2), 3)
    moved = [_along(steep, lines, step) for step in ((half, 0), (-half, 0), (0, half), (0, -half))]
    known = [steeper for steeper in moved if steeper is not None]
    if not known or not np.mean(turned) > 0:
        return (np.inf, np.inf) if float(steep[lines].mean()) > 0 else None
    return float(steep[lines].mean() / np.mean(turned)), float(1 / np.mean(known)) if np.mean(known) > 0 else np.inf


def _along(steep: NDArray[np.float32], lines: NDArray[np.bool_], step: tuple[int, int]) -> float | None:
    """Return how many times as steep a picture is across lines moved by a step (y, x) as where they are."""
    own, there = (
        tuple(slice(max(sign * s, 0), size + min(sign * s, 0)) for s, size in zip(step, steep.shape, strict=True))
        for sign in (-1, 1)
    )
    chosen = lines[own]
    before = float(steep[own][chosen].mean()) if chosen.any() else 0.0
    return float(steep[there][chosen].mean()) / before if before > 0 else None
