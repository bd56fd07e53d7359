"""Labelled images as training and evaluation see them.

A *set* is a folder, in one of two layouts:

- plain: ``images/<id>.*`` beside ``labels/<id>.tif`` (0 = background) or ``boxes/<id>.csv`` (columns
  ``class,y0,x0,y1,x1`` in px, half-open), with an optional ``splits.csv`` (``id,split``, and ``group`` where fields
  belong together) and an optional ``manifest.csv`` (``id,split`` and whatever else is known of a field);
- packed: a ``manifest.csv`` with ``id`` and ``split``, and ``*.zip`` files that hold ``images/<id>.tif`` (or ``.jpg``)
  and ``labels/<id>.tif``; or boxes, in the manifest's column ``boxes`` as ``L,x0,y0,x1,y1;D,…``, or in one
  ``boxes.csv`` of the archive (``image,label,y0,x0,y1,x1``).

Splits are by field of view. Where nobody wrote them down, a field's name decides (its hash), so that fields added
later never move an old one from one split to another.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.core.errors import ImageReadError, ImageValueError, TrainingDataError
from napari_cellvino.core.image import LUMINANCE
from napari_cellvino.formats.archives import read_members
from napari_cellvino.formats.label_canvas import fitting_labels
from napari_cellvino.formats.label_parts import find_parts, is_class_mask
from napari_cellvino.formats.label_values import (
    check_parts,
    describe_class_mask,
    whole_numbers,
    without_background,
)
from napari_cellvino.formats.splits import name_share, split_of
from napari_cellvino.io import open_source
from napari_cellvino.io.label_tiff import CREATOR, read_label_pixels
from napari_cellvino.io.tiff_chain import check_pages
from napari_cellvino.storage.csv_table import read_dicts

Row = Mapping[str, str]
IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
IMPORT_FIRST = "take them in with cellvino import, which numbers the cells, and export them with --to training"
BOX_TABLE = "boxes.csv"
CORNERS = ("y0", "x0", "y1", "x1")
LARGEST_IMAGE = 2**29  # bytes, unpacked
LETTERS = {"L": "living", "D": "dead"}


@dataclass(frozen=True, slots=True)
class TrueBoxes:
    """True boxes of a field: class names (N,) and ``yxyx`` (N, 4) float32, half-open (y0, x0, y1, x1) in px."""

    classes: tuple[str, ...]
    yxyx: NDArray[np.float32]

    def class_index(self, classes: Sequence[str]) -> NDArray[np.int32]:
        """Return the place of each box's class among ``classes``.

        Raises
        ------
        TrainingDataError
            If a box is of another class.
        """
        strange = sorted(set(self.classes) - set(classes))
        if strange:
            raise TrainingDataError(f"boxes of class {', '.join(strange)}; the model knows {', '.join(classes)}")
        return np.array([list(classes).index(name) for name in self.classes], np.int32)


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One field with its truth: a label image, or boxes.

    ``image`` is (Y, X) or (Y, X, RGB) of any dtype; ``labels`` is (Y, X) of integers, 0 = background.
    """

    id: str
    source: str
    image: NDArray[np.generic]
    labels: NDArray[np.integer] | None = None
    boxes: TrueBoxes | None = None

    def true_labels(self) -> NDArray[np.integer]:
        """Return the label image; `TrainingDataError` if the field has boxes only."""
        if self.labels is None:
            raise TrainingDataError(f"{self.id} of {self.source} has boxes, but this model needs outlines (labels/)")
        return self.labels

    def true_boxes(self) -> TrueBoxes:
        """Return the boxes; `TrainingDataError` if the field has a label image only."""
        if self.boxes is None:
            raise TrainingDataError(f"{self.id} of {self.source} has no boxes, but this model needs them (boxes/)")
        return self.boxes

    def grey(self) -> NDArray[np.generic]:
        """Return the image as (Y, X): colour becomes luminance (ITU-R BT.601), float32."""
        if self.image.ndim == 2:
            return self.image
        return np.asarray(self.image[..., :3].astype(np.float32) @ np.asarray(LUMINANCE, np.float32))


def read_set(folder: Path, split: str = "", *, keep: Callable[[Row], bool] = lambda row: True) -> list[LabelledImage]:
    """Return the fields of a set in ``split`` (``""``: all), checked, whose row of the manifest passes ``keep``.

    Raises
    ------
    TrainingDataError
        If the folder is no set, an image and its labels differ in size, or no field has any object.
    """
    packed = (folder / "manifest.csv").is_file() and not (folder / "images").is_dir()
    reader = read_packed_set if packed else _read_plain_set
    fields = list(reader(folder, split, keep=keep))
    for field in fields:
        _check_size(field)
    if fields and not any(_has_objects(field) for field in fields):
        raise TrainingDataError(f"{folder}: none of its {len(fields)} field(s) has a labelled object")
    return fields


