"""Delete objects, or their part in one plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from napari_cellvino.annotation.document import Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.record import ObjectRecord
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
    records = [annotation.record(id_) for id_ in chosen]
    if plane is not None:
        check_plane(annotation, plane)
    runs = reassign_pixels(annotation, chosen, 0, plane=plane) if annotation.labels is not None else None
    places = zip(records, annotation.places(chosen).regions(), strict=True)
    ends = [(record, region) for record, region in places if runs is None or _lies_only_in(region, plane)]
    drawn = {record.id for record, _ in ends if record.origin is ObjectOrigin.DRAWN}
    found = [_deleted_record(record, region) for record, region in ends if record.id not in drawn]
    return make_edit(annotation, _name(chosen, plane), runs, found, removed=drawn)


def _name(ids: list[int], plane: int | None) -> str:
    what = f"#{ids[0]}" if len(ids) == 1 else f"{len(ids)} cells"
    return f"Delete {what}" + ("" if plane is None else f" in plane {plane + 1}")


def _lies_only_in(region: Region, plane: int | None) -> bool:
    return plane is None or (region.low[0], region.high[0]) == (plane, plane + 1)


def _deleted_record(record: ObjectRecord, region: Region) -> ObjectRecord:
    return replace(record, deleted=True, review=ReviewState.REJECTED, box=(*region.low, *region.high))
