"""GeoJSON for QuPath: ``<field>.geojson``, opened by dragging it on the image or File > Import objects.

Each cell is a detection with its class, its measurements and, as metadata, id, origin and review state. Outlines run
along the edges of pixels, as QuPath's own, with holes and parts, and fill to exactly the object's pixels; in a z-stack
a cell has one object per plane. Boxes become rectangles. Lost: nothing but the scale, which QuPath has of the image.

References
----------
https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html; RFC 7946
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.figures.outlines import class_hues
from napari_cellvino.formats.contours import Ring
from napari_cellvino.formats.field import Cell, Cells, ExportField, cell_from, planes_of
from napari_cellvino.formats.label_canvas import Canvas, check_flat, planes_of_areas, single_planes_notice
from napari_cellvino.formats.polygons import polygons_of
from napari_cellvino.formats.writer import SplitBook

Json = dict[str, Any]


class QuPathGeoJson:
    """Writes ``qupath``."""

    def __init__(self, folder: Path, book: SplitBook) -> None:
        self._folder = folder

    def add(self, field: ExportField) -> None:
        """Write the objects of a field."""
        with (self._folder / f"{field.name}.geojson").open("w", encoding="utf-8", newline="\n") as out:
            out.write('{"type": "FeatureCollection", "features": [')
            for number, feature in enumerate(_features(field)):
                out.write(f"{',' if number else ''}\n{json.dumps(feature, ensure_ascii=False, allow_nan=False)}")
            out.write("\n]}\n")

    def finish(self) -> None:
        """Do nothing: all is written."""


def _features(field: ExportField) -> Iterator[Json]:
    stack = len(field.shape) == 3
    values = {cell.id: _measurements(field, row) for row, cell in enumerate(field.cells.cells)}
    colours = dict(zip(field.cells.classes, class_hues(len(field.cells.classes)), strict=True))
    for z, plane in enumerate(planes_of(field)):
        rings = plane.cells.rings
        for cell in plane.cells.cells:
            geometry = _geometry(rings[cell.id]) if rings else _rectangle(cell)
            if stack:
                geometry["plane"] = {"c": -1, "z": z, "t": 0}
            yield {
                "type": "Feature",
                "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{field.name} {cell.id} {z}")),
                "geometry": geometry,
                "properties": _properties(cell, colours.get(cell.kind, (255, 255, 255))) | values[cell.id],
            }


def _geometry(rings: list[Ring]) -> Json:
    polygons = [[[*ring.tolist(), ring[0].tolist()] for ring in polygon] for polygon in polygons_of(rings)]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _rectangle(cell: Cell) -> Json:
    y0, x0, y1, x1 = cell.box
    return {"type": "Polygon", "coordinates": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]], "box": True}


def _properties(cell: Cell, colour: tuple[int, int, int]) -> Json:
    known = {"object": str(cell.id), **{key: str(value) for key, value in cell.words().items() if key != "score"}}
    return {
        "objectType": "detection",
        "name": str(cell.id),
        "classification": {"name": cell.kind, "color": list(colour)},
        "metadata": known,
    }


def _measurements(field: ExportField, row: int) -> Json:
    columns = {name: values[row] for name, values in field.measurements.items()}
    columns["score"] = field.cells.cells[row].score
    return {"measurements": {name: value for name, value in columns.items() if math.isfinite(value)}}


def read_geojson(path: Path, shape: tuple[int, ...], name: str = "") -> Cells:
    """Return the polygons of a GeoJSON file, as QuPath exports it, in an image of ``shape``.

    In a stack, polygons that say they are one object are one; any other is an object of its own plane.

    Raises
    ------
    ImageReadError
        If the file is no GeoJSON.
    ImageValueError
        If polygons lie on other planes than the image has, or at several time points.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        features = content if isinstance(content, list) else content.get("features", [content])
        areas = [feature for feature in features if feature["geometry"]["type"] in ("Polygon", "MultiPolygon")]
        if areas and all("box" in feature["geometry"] for feature in areas):
            check_flat(path, "a set of boxes", shape)
            return _boxes(areas)
        canvas, planes = Canvas(shape), planes_of_areas(path, _planes(path, areas), shape)
        for number, (feature, z) in enumerate(zip(areas, planes, strict=True), 1):
            canvas.rings(_cell(feature, number), _rings(feature["geometry"]), z)
        unknown = sum("object" not in _metadata(feature) for feature in areas)
    except ImageValueError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ImageReadError(f"{path} cannot be read as GeoJSON: {error!r}") from error
    skipped = len(features) - len(areas)
    notices = (f"{skipped} point(s) or line(s) are no areas: left out",) if skipped else ()
    return canvas.cells(notices=(*notices, *single_planes_notice(unknown, shape)))


def _planes(path: Path, areas: list[Json]) -> list[int | None]:
    """Return the plane (from 0) that each area names; one that names none lies on the first where others name theirs.

    QuPath leaves the plane out where it is the first.
    """
    named = [feature["geometry"].get("plane") for feature in areas]
    times = sorted({int(plane.get("t", 0)) for plane in named if plane is not None})
    if len(times) > 1:
        raise ImageValueError(
            f"{path} holds objects of the time points {times[0] + 1} to {times[-1] + 1}; "
            "save those of each in a file of their own"
        )
    if all(plane is None for plane in named):
        return [None] * len(named)
    return [0 if plane is None else int(plane.get("z", 0)) for plane in named]


def _boxes(areas: list[Json]) -> Cells:
    cells = []
    for number, feature in enumerate(areas, 1):
        (x0, y0), (x1, y1) = (corner(np.array(feature["geometry"]["coordinates"][0]), 0) for corner in (np.min, np.max))
        cells.append(replace(_cell(feature, number), box=(float(y0), float(x0), float(y1), float(x1))))
    return Cells(None, tuple(cells), tuple(dict.fromkeys(cell.kind for cell in cells)))


def _rings(geometry: Mapping[str, Any]) -> list[NDArray[np.float64]]:
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [np.array(ring, np.float64)[:, :2] for polygon in polygons for ring in polygon]


def _cell(feature: Json, number: int) -> Cell:
    said = feature.get("properties") or {}
    known = _metadata(feature)
    kind = str((said.get("classification") or {}).get("name", "cell"))
    measured = said.get("measurements")
    score = {"score": measured["score"]} if isinstance(measured, dict) and "score" in measured else {}
    return cell_from(int(known.get("object", number)), kind, {**known, **score})


def _metadata(feature: Json) -> Json:
    return (feature.get("properties") or {}).get("metadata") or {}
