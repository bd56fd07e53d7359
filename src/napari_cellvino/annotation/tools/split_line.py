"""Split objects by a line drawn across them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.tools.drawing import Points, draw_line, ids_under
from napari_cellvino.annotation.tools.single_object import Mask, Single, cut_out
from napari_cellvino.annotation.tools.split_parts import Parts, split_edit, spread
from napari_cellvino.core.errors import EditError

BEYOND = 2.0  # px that a line goes on at its ends: hands stop short
SMALLEST_PART = 4  # px; less than this beside a line is a crumb, no cell


def split_by_line(annotation: Annotation, line: Points, *, plane: int | None = None, whole: bool = True) -> Edit:
    """Return the edit that splits every object which a line (P, 2) crosses from side to side.

    In a z-stack the cut goes through all planes of the object or, without ``whole``, through the one drawn in.

    Raises
    ------
    EditError
        If the line misses all cells, or ends inside those that it meets.
    """
    drawn = draw_line(annotation, line, plane=plane, beyond=BEYOND)
    met = ids_under(annotation, drawn)
    if not met:
        raise EditError("the line meets no cell; draw it across the one to split")
    top_left = drawn.region.low[-2:]
    cut_yx = np.argwhere(drawn.mask.reshape(drawn.mask.shape[-2:])) + np.asarray(top_left)
    singles = [cut_out(annotation, id_, plane=None if whole else plane) for id_ in met]
    cuts = [(single, parts) for single in singles if (parts := _parts(single, cut_yx)).max() > 1]
    if not cuts:
        named = ", ".join(f"#{id_}" for id_ in met)
        raise EditError(f"the line ends inside {named}; draw it from one side of the cell to the other")
    return split_edit(annotation, cuts)


def _parts(single: Single, cut_yx: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Parts:
    """Return the parts 1…K that a cut at pixels (P, 2) makes of an object; one where it is not crossed."""
    local = cut_yx - np.asarray(single.region.low[-2:])
    local = local[((local >= 0) & (local < np.asarray(single.region.shape[-2:]))).all(axis=1)]
    rest = single.own.copy()
    rest[..., local[:, 0], local[:, 1]] = False
    parts, count = _large_parts(rest)
    if count <= _large_parts(single.own)[1]:
        return single.own.astype(np.int32)
    return spread(parts, single.own)


def _large_parts(mask: Mask) -> tuple[Parts, int]:
    """Return the pieces of a mask that hang together by sides, numbered from 1, crumbs left out, and their number."""
    pieces, _ = ndi.label(mask)
    count = np.bincount(pieces.reshape(-1))
    kept = count >= SMALLEST_PART
    kept[0] = False
    lookup = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return lookup[pieces], int(kept.sum())
