"""JSON of labelme, AnyLabeling and X-AnyLabeling: one file per image, a shape per object.

Polygons, rectangles (also turned), circles and masks are read; shapes of one ``group_id`` are one object.

References
----------
https://github.com/wkentaro/labelme
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.formats.areas import (
    Area,
    SkippedShapes,
    box_of,
    cells_of_areas,
    ellipse,
    imported_cell,
    is_closed,
    points_of,
)
from napari_cellvino.formats.contours import trace_rings
from napari_cellvino.formats.decoding import JsonContent, decoding
from napari_cellvino.formats.field import Cells, MisfitError
from napari_cellvino.formats.label_canvas import check_flat
from napari_cellvino.formats.matching import ImageQuery

Json = Mapping[str, Any]
POLYGONS = ("polygon", "rotation", "quadrilateral", "oriented_rectangle")


def is_labelme(content: JsonContent) -> bool:
    """Return whether JSON is a file of labelme."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def read_labelme(path: Path, content: Json, shape: tuple[int, ...], wanted: ImageQuery) -> Cells:
    """Return the objects of a labelme file in an image (Y, X).

    Raises
    ------
    ImageReadError
        If it is damaged.
    ImageValueError
        If it is of an image of another size.
    """
    check_flat(path, "a file of labelme", shape)
    left, areas, groups = SkippedShapes(), list[Area](), dict[tuple[str, str], int]()
    with decoding(path, "JSON of labelme"):
        size = content.get("imageHeight"), content.get("imageWidth")
        if all(size) and tuple(map(int, filter(None, size))) != tuple(shape):
            raise MisfitError(path, tuple(map(int, filter(None, size))), shape)
        for number, entry in enumerate(content["shapes"], 1):
            kind, group = str(entry.get("label") or "cell"), entry.get("group_id")
            id_ = number if group is None else groups.setdefault((kind, str(group)), number)
            area = _area(entry, id_, kind, tuple(shape), left)
            if area is not None:
                areas.append(area)
        return cells_of_areas(path, areas, shape, left_out=left)


def _area(entry: Json, id_: int, kind: str, shape: tuple[int, ...], left: SkippedShapes) -> Area | None:
    form = str(entry.get("shape_type") or "polygon")
    points = points_of(entry.get("points") or [])
    cell = imported_cell(id_, kind)
    if form in POLYGONS or (form == "rectangle" and len(points) > 2) or (form == "linestrip" and is_closed(points)):
        return Area(cell, (points,))
    if form == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points.min(0).tolist(), points.max(0).tolist()
        return Area(imported_cell(id_, kind, box_of(x0, y0, x1 - x0, y1 - y0)))
    if form == "circle" and len(points) == 2:
        (x, y), edge = points.tolist()
        radius = math.dist((x, y), edge)
        return Area(cell, (ellipse(x, y, radius, radius),))
    if form == "mask" and entry.get("mask"):
        return Area(cell, _rings_of_mask(entry["mask"], points, shape))
    left.add(f"shape(s) of the type {form} are no areas")
    return None


def _rings_of_mask(packed: str, points: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[NDArray[np.int32], ...]:
    """Return the outlines of a mask, a PNG in base64 whose first pixel lies at the first point."""
    with Image.open(io.BytesIO(base64.b64decode(packed))) as picture:
        if picture.height > shape[0] or picture.width > shape[1]:
            raise ValueError(f"a mask of {picture.size} px is larger than the image")
        mask = np.asarray(picture.convert("L")) > 0
    corner = np.rint(points.min(0)).astype(np.int32) if len(points) else np.zeros(2, np.int32)
    return tuple(ring + corner for ring in trace_rings(mask.astype(np.int32)).get(1, []))
