"""Edits of the outline of one object: fill holes, smooth, grow, shrink, redraw. Neighbours are not changed.

In a z-stack, every plane is edited separately: all planes, or the given one.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.tools.drawing import Drawing
from napari_cellvino.annotation.tools.single_object import Mask, ObjectMask, edit_mask, extract_object
from napari_cellvino.core.errors import EditError

SMOOTH = 1.5  # px
MARGIN = 3  # px around an object that smoothing may reach


def fill_holes(annotation: Annotation, id_: int, *, plane: int | None = None) -> Edit:
    """Return the edit that fills the holes of an object; other objects in them are kept.

    Raises
    ------
    EditError
        If it has none.
    """
    single = extract_object(annotation, id_, plane=plane)
    filled = np.stack([ndi.binary_fill_holes(own) for own in _planes(single.own)]).reshape(single.own.shape)
    if not (filled & single.free & ~single.own).any():
        raise EditError(f"#{id_} has no holes")
    return edit_mask(annotation, f"Fill holes of #{id_}", single, filled)


def smooth(annotation: Annotation, id_: int, *, plane: int | None = None) -> Edit:
    """Return the edit that smooths an outline with a Gaussian of `SMOOTH` px.

    Raises
    ------
    EditError
        If it is smooth already, or too thin to be smoothed.
    """
    single = extract_object(annotation, id_, plane=plane, margin=MARGIN)
    sigma = (0.0,) * (single.own.ndim - 2) + (SMOOTH, SMOOTH)
    # The image's edge is no outline: the object is continued beyond it.
    rounded = ndi.gaussian_filter(single.own.astype(np.float32), sigma, mode="nearest") > 0.5
    return edit_mask(annotation, f"Smooth #{id_}", single, rounded)


def grow(annotation: Annotation, id_: int, *, plane: int | None = None) -> Edit:
    """Return the edit that dilates an object by one pixel, into background only.

    Raises
    ------
    EditError
        If there is no room.
    """
    single = extract_object(annotation, id_, plane=plane, margin=1)
    return edit_mask(annotation, f"Grow #{id_}", single, ndi.binary_dilation(single.own, _cross(single)))


def shrink(annotation: Annotation, id_: int, *, plane: int | None = None) -> Edit:
    """Return the edit that erodes an object by one pixel; not at the edge of the image.

    Raises
    ------
    EditError
        If nothing would be left.
    """
    single = extract_object(annotation, id_, plane=plane, margin=1)
    smaller = ndi.binary_erosion(single.own, _cross(single), border_value=1)
    return edit_mask(annotation, f"Shrink #{id_}", single, smaller)


def redraw(annotation: Annotation, id_: int, drawing: Drawing) -> Edit:
    """Return the edit that gives an object the outline of a drawing, in the drawing's plane.

    Raises
    ------
    EditError
        If there is no such object, or no room for it there.
    """
    annotation.record(id_)
    plane = drawing.region.low[0] if len(annotation.shape) == 3 else None
    region = annotation.region([id_], plane=plane).union(drawing.region).in_plane(plane)
    before = annotation.pixels[region.slices]
    mask = np.zeros(region.shape, bool)
    inner = tuple(
        slice(a - low, b - low) for a, b, low in zip(drawing.region.low, drawing.region.high, region.low, strict=True)
    )
    mask[inner] = drawing.mask
    single = ObjectMask(id_, region, before == id_, (before == id_) | (before == 0))
    return edit_mask(annotation, f"Redraw #{id_}", single, mask)


def _planes(mask: Mask) -> Mask:
    return mask.reshape(-1, *mask.shape[-2:])


def _cross(single: ObjectMask) -> Mask:
    """Return the structuring element of 4-neighbours in the plane."""
    cross = ndi.generate_binary_structure(2, 1)
    return np.asarray(cross.reshape((1,) * (single.own.ndim - 2) + cross.shape), bool)
