"""COCO JSON with the images as PNG beside it.

Outlines are run lengths (RLE, uncompressed), which keep holes, parts and single pixels exactly; ``coco-polygons`` has
polygons where an object is free of holes and RLE elsewhere. Polygons run along the edges of pixels; pycocotools fills
them to the pixel, programs that draw them with OpenCV add half a pixel all round. Lost: z-stacks become one image per
plane (an object keeps its number, ``object``); pixels become 8 bits, stretched; scale is kept as ``spacing_um``.

References
----------
https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.formats.areas import Area, Pixels, SkippedShapes, box_of, cells_of_areas, points_of
from napari_cellvino.formats.contours import signed_area
from napari_cellvino.formats.decoding import JsonContent, decoding, read_json
from napari_cellvino.formats.field import Box, Cell, Cells, ExportField, Labels, cell_from, planes_of
from napari_cellvino.formats.label_canvas import check_flat
from napari_cellvino.formats.matching import Entry, ImageQuery, as_query, choose_entry
from napari_cellvino.formats.writer import SplitAssignment

ANNOTATIONS_NAME = "annotations.json"
MOST_PIXELS = 64  # times the image, that all outlines of it may cover
Json = dict[str, Any]


class Coco:
    """Writes ``coco``; nothing but counters is kept between fields, the two lists grow in files of their own."""

    def __init__(self, folder: Path, book: SplitAssignment, *, polygons: bool = False) -> None:
        self._folder, self._polygons = folder, polygons
        self._kinds: dict[str, int] = {}
        self._counts = {"images": 0, "annotations": 0}
        for name in self._counts:
            self._list(name).touch()
        (folder / "images").mkdir()

    def add(self, field: ExportField) -> None:
        """Write a field, or each plane of it."""
        for kind in field.cells.classes:
            self._kinds.setdefault(kind, len(self._kinds) + 1)
        for plane in planes_of(field):
            (self._folder / "images" / f"{plane.name}.png").write_bytes(plane.png)
            image_id = self._counts["images"] + 1
            self._append("images", [_image(plane, image_id)])
            self._append("annotations", [note | {"image_id": image_id} for note in self._annotations(plane)])

    def finish(self) -> None:
        """Join the lists to ``annotations.json``."""
        categories = [{"id": number, "name": name, "supercategory": "cell"} for name, number in self._kinds.items()]
        info = {"description": "cells", "version": "1.0", "contributor": "napari-cellvino"}
        head = json.dumps({"info": info, "licenses": [], "categories": categories}, ensure_ascii=False)
        with (self._folder / ANNOTATIONS_NAME).open("w", encoding="utf-8", newline="\n") as out:
            out.write(head[:-1])
            for name in self._counts:
                out.write(f',\n"{name}": [')
                with self._list(name).open(encoding="utf-8") as lines:
                    out.writelines(lines)
                out.write("]")
                self._list(name).unlink()
            out.write("}\n")

    def _annotations(self, plane: ExportField) -> Iterable[dict[str, object]]:
        labels, polygons = plane.cells.labels, self._polygons
        runs = {} if labels is None else run_lengths(labels)
        rings = plane.cells.rings if polygons else {}
        for cell in plane.cells.cells:
            y0, x0, y1, x1 = cell.box
            shape: dict[str, object] = {"area": (y1 - y0) * (x1 - x0)}
            if labels is not None:
                counts = runs[cell.id]
                shape = {"area": sum(counts[1::2]), "segmentation": {"size": list(labels.shape), "counts": counts}}
                if polygons and all(signed_area(ring) > 0 for ring in rings[cell.id]):
                    shape["segmentation"] = [ring.ravel().tolist() for ring in rings[cell.id]]
            kind = self._kinds.setdefault(cell.kind, len(self._kinds) + 1)
            box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "category_id": kind, "iscrowd": 0}
            yield {**shape, **box, "object": cell.id, **cell.properties()}

    def _append(self, name: str, rows: Iterable[dict[str, object]]) -> None:
        with self._list(name).open("a", encoding="utf-8", newline="\n") as handle:
            for row in rows:
                self._counts[name] += 1
                comma = "," if self._counts[name] > 1 else ""
                handle.write(f"{comma}\n{json.dumps({'id': self._counts[name], **row}, ensure_ascii=False)}")

    def _list(self, name: str) -> Path:
        return self._folder / f"{name}.list"


def _image(plane: ExportField, number: int) -> dict[str, object]:
    height, width = plane.shape
    return {
        "id": number,
        "file_name": f"{plane.name}.png",
        "height": height,
        "width": width,
        "spacing_um": [plane.spacing.y, plane.spacing.x],
    }


def run_lengths(labels: Labels) -> dict[int, list[int]]:
    """Return COCO's counts per id of (Y, X) labels: background, object, background, … px, column after column."""
    if not labels.any():
        return {}
    flat = labels.T.ravel()
    first = np.flatnonzero(np.diff(flat, prepend=flat[0] + 1))
    value, length = flat[first], np.diff(first, append=len(flat))
    first, length, value = (part[value != 0] for part in (first, length, value))
    order = np.argsort(value, kind="stable")
    ids, starts = np.unique(value[order], return_index=True)
    counts: dict[int, list[int]] = {}
    for id_, rows in zip(ids.tolist(), np.split(order, starts[1:]), strict=True):
        ends = first[rows] + length[rows]
        pairs = np.stack([first[rows] - np.concatenate([[0], ends[:-1]]), length[rows]], axis=1).ravel()
        counts[id_] = [*pairs.tolist(), *([len(flat) - int(ends[-1])] if ends[-1] < len(flat) else [])]
    return counts