def split_set(folder: Path) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Return the fields to learn from and those to check on; where the splits leave one empty, names decide.

    Raises
    ------
    TrainingDataError
        If there are fewer than two fields.
    """
    learned, checked = read_set(folder, "train"), read_set(folder, "val")
    if learned and checked:
        return learned, checked
    fields = sorted(learned + checked, key=lambda field: name_share(field.id))
    if len(fields) < 2:
        raise TrainingDataError(
            f"{folder} holds {len(fields)} labelled field; at least 2 are needed, one to learn from and one to check on"
        )
    few = max(1, len(fields) // 5)
    return fields[few:], fields[:few]


def read_packed_set(
    folder: Path, split: str = "", *, keep: Callable[[Row], bool] = lambda row: True
) -> Iterator[LabelledImage]:
    """Yield the fields of ``split`` whose manifest row passes ``keep`` and that are packed in this folder.

    Raises
    ------
    TrainingDataError
        If the folder has no ``manifest.csv``.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise TrainingDataError(f"{folder} has no manifest.csv; name a folder that holds one and its .zip files")
    members = _members(folder)
    boxes = _packed_boxes(members[BOX_TABLE]) if BOX_TABLE in members else {}
    for row in _rows(manifest):
        name = next((n for s in (".tif", ".jpg") if (n := f"images/{row['id']}{s}") in members), None)
        if name is None or (split and row["split"] != split) or not keep(row):
            continue  # the manifest also lists pictures that another set packs
        labels = f"labels/{row['id']}.tif"
        yield LabelledImage(
            row["id"],
            folder.name,
            _member(members[name], name),
            _packed_labels(members[labels], labels) if labels in members else None,
            _boxes_in(row["boxes"]) if "boxes" in row else boxes.get(row["id"]),
        )


def _packed_boxes(archive: Path) -> dict[str, TrueBoxes]:
    """Return the boxes of each picture in an archive's table; those without height or width are left out."""
    content = _member_bytes(archive, BOX_TABLE).decode("utf-8-sig", errors="replace")
    found: dict[str, list[tuple[str, list[float]]]] = {}
    try:
        for row in csv.DictReader(io.StringIO(content)):
            corners = [float(row[name]) for name in CORNERS]
            if corners[2] > corners[0] and corners[3] > corners[1]:
                found.setdefault(row["image"], []).append((row["label"], corners))
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingDataError(
            f"{BOX_TABLE} in {archive} needs the columns image, label, y0, x0, y1, x1 with numbers: {error}"
        ) from error
    return {
        name: TrueBoxes(tuple(label for label, _ in boxes), np.array([box for _, box in boxes], np.float32))
        for name, boxes in found.items()
    }


def _packed_labels(archive: Path, name: str) -> NDArray[np.integer]:
    checked = checked_labels(archive / name, _member(archive, name), ours=True)  # packed sets are made here
    return checked if checked.max(initial=0) > np.iinfo(np.uint16).max else checked.astype(np.uint16)


