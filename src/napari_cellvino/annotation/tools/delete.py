"""Delete objects, or their part in one plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_cellvino.annotation.document import Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.pixel_runs import empty_runs
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.record_changes import RecordChanges, Values
from napari_cellvino.annotation.region import Region
from napari_cellvino.annotation.tools.drawing import check_plane
from napari_cellvino.annotation.tools.single_object import reassign_pixels
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.objects import ObjectOrigin, ReviewState


def delete(annotation: Annotation, ids: Sequence[int], *, plane: int | None = None) -> Edit:
    """Return the edit that deletes objects, boxes or outlines; with a ``plane``, only their pixels in it.

    Deleted objects of a model are kept as records, so that another run does not bring them back.

    Raises
    ------
    EditError
        If nothing or background is chosen, or an object is not in the plane.
    """
    chosen = list(dict.fromkeys(ids))
    if not chosen:
        raise EditError("no cell is chosen; click on the one to delete")
    records = [annotation.record(id_) for id_ in sorted(chosen)]
    if plane is not None:
        check_plane(annotation, plane)
    runs = reassign_pixels(annotation, chosen, 0, plane=plane) if annotation.labels is not None else empty_runs()
    if plane is None or annotation.labels is None:
        return Edit(_name(chosen, plane), runs, _gone(annotation, records))
    planes = annotation.places([record.id for record in records]).regions()
    only_here = [r for r, region in zip(records, planes, strict=True) if _lies_only_in(region, plane)]
    gone = _gone(annotation, only_here)
    found = [after for after in gone.after if after is not None]
    return make_edit(annotation, _name(chosen, plane), runs, found, removed=set(gone.ids) - {r.id for r in found})


def _name(ids: list[int], plane: int | None) -> str:
    what = f"#{ids[0]}" if len(ids) == 1 else f"{len(ids)} cells"
    return f"Delete {what}" + ("" if plane is None else f" in plane {plane + 1}")


def _lies_only_in(region: Region, plane: int) -> bool:
    return (region.low[0], region.high[0]) == (plane, plane + 1)


def _gone(annotation: Annotation, records: Sequence[ObjectRecord]) -> RecordChanges:
    """Return the changes of records that are deleted; of drawn objects nothing stays."""
    places = annotation.places([record.id for record in records])
    values: Values = {
        "deleted": [True] * len(records),
        "review": [ReviewState.REJECTED] * len(records),
        "box": [*map(tuple, np.concatenate([places.low, places.high], axis=1).tolist())],
    }
    found = [None if record.origin is ObjectOrigin.DRAWN else record for record in records]
    return RecordChanges(records, found, values, [*values] if all(found) else ())
