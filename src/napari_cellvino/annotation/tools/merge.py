"""Merge several objects into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import scipy

from napari_cellvino.annotation.document import Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.tools.drawing import check_plane
from napari_cellvino.annotation.tools.single_object import reassign_pixels
from napari_cellvino.core.errors import EditError, UnsureError
from napari_cellvino.core.linked import linked_groups
from napari_cellvino.core.objects import Doubt, ObjectOrigin, ReviewState


def merge(annotation: Annotation, ids: Sequence[int], *, plane: int | None = None, apart: bool = False) -> Edit:
    """Return the edit that merges objects; id, class and score are those of the largest.

    With a ``plane``, only their pixels in it are added to the largest.

    Raises
    ------
    EditError
        If fewer than two objects are chosen, background is among them, or one is not in the plane.
    UnsureError
        If they do not touch and ``apart`` is False.
    """
    index, chosen = annotation.index, list(dict.fromkeys(ids))
    records = [annotation.record(id_) for id_ in chosen]
    if len(chosen) < 2:
        only = f"only #{chosen[0]}" if chosen else "none"
        raise EditError(f"merging takes two cells or more, {only} was chosen; drag across the cells to join")
    if plane is not None:
        check_plane(annotation, plane)
    if not apart and not _connected(annotation, chosen, plane):
        named = " and ".join(f"#{id_}" for id_ in chosen) if len(chosen) == 2 else f"these {len(chosen)} cells"
        raise UnsureError(f"{named} do not touch; merge them all the same?")
    kept = max(records, key=lambda record: (index.area(record.id), -record.id))
    runs = reassign_pixels(annotation, [id_ for id_ in chosen if id_ != kept.id], kept.id, plane=plane)
    sources = tuple(dict.fromkeys(root for record in records for root in record.root_ids))
    merged = replace(
        kept, origin=ObjectOrigin.MERGED, review=ReviewState.EDITED, sources=sources, doubts=Doubt.NONE, excluded=False
    )
    return make_edit(annotation, "Merge " + ", ".join(f"#{id_}" for id_ in chosen), runs, [merged])


def _connected(annotation: Annotation, ids: list[int], plane: int | None) -> bool:
    """Return whether the objects are connected by sides or corners."""
    pairs = [(a, b) for a, b in combinations(range(len(ids)), 2) if _touch(annotation, ids[a], ids[b], plane)]
    row, column = np.array(pairs, np.intp).reshape(-1, 2).T
    return not linked_groups(len(ids), row, column).any()


def _touch(annotation: Annotation, a: int, b: int, plane: int | None) -> bool:
    near = annotation.region([a], plane=plane, margin=1).intersection(annotation.region([b], plane=plane, margin=1))
    if near.empty:
        return False
    labels = annotation.pixels[near.slices]
    reached = scipy.ndimage.binary_dilation(labels == a, np.ones((3,) * labels.ndim))
    return bool((reached & (labels == b)).any())
