"""Brush and eraser that do not change neighbouring objects."""

from __future__ import annotations

import numpy as np

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.paint_strokes import edit_region
from napari_cellvino.annotation.tools.drawing import Drawing
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.objects import ReviewState


def brush(annotation: Annotation, id_: int, drawing: Drawing) -> Edit:
    """Return the edit that adds the background pixels of a drawing to an object.

    Raises
    ------
    EditError
        If there is no such object, or the drawing has no background pixel.
    """
    annotation.record(id_)
    before = annotation.pixels[drawing.region.slices]
    free = drawing.mask & (before == 0)
    if not free.any():
        raise EditError(f"nothing to add to #{id_}: under the brush are only cells; neighbours are not overwritten")
    return edit_region(annotation, f"Brush #{id_}", drawing.region, np.where(free, np.int32(id_), before))


def erase(annotation: Annotation, drawing: Drawing, *, id_: int | None = None) -> Edit:
    """Return the edit that erases the pixels of a drawing: of one object, or of all that are not accepted.

    Raises
    ------
    EditError
        If nothing under the drawing may be erased.
    """
    before = annotation.pixels[drawing.region.slices]
    if id_ is not None:
        annotation.record(id_)
    under = [i for i in np.unique(before[drawing.mask]).tolist() if i and id_ in (None, i)]
    accepted = [i for i in under if annotation.record(i).review is ReviewState.ACCEPTED]
    meant = [i for i in under if i == id_ or i not in accepted]
    if not meant:
        if accepted:
            raise EditError(f"#{accepted[0]} was accepted and is not erased; choose it first")
        raise EditError("nothing to erase: there is no cell here" if id_ is None else f"nothing of #{id_} is here")
    erased = drawing.mask & np.isin(before, meant)
    what = f"#{meant[0]}" if len(meant) == 1 else f"{len(meant)} cells"
    return edit_region(annotation, f"Erase in {what}", drawing.region, np.where(erased, np.int32(0), before))
