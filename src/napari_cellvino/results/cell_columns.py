"""The tables of saved results, one field at a time: rows of ``counts.csv``, and columns of ``objects.csv``.

What a file does not say, as those of earlier versions, is not there; nothing is guessed. Of cells only one column is
held at a time, so that the memory does not grow with the number of fields.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.plates.layout import COLUMNS
from napari_cellvino.results.counts_table import read_rows
from napari_cellvino.results.exported_fields import UnreadableField
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.store import ResultStore

REJECTED, EXCLUDED = "rejected", "True"


@dataclass(frozen=True, slots=True)
class FinishedField:
    """A finished field: its folder, its row of ``counts.csv``, and the columns of its cells that may hold numbers."""

    folder: Path
    row: Mapping[str, str]
    columns: tuple[str, ...]

    def number(self, name: str) -> float | None:
        """Return a number of its row, None where it is not told."""
        return _number(self.row.get(name, ""))


@dataclass(slots=True)
class CellValues:
    """One column of the cells of a field that are counted, by class, and how many cells are not in it."""

    values: dict[str, array[float]] = field(default_factory=dict)
    rejected: int = 0
    excluded: int = 0
    unknown: int = 0  # counted, but without a value


def saved_fields(store: ResultStore, unreadable: list[UnreadableField]) -> Iterator[FinishedField]:
    """Yield the finished fields in a folder of results, or the one that it is.

    Those that cannot be read go to ``unreadable``, the others go on.

    Raises
    ------
    ImageReadError
        If there is none, or ``counts.csv`` cannot be read.
    """
    folders = store.folders()
    counted = {row["folder"]: row for row in _rows(store) if row["status"] == "done"}
    for folder in folders:
        try:
            yield _saved_field(store, folder, counted.get(folder.name))
        except ImageReadError as error:
            unreadable.append(UnreadableField(folder, error))


def failed_fields(store: ResultStore) -> int:
    """Return how many fields of a folder of results failed in the last run."""
    return 0 if store.is_one_result else sum(row["status"] == "failed" for row in _rows(store))


def _rows(store: ResultStore) -> list[dict[str, str]]:
    """Return the rows of ``counts.csv``; none where there is no such table."""
    path = store.counts.path
    if not path.is_file():
        return []
    with explained(path):
        return read_rows(path, ("folder", "status"))


def _saved_field(store: ResultStore, folder: Path, row: Mapping[str, str] | None) -> FinishedField:
    with explained(folder):
        told = row or {name: "" if value is None else str(value) for name, value in store.row(folder).items()}
        with FieldFolder(folder).open_objects() as (header, rows):
            cells = next(rows, {})
    layout = {name: cells.get(name, "") for name in COLUMNS if not told.get(name)}
    numbers = tuple(name for name in header if not cells.get(name) or _number(cells[name]) is not None)
    return FinishedField(folder, {**told, **layout}, numbers)


def read_cells(folder: Path, column: str) -> CellValues:
    """Return one column of the cells of a field.

    Raises
    ------
    ImageReadError
        If its table cannot be read.
    """
    cells = CellValues()
    with explained(folder), FieldFolder(folder).open_objects(("class", "review", "excluded", column)) as (_, rows):
        for row in rows:
            if row.get("review") == REJECTED:
                cells.rejected += 1
            elif row.get("excluded") == EXCLUDED:
                cells.excluded += 1
            else:
                _take(cells, row.get("class", ""), row[column])
    return cells


def _take(cells: CellValues, kind: str, text: str) -> None:
    number = _number(text)
    values = cells.values.setdefault(kind, array("d"))
    if number is None:
        cells.unknown += 1
    else:
        values.append(number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what a damaged result raises into an `ImageReadError`."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, IndexError, csv.Error) as error:
        raise ImageReadError(f"{path} cannot be read as a result: {error!r}; move it away") from error
