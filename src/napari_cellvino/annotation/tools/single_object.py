"""The mask of one object in its region, for tools that change outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.paint_strokes import edit_region
from napari_cellvino.annotation.pixel_runs import PixelRuns, runs_of_objects
from napari_cellvino.annotation.region import Region
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.label_runs import numbered

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ObjectMask:
    """An object in its region: its own pixels, and its own plus background pixels."""

    id: int
    region: Region
    own: Mask
    free: Mask


def extract_object(annotation: Annotation, id_: int, *, plane: int | None = None, margin: int = 0) -> ObjectMask:
    """Return an object with a margin in px, whole or in one plane.

    Raises
    ------
    EditError
        If there is no such object, or it has no pixel in the plane.
    """
    annotation.record(id_)
    labels = annotation.pixels
    region = annotation.region([id_], plane=plane, margin=margin)
    own = labels[region.slices] == id_
    if not own.any():
        raise _not_in_plane(id_, plane)
    return ObjectMask(id_, region, own, own | (labels[region.slices] == 0))


def reassign_pixels(
    annotation: Annotation, ids: Sequence[int], to: int, *, plane: int | None = None, within: Region | None = None
) -> PixelRuns:
    """Return the runs that assign the pixels of objects to the id ``to`` (0: background).

    All of them, or those in one plane, or within a region.

    Raises
    ------
    EditError
        If there is no such object, or it has no pixel in the plane.
    """
    for id_ in ids:
        annotation.record(id_)
    places, part = annotation.index.places(ids), Region((0,) * len(annotation.shape), annotation.shape)
    part = (part if within is None else part.intersection(within)).in_plane(plane)
    low = np.maximum(places.low, part.low)
    runs = runs_of_objects(annotation.pixels, low, np.maximum(np.minimum(places.high, part.high), low), ids, to)
    missing = set(ids).difference(numbered(runs.before)[0].tolist())
    if missing:
        raise _not_in_plane(next(id_ for id_ in ids if id_ in missing), plane)
    return runs.at(runs.before != to).ordered()


def edit_mask(annotation: Annotation, name: str, single: ObjectMask, mask: Mask) -> Edit:
    """Return the edit that sets the pixels of an object to a mask, apart from pixels of other objects.

    Raises
    ------
    EditError
        If no pixel of it would remain, or nothing changes.
    """
    after = np.where(single.own, 0, annotation.pixels[single.region.slices])
    mask = mask & single.free
    if not mask.any() and annotation.index.area(single.id) == single.own.sum():
        raise EditError(f"nothing would be left of #{single.id}; delete it instead")
    if (mask == single.own).all():
        raise EditError(f"{name} changes nothing: its outline is already so, or there is no room")
    after[mask] = single.id
    return edit_region(annotation, name, single.region, after)


def _not_in_plane(id_: int, plane: int | None) -> EditError:
    return EditError(f"#{id_} is not in plane {(plane or 0) + 1}; choose a plane that it is in")
