"""Edits from the strokes of a viewer's own brush, fill, polygon and eraser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.document import LAST_ID, Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.pixel_runs import runs_between, runs_of_pixels
from napari_cellvino.annotation.region import Region
from napari_cellvino.core.errors import EditError


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """Pixels painted at once: coordinates per axis, (P,) each, and their labels before and after."""

    coordinates: tuple[NDArray[np.integer[Any]], ...]
    before: NDArray[np.integer[Any]] | int
    after: NDArray[np.integer[Any]] | int


def stroke_of_region(region: Region, before: NDArray[np.int32], after: NDArray[np.int32]) -> Stroke:
    """Return the stroke that changes a region from ``before`` to ``after``; both have its shape."""
    changed = np.nonzero(before != after)
    place = tuple(axis + low for axis, low in zip(changed, region.low, strict=True))
    return Stroke(place, before[changed], after[changed])


def edit_from_strokes(annotation: Annotation, name: str, strokes: Sequence[Stroke]) -> Edit:
    """Return one edit for strokes in the order of painting; they may overlap.

    A pixel changes from its label before the first stroke over it to its label after the last one.

    Raises
    ------
    EditError
        If strokes lie outside the image, or paint invalid ids.
    """
    pixels, before, after = _flat(annotation, strokes)
    places, first = np.unique(pixels, return_index=True)
    last = len(pixels) - 1 - np.unique(pixels[::-1], return_index=True)[1]
    wrong = after[(after < 0) | (after >= LAST_ID)]
    if len(wrong):
        raise EditError(f"{name} painted the number {wrong[0]}; cells have numbers from 1 to {LAST_ID - 1}")
    shape = annotation.pixels.shape
    return make_edit(annotation, name, runs_of_pixels(shape, places, before[first], after[last]))


def edit_region(annotation: Annotation, name: str, region: Region, after: NDArray[np.int32]) -> Edit:
    """Return the edit that sets the labels of a region to ``after``, which has its shape."""
    before = annotation.pixels[region.slices]
    return make_edit(annotation, name, runs_between(annotation.shape, region, before, after))


def _flat(annotation: Annotation, strokes: Sequence[Stroke]) -> tuple[NDArray[np.int64], ...]:
    """Return flat index, label before and label after (P,) of every painted pixel, in the order of painting."""
    parts = []
    for stroke in strokes:
        places = tuple(np.asarray(axis, np.int64).reshape(-1) for axis in stroke.coordinates)
        shape = annotation.pixels.shape
        inside = len(places) == len(shape) and all(
            len(axis) == 0 or (axis.min() >= 0 and axis.max() < size) for axis, size in zip(places, shape, strict=True)
        )
        if not inside:
            raise EditError(f"something was painted outside the image of {shape} px; it is left out")
        flat = np.ravel_multi_index(places, shape).astype(np.int64)
        labels = (np.broadcast_to(np.asarray(side, np.int64), flat.shape) for side in (stroke.before, stroke.after))
        parts.append((flat, *labels))
    if not parts:
        return (np.zeros(0, np.int64),) * 3
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