def is_coco(content: JsonContent) -> bool:
    """Return whether JSON is COCO, with its images or a list of results alone."""
    if isinstance(content, list):
        return bool(content) and all(isinstance(note, dict) and "image_id" in note for note in content)
    return isinstance(content, dict) and "annotations" in content and "images" in content


def read_coco(
    path: Path, shape: tuple[int, ...], wanted: ImageQuery | str = "", *, content: JsonContent = None
) -> Cells:
    """Return the objects of an image (without suffix) in a COCO file; of its only image otherwise.

    ``content`` is what the file holds, where it was read before.

    Raises
    ------
    ImageReadError
        If the file is no COCO JSON.
    ImageValueError
        If it has no such image, that is ambiguous, or has another size.
    """
    check_flat(path, "an image of COCO JSON", shape)
    held = read_json(path) if content is None else content
    with decoding(path, "COCO JSON"):
        notes = _notes(path, held, as_query(wanted), shape)
        categories = held.get("categories") or [] if isinstance(held, dict) else []
        kinds = {str(entry["id"]): str(entry["name"]) for entry in categories}
        return _drawn(path, notes, kinds, shape)


def _notes(path: Path, held: JsonContent, wanted: ImageQuery, shape: tuple[int, ...]) -> list[Json]:
    """Return the annotations of the image that is wanted."""
    if isinstance(held, list):
        if wanted.several or len({str(note["image_id"]) for note in held}) > 1:
            raise ImageValueError(f"{path} is a list of results without the names of their images; give the whole file")
        return held
    images = list({str(image["id"]): image for image in held["images"]}.values())  # one that is listed twice is one
    row = choose_entry(path, [_entry(image) for image in images], wanted, shape)
    of_image: dict[str, list[Json]] = {str(image["id"]): [] for image in images}
    strays = sum(str(note["image_id"]) not in of_image for note in held["annotations"])
    for note in held["annotations"]:
        of_image.get(str(note["image_id"]), []).append(note)
    notes = of_image[str(images[row]["id"])]
    if strays and not notes:
        raise ImageValueError(
            f"{path} has no annotation of the image {wanted.name}, and {strays} of images that it does not list; "
            "are their image_id those of another file?"
        )
    return notes


def _entry(image: Json) -> Entry:
    size = image.get("height"), image.get("width")
    known = (int(size[0]), int(size[1])) if size[0] and size[1] else None
    return Entry(str(image.get("file_name") or image["id"]), known)


def _drawn(path: Path, notes: list[Json], kinds: Mapping[str, str], shape: tuple[int, ...]) -> Cells:
    _check_corners(path, notes, shape)
    left, taken, areas = SkippedShapes(), set[int](), list[Area]()
    ours = any("object" in note for note in notes)
    crowds = sum(bool(note.get("iscrowd")) for note in notes)
    budget = _Budget(MOST_PIXELS * max(shape[0] * shape[1], 2**20))
    for number, note in enumerate(notes, 1):
        if note.get("iscrowd") and crowds < len(notes):
            continue
        wanted = int(note.get("object", number))
        id_ = wanted if wanted not in taken else max(taken) + 1
        taken.add(id_)
        with decoding(path, f"COCO JSON, annotation {note.get('id', number)}"):
            area = _area(note, _cell(id_, note, kinds), shape, budget)
        if area is None:
            left.add("annotation(s) have neither an outline nor a box")
        else:
            areas.append(replace(area, known=ours))
    left.add("annotation(s) of crowds (iscrowd) stand for several cells", crowds if crowds < len(notes) else 0)
    classes = tuple(kinds.values()) or (() if areas else ("cell",))
    return cells_of_areas(path, areas, shape, classes, left)


