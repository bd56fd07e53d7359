"""GeoJSON for QuPath: ``<field>.geojson``, opened by dragging it on the image or File > Import objects.

Each cell is a detection with its class, its measurements and, as metadata, id, origin and review state. Outlines run
along the edges of pixels, as QuPath's own, with holes and parts, and fill to exactly the object's pixels; in a z-stack
a cell has one object per plane. Positions are those in the whole image at full resolution, as QuPath's own. Boxes
become rectangles. Lost: nothing but the scale, which QuPath has of the image.

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

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.region import PlaceInImage
from napari_cellvino.figures.outlines import class_hues
from napari_cellvino.formats.areas import Area, SkippedShapes, box_of, cells_of_areas, points_of
from napari_cellvino.formats.contours import Ring
from napari_cellvino.formats.decoding import JsonContent, decoding, read_json
from napari_cellvino.formats.field import Cell, Cells, ExportField, cell_from, planes_of
from napari_cellvino.formats.label_canvas import planes_of_areas, single_planes_notice
from napari_cellvino.formats.matching import ImageQuery, as_query
from napari_cellvino.formats.polygons import polygons_of
from napari_cellvino.formats.writer import SplitAssignment

Json = dict[str, Any]
FOUND = ("detection", "cell")  # what QuPath found inside of annotations
GEOJSON_KEYS = frozenset({"features", "geometry", "geometries", "coordinates"})
NO_CELLS = ("tile", "tma core", "root")


class QuPathGeoJson:
    """Writes ``qupath``."""

    def __init__(self, folder: Path, book: SplitAssignment) -> None:
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
            geometry = _geometry(rings[cell.id], field.place) if rings else _rectangle(cell, field.place)
            if stack:
                geometry["plane"] = {"c": -1, "z": z, "t": 0}
            yield {
                "type": "Feature",
                "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{field.name} {cell.id} {z}")),
                "geometry": geometry,
                "properties": _properties(cell, colours.get(cell.kind, (255, 255, 255))) | values[cell.id],
            }


def _geometry(rings: list[Ring], place: PlaceInImage) -> Json:
    polygons = [[_closed(place.to_image(ring).tolist()) for ring in polygon] for polygon in polygons_of(rings)]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _closed(ring: list[Any]) -> list[Any]:
    return [*ring, ring[0]]


def _rectangle(cell: Cell, place: PlaceInImage) -> Json:
    (x0, y0), (x1, y1) = place.to_image(np.array([cell.box[1::-1], cell.box[3:1:-1]])).tolist()
    return {"type": "Polygon", "coordinates": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]], "box": True}


def _properties(cell: Cell, colour: tuple[int, int, int]) -> Json:
    known = {"object": str(cell.id), **{key: str(value) for key, value in cell.properties().items() if key != "score"}}
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


def is_geojson(content: JsonContent) -> bool:
    """Return whether JSON is GeoJSON: a collection, a list of features, or one."""
    if isinstance(content, list):
        return not content or any(isinstance(one, dict) and "geometry" in one for one in content)
    return isinstance(content, dict) and not GEOJSON_KEYS.isdisjoint(content)


def read_geojson(
    path: Path, shape: tuple[int, ...], wanted: ImageQuery | str = "", *, content: JsonContent = None
) -> Cells:
    """Return the polygons of a GeoJSON file, as QuPath exports it, in an image of ``shape``.

    In a stack, polygons that say they are one object are one; any other is an object of its own plane. An annotation
    that goes round detections is the region that they were looked for in, and no cell. ``content`` is what the file
    holds, where it was read before; ``wanted`` says in which unit its outlines are, and where the image lies in its
    file.

    Raises
    ------
    ImageReadError
        If the file is no GeoJSON.
    ImageValueError
        If polygons lie on other planes than the image has, or at several time points.
    """
    held = read_json(path) if content is None else content
    left = SkippedShapes()
    with decoding(path, "GeoJSON"):
        areas = _features_with_area(held, left)
        planes = planes_of_areas(path, _planes(path, areas), shape)
        found = any(_object_type(feature) in FOUND for feature in areas)
        cells = [
            area
            for number, (feature, z) in enumerate(zip(areas, planes, strict=True), 1)
            for area in _areas(feature, number, z, found=found, wanted=as_query(wanted))
        ]
        unknown = sum("object" not in _metadata(feature) for feature in areas)
        drawn = cells_of_areas(path, cells, shape, left_out=left)
    return replace(drawn, notices=(*drawn.notices, *single_planes_notice(unknown, shape)))


def _features_with_area(held: JsonContent, left: SkippedShapes) -> list[Json]:
    """Return the features that are polygons; the others are counted."""
    inner = held if isinstance(held, list) else next((held[k] for k in ("features", "geometries") if k in held), None)
    features = [held] if inner is None else inner
    areas = []
    for raw in features:
        feature = raw if "geometry" in raw or "coordinates" not in raw else {"geometry": raw}
        geometry = feature.get("geometry") or {}
        kind = geometry.get("type")
        if kind not in ("Polygon", "MultiPolygon", None):
            left.add("point(s) or line(s) are no areas")
        elif not geometry.get("coordinates") or not _polygons(geometry):
            left.add("object(s) have no outline (an empty geometry)")
        elif _object_type(feature) in NO_CELLS:
            left.add("tile(s) or core(s) of QuPath are no cells")
        else:
            areas.append(feature)
    return areas


def _areas(feature: Json, number: int, z: int, *, found: bool, wanted: ImageQuery) -> Iterator[Area]:
    """Yield an area per polygon of a feature: those of one may overlap, and are added up."""
    geometry, known = feature["geometry"], "object" in _metadata(feature)
    cell, suspect = _cell(feature, number), found and _object_type(feature) not in FOUND
    for polygon in _polygons(geometry):
        in_px = (ring if wanted.unit_px is None else ring * wanted.unit_px for ring in polygon)
        rings = [wanted.place.to_part(ring) for ring in in_px]
        if "box" in geometry:
            (x0, y0), (x1, y1) = rings[0].min(0).tolist(), rings[0].max(0).tolist()
            yield Area(replace(cell, box=box_of(x0, y0, x1 - x0, y1 - y0)), z=z, known=known)
        else:
            yield Area(cell, tuple(rings), z, known=known, suspect=suspect)


def _object_type(feature: Json) -> str:
    """Return what QuPath calls an object: annotation, detection, cell, tile and so on."""
    said = feature.get("properties") or {}
    return str(said.get("objectType") or said.get("object_type") or "").casefold().replace("_", " ")


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


def _polygons(geometry: Mapping[str, Any]) -> list[list[NDArray[np.float64]]]:
    """Return the rings of each polygon, none of those that have none."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    rings = ([points_of(np.array(ring, np.float64)[:, :2]) for ring in polygon if ring] for polygon in polygons)
    return [held for held in rings if held]


def _cell(feature: Json, number: int) -> Cell:
    said = feature.get("properties") or {}
    known = _metadata(feature)
    named = said.get("classification") or {}
    kind = str((named.get("name") if isinstance(named, dict) else named) or "cell")
    measured = said.get("measurements")
    score = {"score": measured["score"]} if isinstance(measured, dict) and "score" in measured else {}
    return cell_from(int(known.get("object", number)), kind, {**known, **score})


def _metadata(feature: Json) -> Json:
    return (feature.get("properties") or {}).get("metadata") or {}
