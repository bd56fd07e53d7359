"""Split objects along a drawn line."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.tools.drawing import Points, draw_line, ids_under
from napari_cellvino.annotation.tools.single_object import Mask, ObjectMask, extract_object
from napari_cellvino.annotation.tools.split_parts import Parts, grow_markers, split_edit
from napari_cellvino.core.errors import EditError

BEYOND = 2.0  # px by which both ends are extended, since drawn lines often end short
SMALLEST_PART = 4  # px; smaller parts beside a line are ignored


def split_by_line(annotation: Annotation, line: Points, *, plane: int | None = None, whole: bool = True) -> Edit:
    """Return the edit that splits every object that a line (P, 2) crosses completely.

    In a z-stack, the cut goes through all planes of the object or, without ``whole``, only through ``plane``.

    Raises
    ------
    EditError
        If the line meets no cell, or ends inside the cells it meets.
    """
    drawn = draw_line(annotation, line, plane=plane, beyond=BEYOND)
    met = ids_under(annotation, drawn)
    if not met:
        raise EditError("the line meets no cell; draw it across the one to split")
    top_left = drawn.region.low[-2:]
    cut_yx = np.argwhere(drawn.mask.reshape(drawn.mask.shape[-2:])) + np.asarray(top_left)
    singles = [extract_object(annotation, id_, plane=None if whole else plane) for id_ in met]
    cuts = [(single, parts) for single in singles if (parts := _parts(single, cut_yx)).max() > 1]
    if not cuts:
        named = ", ".join(f"#{id_}" for id_ in met)
        raise EditError(f"the line ends inside {named}; draw it from one side of the cell to the other")
    return split_edit(annotation, cuts)


def _parts(single: ObjectMask, cut_yx: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Parts:
    """Return the parts 1…K of an object after a cut at pixels (P, 2); one part where it is not crossed."""
    local = cut_yx - np.asarray(single.region.low[-2:])
    local = local[((local >= 0) & (local < np.asarray(single.region.shape[-2:]))).all(axis=1)]
    rest = single.own.copy()
    rest[..., local[:, 0], local[:, 1]] = False
    parts, count = _large_parts(rest)
    if count <= _large_parts(single.own)[1]:
        return single.own.astype(np.int32)
    return grow_markers(parts, single.own)


def _large_parts(mask: Mask) -> tuple[Parts, int]:
    """Return the connected components of a mask, numbered from 1, without tiny ones, and their number."""
    pieces, _ = ndi.label(mask)
    count = np.bincount(pieces.reshape(-1))
    kept = count >= SMALLEST_PART
    kept[0] = False
    lookup = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return lookup[pieces], int(kept.sum())