def _check_corners(path: Path, notes: list[Json], shape: tuple[int, ...]) -> None:
    """Raise ImageValueError where boxes lie in the image as two corners, and not as a corner with width and height."""
    told = [note["bbox"] for note in notes if note.get("bbox") and not note.get("segmentation")]
    boxes = np.array([box for box in told if len(box) == len("xywh")], np.float64).reshape(-1, 4)
    most = np.array([shape[1], shape[0]]) + 1.0
    corner, other = boxes[:, :2], boxes[:, 2:]
    beyond = (corner + other > most).any()
    if beyond and bool(((other > corner) & (other <= most)).all()):
        x0, y0, x1, y1 = boxes[int(np.argmax((corner + other > most).any(1)))].tolist()
        raise ImageValueError(
            f"{path} has boxes of two corners, as {x0:g}, {y0:g}, {x1:g}, {y1:g}, and COCO has x, y, width and height: "
            "with those, they reach beyond the image; write them so"
        )


def _cell(id_: int, note: Json, kinds: Mapping[str, str]) -> Cell:
    number = note.get("category_id")
    kind = kinds.get(str(number), f"class {number}" if kinds else "cell") if number is not None else "cell"
    box = _box(note["bbox"]) if note.get("bbox") and not note.get("segmentation") else (0, 0, 0, 0)
    return cell_from(id_, kind, note, box)


def _box(numbers: Sequence[float]) -> Box:
    if len(numbers) != len(("x", "y", "width", "height")):
        raise ValueError(f"a box has x, y, width and height, and this one has {len(numbers)} number(s)")
    return box_of(*map(float, numbers))


def _area(note: Json, cell: Cell, shape: tuple[int, ...], budget: _Budget) -> Area | None:
    form = note.get("segmentation")
    if isinstance(form, dict):
        return Area(cell, pixels=_pixels_of_runs(form, shape, budget))
    if form:
        polygons = form if isinstance(form[0], list) else [form]
        return Area(cell, tuple(points_of(ring) for ring in polygons), joined=True)
    if note.get("bbox") and (turn := _rotation(note)):
        return Area(replace(cell, box=(0, 0, 0, 0)), (_turned(cell.box, turn),))
    return Area(cell) if note.get("bbox") else None


def _rotation(note: Json) -> float:
    """Return how far CVAT turned a box about its centre, in radians from x towards y; 0 for one that is upright."""
    said = note.get("attributes")
    return float(np.deg2rad(float(said.get("rotation") or 0))) if isinstance(said, dict) else 0.0


def _turned(box: Box, turn: float) -> NDArray[np.float64]:
    y0, x0, y1, x1 = box
    centre, (cos, sin) = np.array([x0 + x1, y0 + y1]) / 2, (np.cos(turn), np.sin(turn))
    corners = points_of([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) - centre
    return points_of(corners @ np.array([[cos, sin], [-sin, cos]]) + centre)


class _Budget:
    """What all run lengths of an image may paint, in px: the next one to go beyond it is refused."""

    def __init__(self, pixels: int) -> None:
        self._left = pixels

    def spend(self, pixels: int) -> None:
        """Take ``pixels`` of it; ValueError where it is used up."""
        self._left -= pixels
        if self._left < 0:
            raise ValueError("its run lengths cover the image many times over")


def _pixels_of_runs(form: Json, shape: tuple[int, ...], budget: _Budget) -> Pixels:
    """Return the pixels of run lengths, checked to be of this image."""
    size = tuple(int(n) for n in form.get("size") or shape)
    if size != tuple(shape):
        raise ValueError(f"run lengths of an image of {size}, and this one is {tuple(shape)}")
    counts = form["counts"]
    lengths = np.array(_numbers(counts) if isinstance(counts, str) else counts, np.int64)
    if (lengths < 0).any() or int(lengths.sum()) > shape[0] * shape[1] or (lengths > shape[0] * shape[1]).any():
        raise ValueError(f"its run lengths go beyond the {shape[0] * shape[1]:,} px of the image")
    budget.spend(int(lengths[1::2].sum()))
    return _decoded(lengths, shape[0])


def _decoded(lengths: NDArray[np.int64], height: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pixels (y, x) of an object: the cost grows with their number, not with the image."""
    begin, length = (np.cumsum(lengths) - lengths)[1::2], lengths[1::2]
    run = np.repeat(np.arange(len(length)), length)
    x, y = np.divmod(begin[run] + np.arange(len(run)) - (np.cumsum(length) - length)[run], height)
    return y, x


def _numbers(text: str) -> list[int]:
    """Return the counts in COCO's compressed string: 5 bits a character, from the third on as differences."""
    counts: list[int] = []
    place = value = 0
    for byte in text.encode("ascii"):
        part = byte - 48
        value |= (part & 0x1F) << 5 * place
        place += 1
        if not part & 0x20:
            value -= (1 << 5 * place) if part & 0x10 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            place = value = 0
    return counts
