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
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.contours import signed_area
from napari_cellvino.formats.field import Cell, Cells, ExportField, Labels, MisfitError, cell_from, planes_of
from napari_cellvino.formats.label_canvas import Canvas, check_flat
from napari_cellvino.formats.writer import SplitBook

ANNOTATIONS_NAME = "annotations.json"


class Coco:
    """Writes ``coco``; nothing but counters is kept between fields, the two lists grow in files of their own."""

    def __init__(self, folder: Path, book: SplitBook, *, polygons: bool = False) -> None:
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
            yield {**shape, **box, "object": cell.id, **cell.words()}

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


def read_coco(path: Path, shape: tuple[int, ...], name: str = "") -> Cells:
    """Return the objects of the image called ``name`` (without suffix) in a COCO file; of its only image otherwise.

    Raises
    ------
    ImageReadError
        If the file is no COCO JSON.
    ImageValueError
        If it has no such image, or that has another size.
    """
    check_flat(path, "an image of COCO JSON", shape)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        image = _find_image(path, content["images"], name)
        kinds = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
        notes = [note for note in content["annotations"] if note["image_id"] == image["id"]]
        size = (int(image["height"]), int(image["width"]))
        if size != tuple(shape):
            raise MisfitError(path, size, shape)
        return _drawn(notes, kinds, size)
    except (OSError, KeyError, TypeError, IndexError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ImageReadError(f"{path} cannot be read as COCO JSON: {error!r}") from error


def _find_image(path: Path, images: list[dict[str, Any]], name: str) -> dict[str, Any]:
    stems = [re.sub(r"(\.ome)?\.\w+$", "", re.split(r"[\\/]", image["file_name"])[-1]) for image in images]
    if name in stems:
        return images[stems.index(name)]
    if len(images) == 1:
        return images[0]
    raise ImageValueError(f"{path} has no image {name}; it holds {', '.join(stems[:8])}{' …' if stems[8:] else ''}")


def _drawn(notes: list[dict[str, Any]], kinds: Mapping[int, str], shape: tuple[int, int]) -> Cells:
    canvas, boxes, taken = Canvas(shape), [], set[int]()
    for number, note in enumerate(notes, 1):
        wanted = int(note.get("object", number))
        id_ = wanted if wanted not in taken else max(taken) + 1
        taken.add(id_)
        cell = _cell(id_, note, kinds)
        form = note.get("segmentation")
        if isinstance(form, dict):
            canvas.pixels(cell, *_decoded(form["counts"], shape[0]))
        elif form:
            canvas.rings(cell, [np.asarray(ring, np.float64).reshape(-1, 2) for ring in form])
        else:
            boxes.append(cell)
    classes = tuple(kinds.values()) or ("cell",)
    return Cells(None, tuple(boxes), classes) if len(boxes) == len(notes) > 0 else canvas.cells(classes)


def _cell(id_: int, note: dict[str, Any], kinds: Mapping[int, str]) -> Cell:
    x, y, width, height = note.get("bbox") or (0, 0, 0, 0)
    return cell_from(id_, kinds[note["category_id"]], note, (y, x, y + height, x + width))


def _decoded(counts: list[int] | str, height: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pixels (y, x) of an object: the cost grows with their number, not with the image."""
    lengths = np.array(_numbers(counts) if isinstance(counts, str) else counts, np.intp)
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
