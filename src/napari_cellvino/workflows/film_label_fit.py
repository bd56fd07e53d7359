"""Whether label images are of the film that they were named with: outlines lie where the pictures have edges.

The pictures change across the outlines of their own cells more than across the same outlines turned over, in any kind
of microscopy: 2 to 20 times on films of three kinds, 0.3 to 1.5 times where the labels were moved away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.workflows.film import Film

LOOKED_AT = 5  # frames
LEAST = 1.15  # times as steep as across outlines turned over


def describe_misfit(
    film: Film, labels_of: Callable[[int], NDArray[np.integer]], frames: Sequence[int], path: Path
) -> tuple[str, ...]:
    """Return what is to be said of label images whose outlines do not lie on edges of the pictures; empty if they do.

    A few of the ``frames`` are looked at, each in the channel that fits best; those that cannot be read, or whose
    labels are of another size, say nothing.
    """
    places = np.unique(np.linspace(0, len(frames) - 1, LOOKED_AT).astype(int)).tolist() if frames else []
    found = [steeper for place in places if (steeper := _steeper(film, labels_of, frames[place])) is not None]
    if not found or float(np.median(found)) >= LEAST:
        return ()
    return (
        f"the outlines of {path.name} lie on edges of the pictures hardly more than turned over "
        f"({np.median(found):.2f} times, in {len(found)} of its frames): are they of this film?",
    )


def _steeper(film: Film, labels_of: Callable[[int], NDArray[np.integer]], number: int) -> float | None:
    """Return how many times as steep a picture is across outlines as across the same turned over, None if unknown."""
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
    return max((steeper for picture in pictures if (steeper := _of_picture(picture, flat)) is not None), default=None)


def _of_picture(picture: NDArray[np.generic], labels: NDArray[np.integer]) -> float | None:
    from scipy import ndimage

    steep = ndimage.gaussian_gradient_magnitude(picture.astype(np.float32), 1.0)
    lines = np.zeros(labels.shape, bool)
    lines[1:] |= labels[1:] != labels[:-1]
    lines[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    turned = float(np.mean([steep[lines[::y, ::x]].mean() for y, x in ((-1, 1), (1, -1), (-1, -1))]))
    own = float(steep[lines].mean())
    return own / turned if turned > 0 else (np.inf if own > 0 else None)
