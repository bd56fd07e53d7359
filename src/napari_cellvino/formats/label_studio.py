"""JSON of Label Studio (``JSON`` and ``JSON-MIN``): tasks of images, with shapes in percent of the image, or brushes.

References
----------
https://labelstud.io/guide/export; the run lengths are those of https://github.com/thi-ng/umbrella, package rle-pack
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.areas import Area, SkippedShapes, box_of, cells_of_areas, ellipse, imported_cell, points_of
from napari_cellvino.formats.contours import trace_rings
from napari_cellvino.formats.decoding import JsonContent, decoding
from napari_cellvino.formats.field import Cells
from napari_cellvino.formats.label_canvas import check_flat
from napari_cellvino.formats.matching import Entry, ImageQuery, choose_entry

Json = Mapping[str, Any]
LABELS = ("polygonlabels", "rectanglelabels", "ellipselabels", "brushlabels", "labels")
SHAPES = ("points", "width", "radiusX", "rle")


def is_label_studio(content: JsonContent) -> bool:
    """Return whether JSON is an export of Label Studio."""
    if not isinstance(content, list) or not content or not all(isinstance(task, dict) for task in content):
        return False
    first = content[0]
    return isinstance(first.get("data"), dict) or ("annotation_id" in first and _picture(first) != "")


def read_label_studio(path: Path, content: Sequence[Json], shape: tuple[int, ...], wanted: ImageQuery) -> Cells:
    """Return the shapes of an image (Y, X) in an export of Label Studio.

    Raises
    ------
    ImageReadError
        If it is damaged, or nobody annotated the image.
    ImageValueError
        If it has no such image, or that is ambiguous, or of another size.
    """
    check_flat(path, "an export of Label Studio", shape)
    with decoding(path, "JSON of Label Studio"):
        row = choose_entry(path, [Entry(_picture(task.get("data", task))) for task in content], wanted, shape)
        left = SkippedShapes()
        areas = [
            area
            for number, one in enumerate(_regions(_results(path, content[row], left)), 1)
            if (area := _area(path, one, number, shape, left)) is not None
        ]
        return cells_of_areas(path, areas, shape, left_out=left)


def _picture(data: Json) -> str:
    """Return the file of a task: what its data calls image, else the first text that looks like a file."""
    named = [str(data[key]) for key in ("image", "img", "url", "image_url") if isinstance(data.get(key), str)]
    return next(iter([*named, *(v for v in data.values() if isinstance(v, str) and "." in v)]), "")


def _results(path: Path, task: Json, left: SkippedShapes) -> list[Json]:
    """Return the shapes of the first annotation that was not cancelled; of ``JSON-MIN``, all there are."""
    if "data" not in task:
        return [{"value": one} for value in task.values() if isinstance(value, list) for one in value]
    done = [one for one in task.get("annotations") or task.get("completions") or [] if not one.get("was_cancelled")]
    if not done:
        guessed = "; it has predictions of a model, accept them there" if task.get("predictions") else ""
        raise ImageReadError(f"{path} has no annotation of {_picture(task['data'])}{guessed}")
    chosen = next((one for one in done if one.get("ground_truth")), done[0])
    left.add("annotation(s) of the same image by others", len(done) - 1)
    return list(chosen["result"])


def _regions(results: Sequence[Json]) -> list[Json]:
    """Return one result per region: its class, its words and its choices repeat the shape under the same id."""
    kept: dict[object, dict[str, Any]] = {}
    for number, one in enumerate(results):
        name = one.get("id") if isinstance(one.get("id"), str) else number
        if name not in kept:
            kept[name] = dict(one)
            continue
        said, more = (held.get("value") or {} for held in (kept[name], one))
        shape = said if any(key in said for key in SHAPES) else more
        labels = {key: value[key] for value in (said, more) for key in LABELS if value.get(key)}
        kept[name] = {**one, **kept[name], "value": {**shape, **labels}}
    return list(kept.values())


def _area(path: Path, one: Json, number: int, shape: tuple[int, ...], left: SkippedShapes) -> Area | None:
    value = one.get("value") or {}  # relations between regions have none
    height, width = (one.get(k) or value.get(k) for k in ("original_height", "original_width"))
    point = "width" in value and "height" not in value  # its width is that of the mark
    if point or not any(key in value for key in SHAPES):
        left.add(f"result(s) of the type {one.get('type', 'unknown')} are no areas")
        return None
    if height and width and (int(height), int(width)) != tuple(shape):
        raise ImageValueError(f"{path} is of an image of {width} x {height} px, but the image is {tuple(shape)}")
    if float(one.get("image_rotation") or value.get("image_rotation") or 0) % 360:
        raise ImageValueError(
            f"{path} has shapes of an image that was turned in Label Studio (image_rotation), whose places may be "
            "those of the turned one; turn it back there and export it again"
        )
    kinds = next((value[key] for key in LABELS if value.get(key)), ["cell"])
    cell = imported_cell(number, str(kinds[0]))
    size = np.array([shape[1], shape[0]]) / 100
    if "rle" in value:
        return Area(cell, tuple(trace_rings(_brushed(value["rle"], shape).astype(np.int32)).get(1, [])))
    if "points" in value:
        return Area(cell, (points_of(value["points"]) * size,))
    x, y = float(value["x"]) * size[0], float(value["y"]) * size[1]
    turn = np.deg2rad(float(value.get("rotation") or 0))
    if "radiusX" in value:
        return Area(cell, (ellipse(x, y, value["radiusX"] * size[0], value["radiusY"] * size[1], turn),))
    wide, high = float(value["width"]) * size[0], float(value["height"]) * size[1]
    if turn:  # about the first corner
        right, down = np.array([np.cos(turn), np.sin(turn)]) * wide, np.array([-np.sin(turn), np.cos(turn)]) * high
        corner = np.array([x, y])
        return Area(cell, (points_of(np.stack([corner, corner + right, corner + right + down, corner + down])),))
    return Area(imported_cell(number, str(kinds[0]), box_of(x, y, wide, high)))


def _brushed(packed: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return what a brush painted (Y, X): the last of four values per pixel."""
    bits = _Bits(np.unpackbits(np.array(packed, np.uint8)))
    count = bits.take(32)
    if count != 4 * shape[0] * shape[1]:
        raise ValueError(f"a brush of {count / 4:,.0f} px is not of this image")
    values = np.zeros(count, np.uint8)
    at = 0
    for length, words in _runs(bits, count):
        values[at : at + length] = words
        at += length
    return values.reshape(*shape, 4)[..., 3] > 0


def _runs(bits: _Bits, count: int) -> Iterator[tuple[int, int | list[int]]]:
    word, lengths = bits.take(5) + 1, [bits.take(4) + 1 for _ in range(4)]
    at = 0
    while at < count:
        repeated = bits.take(1)
        length = min(1 + bits.take(lengths[bits.take(2)]), count - at)
        yield length, bits.take(word) if repeated else [bits.take(word) for _ in range(length)]
        at += length


class _Bits:
    """Takes numbers out of bits, the highest first."""

    def __init__(self, bits: NDArray[np.uint8]) -> None:
        self._bits, self._at = bits, 0

    def take(self, count: int) -> int:
        """Return the number in the next ``count`` bits; ValueError where they are at an end."""
        part = self._bits[self._at : self._at + count]
        if len(part) < count:
            raise ValueError("a brush breaks off")
        self._at += count
        return int("".join(map(str, part.tolist())), 2)
