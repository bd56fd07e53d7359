"""Edits of boxes: add, move, resize. Deleting and marking works as for outlines."""

from __future__ import annotations

from dataclasses import replace

from napari_cellvino.annotation.document import Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.record import Box, drawn_record
from napari_cellvino.annotation.region import Region
from napari_cellvino.core.errors import EditError


def add_box(
    annotation: Annotation, corner: tuple[float, float], opposite: tuple[float, float], *, class_index: int = 0
) -> Edit:
    """Return the edit that adds a box between two corners (y, x).

    Raises
    ------
    EditError
        If the objects have outlines, the box contains no pixel of the image, or there is no such class.
    """
    _check_boxes(annotation)
    if not 0 <= class_index < max(1, len(annotation.classes)):
        raise EditError(f"there is no class {class_index + 1}; there are {len(annotation.classes)}")
    new = annotation.next_id
    record = drawn_record(new, class_index=class_index, box=_box(annotation, corner, opposite))
    return make_edit(annotation, f"Add #{new}", None, [record])


def move_box(annotation: Annotation, id_: int, by: tuple[float, float]) -> Edit:
    """Return the edit that moves a box by (y, x) px; it stops at the edge of the image.

    Raises
    ------
    EditError
        If there is no such box, or it does not move.
    """
    y0, x0, y1, x1 = _box_of(annotation, id_)
    dy = min(max(round(by[0]), -y0), annotation.shape[0] - y1)
    dx = min(max(round(by[1]), -x0), annotation.shape[1] - x1)
    return _changed(annotation, id_, (y0 + dy, x0 + dx, y1 + dy, x1 + dx), "Move")


def resize_box(annotation: Annotation, id_: int, corner: tuple[float, float], opposite: tuple[float, float]) -> Edit:
    """Return the edit that gives a box other corners (y, x).

    Raises
    ------
    EditError
        If there is no such box, nothing changes, or the box would contain no pixel of the image.
    """
    _box_of(annotation, id_)
    return _changed(annotation, id_, _box(annotation, corner, opposite), "Resize")


def boxes_at(annotation: Annotation, point: tuple[float, float]) -> list[int]:
    """Return the ids of the boxes that contain a point (y, x), the smallest first."""
    y, x = (round(value) for value in point)
    boxes = [(id_, record.box) for id_, record in annotation.records.items() if record.box is not None]
    held = [id_ for id_, box in boxes if box[0] <= y < box[2] and box[1] <= x < box[3]]
    return sorted(held, key=lambda id_: (annotation.geometry(id_).area, id_))


def _box(annotation: Annotation, corner: tuple[float, float], opposite: tuple[float, float]) -> Box:
    y0, y1 = sorted((round(corner[0]), round(opposite[0])))
    x0, x1 = sorted((round(corner[1]), round(opposite[1])))
    region = Region((y0, x0), (y1, x1)).within(annotation.shape)
    if region.empty:
        raise EditError("the box holds no pixel of the image; drag from one corner to the other")
    (a, b), (c, d) = region.low, region.high
    return a, b, c, d


def _changed(annotation: Annotation, id_: int, box: Box, verb: str) -> Edit:
    record = annotation.record(id_)
    if record.box == box:
        raise EditError(f"{verb} changes nothing: #{id_} is there already")
    return make_edit(annotation, f"{verb} #{id_}", None, [replace(record.edited(), box=box)])


def _box_of(annotation: Annotation, id_: int) -> Box:
    _check_boxes(annotation)
    y0, x0, y1, x1 = annotation.record(id_).box or (0, 0, 0, 0)
    return y0, x0, y1, x1


def _check_boxes(annotation: Annotation) -> None:
    if annotation.labels is not None:
        raise EditError("these cells have outlines and are no boxes; use the tools for outlines")
