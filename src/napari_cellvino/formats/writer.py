"""What a format is: something that takes fields one by one and is then finished; and what several formats share."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from napari_cellvino.formats.field import Cell, ExportField, cell_from
from napari_cellvino.formats.splits import Splits, write_splits
from napari_cellvino.io.label_tiff import put_image
from napari_cellvino.storage.csv_table import harmless_cell, harmless_row, open_rows

OBJECTS_NAME = "objects.csv"
OBJECT_COLUMNS = (
    "field", "id", "class", "score", "y0", "x0", "y1", "x1", "origin", "review", "excluded", "note", "model",
)  # fmt: skip


class Writer(Protocol):
    """Writes one format into a folder that is empty when it begins."""

    def add(self, field: ExportField) -> None:
        """Write a field."""
        ...

    def finish(self) -> None:
        """Write what is known only at the end."""
        ...


@dataclass
class SplitAssignment:
    """Decides the split of each field and remembers it."""

    before: Splits
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def of(self, shown: ExportField) -> str:
        """Return ``train`` or ``val`` (or what an earlier export's table says)."""
        group = shown.group or shown.name
        split = self.before.of(shown.name, group)
        self.rows.append((shown.name, split, group))
        return split

    def write(self, folder: Path) -> None:
        """Write ``splits.csv``."""
        write_splits(folder, self.rows)


MakeWriter = Callable[[Path, SplitAssignment], Writer]


class ObjectTable:
    """``objects.csv``: one row per object with its class, score, box, origin, review state and model."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / OBJECTS_NAME
        self._append([OBJECT_COLUMNS])

    def add(self, shown: ExportField) -> None:
        """Append the objects of a field."""
        model = shown.provenance.get("model", "")
        self._append([(shown.name, *_row(cell), model) for cell in shown.cells.cells])

    def _append(self, rows: list[tuple[object, ...]]) -> None:
        with self._path.open("a", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerows(map(harmless_row, rows))


def _row(cell: Cell) -> tuple[object, ...]:
    box = tuple(f"{edge:g}" for edge in cell.box)
    score = f"{cell.score:.6g}"
    return cell.id, cell.kind, score, *box, cell.origin, cell.review, int(cell.excluded), cell.note


def read_objects(path: Path, name: str) -> tuple[Cell, ...]:
    """Return the objects of one field in an ``objects.csv``; none where there is no such table."""
    if not path.is_file():
        return ()
    with open_rows(path) as (_, rows):
        return tuple(_cell(row) for row in rows if row.get("field") == name)


def _cell(row: dict[str, str]) -> Cell:
    y0, x0, y1, x1 = (float(row[key]) for key in ("y0", "x0", "y1", "x1"))
    return cell_from(int(row["id"]), row["class"], row, (y0, x0, y1, x1))


def put_annotated_image(path: Path, shown: ExportField) -> None:
    """Write the image that the cells were found in, raw, as OME-TIFF: (Y, X), (Z, Y, X) or red, green and blue."""
    image = shown.annotated_image()
    axes = "ZYX"[3 - len(shown.shape) :] + ("S" if shown.seen is None else "")
    put_image(path, image, axes, shown.spacing)


def put_boxes(path: Path, shown: ExportField) -> None:
    """Write boxes as CSV: ``class,y0,x0,y1,x1`` in px, half-open, and ``id,score,centre_y,centre_x``."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow(("class", "y0", "x0", "y1", "x1", "id", "score", "centre_y", "centre_x"))
        for cell in shown.cells.cells:
            numbers = [f"{edge:g}" for edge in cell.box]
            table.writerow(
                (harmless_cell(cell.kind), *numbers, cell.id, f"{cell.score:.6g}", *(f"{v:g}" for v in cell.centre))
            )
