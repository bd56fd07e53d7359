"""Label images as OME-TIFF with the images beside them; and the training set, which is the same with splits.

``labels``: ``images/<field>.ome.tif`` (all channels, raw), ``labels/<field>.ome.tif`` and ``objects.csv``. Where only
boxes are known, ``boxes/<field>.csv`` instead of labels. Nothing is lost; z-stacks stay whole.

``training``: what ``cellvino train`` reads: ``images/<field>.tif`` (the channel that the cells were found in, raw
pixels), ``labels/<field>.tif`` or ``boxes/<field>.csv``, ``splits.csv``, ``manifest.csv`` and ``objects.csv`` (where
each object came from). Lost: other channels; a z-stack becomes one field per plane, all of one group.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.formats.decoding import decoding
from napari_cellvino.formats.field import Cells, ExportField, planes_of
from napari_cellvino.formats.label_canvas import fitting_labels, labelled
from napari_cellvino.formats.label_pixels import READ_PIXELS
from napari_cellvino.formats.label_values import cells_in_values, whole_numbers
from napari_cellvino.formats.writer import (
    OBJECTS_NAME,
    ObjectTable,
    SplitAssignment,
    put_annotated_image,
    put_boxes,
    read_objects,
)
from napari_cellvino.io.label_tiff import overlay_outlines, put_image, put_labels
from napari_cellvino.storage.csv_table import harmless_row

MANIFEST_COLUMNS = (
    "id", "split", "group", "objects", "accepted", "edited", "unseen", "model", "model_sha256", "source", "position",
    "plate", "well", "plane", "pixels_sha256", "spacing_y_um", "spacing_x_um",
)  # fmt: skip


class LabelFolder:
    """Writes ``labels``."""

    def __init__(self, folder: Path, book: SplitAssignment) -> None:
        self._folder = folder
        self._objects = ObjectTable(folder)

    def add(self, field: ExportField) -> None:
        """Write a field."""
        image = self._folder / "images" / f"{field.name}.ome.tif"
        image.parent.mkdir(exist_ok=True)
        if field.rgb:
            put_image(image, np.moveaxis(field.pixels, 0, -1), "ZYX"[3 - len(field.shape) :] + "S", field.spacing)
        else:
            put_image(image, field.pixels, "CZYX" if field.pixels.ndim == 4 else "CYX", field.spacing, field.channels)
        put_truth(self._folder, field, ".ome.tif")
        self._objects.add(field)

    def finish(self) -> None:
        """Do nothing: all is written."""


class TrainingSet:
    """Writes ``training``."""

    def __init__(self, folder: Path, book: SplitAssignment) -> None:
        self._folder, self._book = folder, book
        self._objects = ObjectTable(folder)
        self._append(MANIFEST_COLUMNS)

    def add(self, field: ExportField) -> None:
        """Write a field, or each plane of it."""
        for plane in planes_of(field):
            image = self._folder / "images" / f"{plane.name}.tif"
            image.parent.mkdir(exist_ok=True)
            put_annotated_image(image, plane)
            put_truth(self._folder, plane, ".tif")
            self._objects.add(plane)
            self._append(_manifest_row(plane, self._book.of(plane)))

    def finish(self) -> None:
        """Write the splits."""
        self._book.write(self._folder)

    def _append(self, row: tuple[object, ...]) -> None:
        with (self._folder / "manifest.csv").open("a", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerow(harmless_row(row))


def _manifest_row(field: ExportField, split: str) -> tuple[object, ...]:
    states = [cell.review for cell in field.cells.cells]
    counts = (len(states), *(states.count(word) for word in ("accepted", "edited", "unseen")))
    known, origin = field.provenance, field.provenance.get("origin")
    place = origin if isinstance(origin, dict) else {}
    source = (known.get("model", ""), known.get("model_sha256", ""), *(place.get(k, "") for k in PLACE))
    made = (known.get("plane", ""), known.get("pixels_sha256", ""), field.spacing.y or "", field.spacing.x or "")
    return (field.name, split, field.group or field.name, *counts, *source, *made)


PLACE = ("path", "position", "plate", "well")


def put_truth(folder: Path, field: ExportField, suffix: str) -> None:
    """Write ``labels/<field>`` and, where there are no outlines, ``boxes/<field>.csv``."""
    if field.cells.labels is None:
        (folder / "boxes").mkdir(exist_ok=True)
        put_boxes(folder / "boxes" / f"{field.name}.csv", field)
    else:
        (folder / "labels").mkdir(exist_ok=True)
        put_labels(folder / "labels" / f"{field.name}{suffix}", field.cells.labels, field.spacing)


def read_label_image(path: Path, shape: tuple[int, ...]) -> Cells:
    """Return the objects of a label image; with what an ``objects.csv`` of an export beside it knows of them.

    The numbers of one that was not written here are looked at: they may be those of a binary mask.

    Raises
    ------
    ImageReadError
        If the file cannot be read.
    ImageValueError
        If it is no label image of ``shape``, or has ids above 2147483647.
    """
    held = READ_PIXELS[path.suffix.lower()](path, shape)
    if not held.ours and not held.pixels.any() and (count := overlay_outlines(path)):
        raise _overlay(path, count)
    name = path.name.removesuffix(path.suffix).removesuffix(".ome")
    with decoding(path.parent.parent / OBJECTS_NAME, "a table of objects"):
        known = read_objects(path.parent.parent / OBJECTS_NAME, name)
    if held.ours or known:
        return labelled(fitting_labels(path, whole_numbers(path, held.pixels, shape), shape), known)
    try:
        return cells_in_values(path, held.pixels, shape)
    except ImageValueError:
        if count := overlay_outlines(path):
            raise _overlay(path, count) from None
        raise


def _overlay(path: Path, count: int) -> ImageValueError:
    return ImageValueError(
        f"{path} has no labels in its pixels, and {count} outline(s) as an overlay of ImageJ: in Fiji, choose "
        "Image > Overlay > To ROI Manager there, save them as a zip, and import that"
    )