def _read_plain_set(folder: Path, split: str, *, keep: Callable[[Row], bool]) -> Iterator[LabelledImage]:
    pictures = sorted(p for p in (folder / "images").glob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not pictures:
        raise TrainingDataError(f"{folder} is no set: it has neither a manifest.csv nor pictures in images/")
    said: dict[str, Row] = {}
    for table in filter(Path.is_file, (folder / "manifest.csv", folder / "splits.csv")):
        said |= {row["id"]: {**said.get(row["id"], {}), **row} for row in _rows(table)}
    for path in pictures:
        name = path.name.removesuffix(path.suffix).removesuffix(".ome")
        row: Row = {"id": name, "group": name, "split": ""} | dict(said.get(name, {}))
        if (split and (row["split"] or split_of(row["group"])) != split) or not keep(row):
            continue
        labels, boxes = _first(folder / "labels", name), folder / "boxes" / f"{name}.csv"
        if labels is None and not boxes.is_file():
            raise TrainingDataError(f"{path} has neither labels/{name}.tif nor boxes/{name}.csv")
        yield LabelledImage(
            name,
            folder.name,
            read_picture(path),
            None if labels is None else _labels(labels),
            _read_boxes(boxes) if boxes.is_file() else None,
        )


def _rows(path: Path) -> list[dict[str, str]]:
    rows = _table(path)
    if rows and not {"id", "split"} <= rows[0].keys():
        raise TrainingDataError(f"{path} needs the columns id and split; it has {', '.join(rows[0])}")
    return rows


def _table(path: Path) -> list[dict[str, str]]:
    try:
        return read_dicts(path)
    except (OSError, ValueError, csv.Error) as error:
        raise TrainingDataError(f"{path} cannot be read as a table: {error}; save it as CSV in UTF-8") from error


def _first(folder: Path, name: str) -> Path | None:
    return next(
        (p for p in (folder / f"{name}{s}" for s in (".tif", ".ome.tif", ".tiff", ".png")) if p.is_file()), None
    )


def read_picture(path: Path) -> NDArray[np.generic]:
    """Return a picture as (Y, X) or (Y, X, RGB); of several channels the first, of several planes the highest."""
    stack = open_source(path).read()
    count = stack.shape.c if stack.rgb else 1
    channels = [np.max([stack.plane(t=0, c=c, z=z) for z in range(stack.shape.z)], axis=0) for c in range(count)]
    return np.stack(channels, -1) if stack.rgb else channels[0]


def _labels(path: Path) -> NDArray[np.integer]:
    """Return a label image (Y, X) of a set, checked as masks that are imported are."""
    if path.suffix.lower() == ".png":
        labels, ours = np.asarray(read_picture(path)), False
    else:
        pixels, _, software = read_label_pixels(path)
        labels, ours = np.squeeze(pixels), software.startswith(CREATOR)
    return checked_labels(path, labels, ours=ours)


def checked_labels(path: Path, labels: NDArray[np.generic], *, ours: bool = False) -> NDArray[np.integer]:
    """Return labels (Y, X) as int32 if their numbers are those of cells.

    ``ours`` says that this program wrote them, so that nothing about the numbers is in doubt.

    Raises
    ------
    TrainingDataError
        If they are no whole numbers, or grey values, have one value for many cells (a binary mask), or a background
        that is not 0.
    """
    try:
        whole = whole_numbers(path, labels, labels.shape[:2])
        if ours:
            return fitting_labels(path, whole, labels.shape[:2])
        found, ground = without_background(path, whole, labels.shape[:2])
    except ImageValueError as error:
        raise TrainingDataError(str(error)) from error
    if not found.any():
        return found
    if ground:
        raise TrainingDataError(f"{ground[0]}; in a training set the background is 0: {IMPORT_FIRST}")
    pieces = find_parts(found)
    if is_class_mask(pieces) and len(pieces.area) > len(pieces.values):
        raise TrainingDataError(f"{describe_class_mask(path, pieces)}; {IMPORT_FIRST}")
    try:
        check_parts(path, found, pieces)
    except ImageValueError as error:
        raise TrainingDataError(str(error)) from error
    return found


def _read_boxes(path: Path) -> TrueBoxes:
    rows = _table(path)
    try:
        corners = [[float(row[name]) for name in CORNERS] for row in rows]
        empty = next(
            (box for box in corners if not (inf > box[2] > box[0] > -inf and inf > box[3] > box[1] > -inf)), None
        )
        if empty is not None:
            y0, x0, y1, x1 = empty
            raise ValueError(f"the box y0 {y0:g}, x0 {x0:g}, y1 {y1:g}, x1 {x1:g} holds nothing")
        return TrueBoxes(tuple(row["class"] for row in rows), np.array(corners, np.float32).reshape(-1, 4))
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingDataError(f"{path} needs the columns class, y0, x0, y1, x1 with numbers: {error}") from error


def _boxes_in(text: str) -> TrueBoxes:
    """Return boxes from a manifest's cell: a letter and x0, y0, x1, y1 each."""
    parts = [part.split(",") for part in text.split(";") if part]
    try:
        corners = np.array([[float(p[i]) for i in (2, 1, 4, 3)] for p in parts], np.float32).reshape(-1, 4)
    except (IndexError, ValueError) as error:
        raise TrainingDataError(f"boxes {text[:80]!r} are no list of L,x0,y0,x1,y1;D,…") from error
    return TrueBoxes(tuple(LETTERS.get(p[0], p[0]) for p in parts), corners)


def _members(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.zip")):
        try:
            with zipfile.ZipFile(path) as archive:
                found |= dict.fromkeys(archive.namelist(), path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise TrainingDataError(f"{path} cannot be read as a zip archive: {error}; copy it again") from error
    return found


def _member(archive: Path, name: str) -> NDArray[np.generic]:
    content = _member_bytes(archive, name)
    try:
        if name.endswith(".jpg"):
            with Image.open(io.BytesIO(content), formats=["JPEG"]) as picture:
                return np.asarray(picture)
        check_pages(io.BytesIO(content), name)
        return np.asarray(tifffile.imread(io.BytesIO(content)))
    except Exception as error:  # tifffile raises whatever the broken bytes lead to
        raise TrainingDataError(f"{name} in {archive} cannot be read as an image: {error}") from error


def _member_bytes(archive: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(archive) as handle:
            (content,) = read_members(archive, handle, [handle.getinfo(name)], largest=LARGEST_IMAGE)
            return content
    except ImageReadError as error:
        raise TrainingDataError(str(error)) from error
    except Exception as error:  # of a damaged archive
        raise TrainingDataError(f"{name} in {archive} cannot be read: {error}") from error


def _check_size(field: LabelledImage) -> None:
    shape = field.image.shape[:2]
    if field.labels is not None and field.labels.shape != shape:
        held = " × ".join(map(str, reversed(field.labels.shape))) or "a single"
        raise TrainingDataError(
            f"{field.id}: the image has {shape[1]} × {shape[0]} px, its labels {held} px; they must be of one size"
        )


def _has_objects(field: LabelledImage) -> bool:
    return bool(field.labels is not None and field.labels.any()) or bool(
        field.boxes is not None and field.boxes.classes
    )
