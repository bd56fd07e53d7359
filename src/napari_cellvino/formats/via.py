"""JSON and CSV of the VGG Image Annotator (VIA), versions 1 to 3: the regions of many images in one file.

References
----------
https://www.robots.ox.ac.uk/~vgg/software/via
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.formats.areas import (
    Area,
    SkippedShapes,
    box_of,
    cells_of_areas,
    ellipse,
    imported_cell,
    is_closed,
    numbered,
    points_of,
)
from napari_cellvino.formats.decoding import JsonContent, check_fits, decoding
from napari_cellvino.formats.field import Cells
from napari_cellvino.formats.label_canvas import check_flat
from napari_cellvino.formats.matching import Entry, ImageQuery, choose_entry

Json = Mapping[str, Any]
Region = tuple[Json, Json]  # shape, attributes
KIND = "a file of VIA"
CLASS_NAMES = ("class", "label", "type", "name")
COLUMNS = {"filename", "region_shape_attributes", "region_attributes"}
FORMS = {2: "rect", 3: "circle", 4: "ellipse", 6: "polyline", 7: "polygon"}  # of version 3


def is_via(content: JsonContent) -> bool:
    """Return whether JSON is a project or the annotations of VIA."""
    if not isinstance(content, dict) or not content:
        return False
    if "_via_img_metadata" in content or {"metadata", "file", "view"} <= content.keys():
        return True
    return all(isinstance(one, dict) and {"filename", "regions"} <= one.keys() for one in content.values())


def read_via(path: Path, content: Json, shape: tuple[int, ...], wanted: ImageQuery) -> Cells:
    """Return the regions of an image (Y, X) in JSON of VIA.

    Raises
    ------
    ImageReadError
        If it is damaged.
    ImageValueError
        If it has no such image, or that is ambiguous.
    """
    check_flat(path, KIND, shape)
    with decoding(path, "JSON of VIA"):
        images = _version_3(content) if "view" in content else _images(content)
    return _cells(path, images, shape, wanted)


def _images(content: Json) -> list[tuple[str, list[Region]]]:
    found = []
    for one in content.get("_via_img_metadata", content).values():
        regions = one["regions"].values() if isinstance(one["regions"], dict) else one["regions"]
        pairs = [(region["shape_attributes"], region.get("region_attributes") or {}) for region in regions]
        found.append((str(one["filename"]), pairs))
    return found


def _version_3(content: Json) -> list[tuple[str, list[Region]]]:
    """Return the files of a project of version 3, whose regions are lists of numbers in views."""
    regions: dict[str, list[Region]] = {}
    for one in content["metadata"].values():
        if one["xy"]:
            regions.setdefault(str(one["vid"]), []).append((_shape_3(one["xy"]), one.get("av") or {}))
    views = {str(view["fid_list"][0]): name for name, view in content["view"].items() if view["fid_list"]}
    return [(str(one["fname"]), regions.get(views.get(fid, ""), [])) for fid, one in content["file"].items()]


def _shape_3(xy: Sequence[float]) -> Json:
    form, numbers = FORMS.get(int(xy[0]), "point"), list(xy[1:])
    keys: dict[str, tuple[str, ...]] = {
        "rect": ("x", "y", "width", "height"), "circle": ("cx", "cy", "r"), "ellipse": ("cx", "cy", "rx", "ry"),
    }  # fmt: skip
    if form in keys:
        return {"name": form, **dict(zip(keys[form], numbers, strict=False))}
    return {"name": form, "all_points_x": numbers[::2], "all_points_y": numbers[1::2]}


def read_via_csv(path: Path, shape: tuple[int, ...], wanted: ImageQuery) -> Cells:
    """Return the regions of an image (Y, X) in the CSV of VIA.

    Raises
    ------
    ImageReadError
        If it is another table, or damaged.
    ImageValueError
        If it has no such image, or that is ambiguous.
    """
    check_flat(path, KIND, shape)
    images: dict[str, list[Region]] = {}
    with decoding(path, "a CSV of VIA"):
        check_fits(path, 10 * path.stat().st_size)
        with path.open(newline="", encoding="utf-8-sig") as handle:
            table = csv.DictReader(line for line in handle if not line.startswith("#"))
            if "shape-type" in (table.fieldnames or ()):
                raise ImageReadError(
                    f"{path} holds Shapes of napari; make labels of them there (right click on the layer, Convert to "
                    "Labels), save these as TIFF and import that"
                )
            if not set(table.fieldnames or ()) >= COLUMNS:
                raise ImageReadError(
                    f"{path} is a table with the columns {', '.join((table.fieldnames or ())[:6])}, not outlines; of "
                    "CSV those of VIA are read, with the columns filename and region_shape_attributes"
                )
            for row in table:
                regions = images.setdefault(row["filename"], [])
                form = json.loads(row["region_shape_attributes"] or "{}")
                if form:
                    regions.append((form, json.loads(row["region_attributes"] or "{}")))
    return _cells(path, list(images.items()), shape, wanted)


def _cells(path: Path, images: Sequence[tuple[str, list[Region]]], shape: tuple[int, ...], wanted: ImageQuery) -> Cells:
    row = choose_entry(path, [Entry(name) for name, _ in images], wanted, shape)
    left = SkippedShapes()
    with decoding(path, KIND):
        return cells_of_areas(path, numbered(list(_areas(images[row][1], left))), shape, left_out=left)


def _areas(regions: Iterable[Region], left: SkippedShapes) -> Iterable[Area]:
    open_lines = 0
    for form, said in regions:
        kind, name = _class_of(said), str(form.get("name"))
        cell = imported_cell(1, kind)
        if name in ("polygon", "polyline"):
            points = points_of(np.stack([form["all_points_x"], form["all_points_y"]], axis=1))
            open_lines += name == "polyline" and not is_closed(points)
            yield Area(cell, (points,))
        elif name == "rect":
            box = box_of(*(float(form[key]) for key in ("x", "y", "width", "height")))
            yield Area(imported_cell(1, kind, box))
        elif name == "circle":
            radius = float(form["r"])
            yield Area(cell, (ellipse(float(form["cx"]), float(form["cy"]), radius, radius),))
        elif name == "ellipse":
            x, y, rx, ry = (float(form[key]) for key in ("cx", "cy", "rx", "ry"))
            yield Area(cell, (ellipse(x, y, rx, ry, float(form.get("theta") or 0)),))
        else:
            left.add(f"region(s) of the kind {name} are no areas")
    if open_lines:
        left.remarks = (*left.remarks, f"{open_lines} polyline(s) are open: taken as outlines that close by themselves")


def _class_of(said: Json) -> str:
    """Return the class that a region's attributes name: that of a usual name, else the first word there is."""
    words = {key.casefold(): value for key, value in said.items()} if isinstance(said, dict) else {}
    for key in (*CLASS_NAMES, *words):
        value = words.get(key)
        if isinstance(value, dict):  # boxes to tick
            value = next((name for name, ticked in value.items() if ticked), "")
        if isinstance(value, str) and value.strip():
            return value.strip()
    return "cell"
