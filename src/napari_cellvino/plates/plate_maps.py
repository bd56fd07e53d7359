"""Plate maps as spreadsheets hold them, read as layouts; and serial dilutions filled in.

A map is a table with a row per well, or one grid or several under each other, of which the corner cell, or the line
above, says what the grid holds. Nothing is guessed about numbers and letters: a decimal comma and an encoding other
than UTF-8 are named in an error until the user says them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well
from napari_cellvino.plates.layout import COLUMNS, Content, Layout
from napari_cellvino.storage.csv_table import plain_cell

LARGEST = (32, 48)  # rows and columns of a plate of 1536 wells
TITLES = {
    "well": ("well", "well id", "well name", "well position", "position", "destination well"),
    "row": ("row", "well row"),
    "column": ("column", "col", "well column"),
    "compound": ("compound", "compound name", "compound id", "name", "sample", "treatment", "substance", "drug"),
    "dose": ("dose", "concentration", "conc", "final concentration"),
    "control": ("control", "control type", "type", "content type"),
}
_UNIT = re.compile(r"\s*[\[(].*?[\])]\s*$")
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")

Cells = list[list[str]]


@dataclass(frozen=True, slots=True)
class MapFormat:
    """How the text of a map is read."""

    encoding: str = "utf-8-sig"
    decimal_comma: bool = False


def read_plate_map(path: Path, form: MapFormat | None = None) -> Layout:
    """Return the layout in a CSV (comma, semicolon or tab) of wells or of grids, up to 1536 wells.

    Raises
    ------
    OptionError
        If it cannot be read, holds no wells, or a value is impossible; what to say then is named.
    """
    form = form or MapFormat()
    cells = _cells(path, form)
    fields = _from_table(cells, path) or _from_grids(cells, path)
    if not fields:
        raise OptionError(
            f"{path} holds no plate map: no column 'well', and no grid with numbers above and letters at its side"
        )
    return Layout({well: _content(values, well, path, form) for well, values in sorted(fields.items())})


def _cells(path: Path, form: MapFormat) -> Cells:
    try:
        text = path.read_text(encoding=form.encoding)
    except LookupError as error:
        raise OptionError(f"there is no encoding {form.encoding!r}; use utf-8 or latin-1") from error
    except UnicodeDecodeError as error:
        said = "read it as it was saved (--encoding latin-1), or save it as CSV in UTF-8"
        raise OptionError(f"{path} is not in {form.encoding.removesuffix('-sig')}; {said}") from error
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}") from error
    lines = text.splitlines()
    separator = max(
        ";\t,", key=lambda mark: max((line.count(mark) for line in lines), default=0) * (1 if mark == "," else 2)
    )
    return [[plain_cell(cell).strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]


def _title(cell: str) -> str:
    """Return what a heading stands for, without its unit; empty where it is unknown."""
    bare = _UNIT.sub("", cell.casefold().replace("_", " ")).strip()
    return next((name for name, known in TITLES.items() if bare in known), "")


def _from_table(cells: Cells, path: Path) -> dict[Well, dict[str, str]]:
    """Return what the rows of a table say of wells; empty where it is none."""
    for number, row in enumerate(cells):
        names = [_title(cell) for cell in row]
        if "well" in names or {"row", "column"} <= set(names):
            return _table_rows(cells[number + 1 :], names, number + 2, path)
        if sum(bool(cell) for cell in row) > 1:
            return {}
    return {}


def _table_rows(
    rows: Sequence[Sequence[str]], names: Sequence[str], first: int, path: Path
) -> dict[Well, dict[str, str]]:
    found: dict[Well, dict[str, str]] = {}
    for number, row in enumerate(rows, first):
        if not any(row):
            continue
        values = {name: cell for name, cell in zip(names, row, strict=False) if name}
        well = Well.parse(values["well"] if values.get("well") else values.get("row", "") + values.get("column", ""))
        if well in found:
            raise OptionError(f"{path}, line {number}: well {well.name} is there twice")
        found[_on_a_plate(well, path)] = {name: values[name] for name in COLUMNS if name in values}
    return found


def _from_grids(cells: Cells, path: Path) -> dict[Well, dict[str, str]]:
    """Return what grids say of wells."""
    found: dict[Well, dict[str, str]] = {}
    heading, number = "", 0
    while number < len(cells):
        row = cells[number]
        if _is_top(row):
            name = _title(row[0]) or _title(heading) or "compound"
            number = _read_grid(cells, number, name, found, path)
            continue
        heading = next((cell for cell in row if cell), heading)
        number += 1
    return found


def _is_top(row: Sequence[str]) -> bool:
    """Return whether a row is 1, 2, 3, … above a grid."""
    numbers = [cell for cell in row[1:] if cell]
    return len(numbers) > 1 and numbers == [str(n) for n in range(1, len(numbers) + 1)]


def _read_grid(cells: Cells, top: int, name: str, found: dict[Well, dict[str, str]], path: Path) -> int:
    """Take a grid in, and return the row behind it."""
    columns = sum(bool(cell) for cell in cells[top][1:])
    number = top + 1
    while number < len(cells) and cells[number] and re.fullmatch("[A-Za-z]{1,2}", cells[number][0]):
        for column, cell in enumerate(cells[number][1 : columns + 1], 1):
            if cell:
                well = _on_a_plate(Well.parse(f"{cells[number][0]}{column}"), path)
                found.setdefault(well, {})[name] = cell
        number += 1
    return number


def _on_a_plate(well: Well, path: Path) -> Well:
    if well.row >= LARGEST[0] or well.column >= LARGEST[1]:
        raise OptionError(f"{path}: well {well.name} is on no plate of up to 1536 wells")
    return well


def _content(values: Mapping[str, str], well: Well, path: Path, form: MapFormat) -> Content:
    plain = dict(values)
    dose = plain.get("dose", "")
    if _COMMA.fullmatch(dose):
        if not form.decimal_comma:
            raise OptionError(
                f"{path}: the dose {dose!r} of {well.name} has a comma; --decimal-comma takes it for a point"
            )
        plain["dose"] = dose.replace(",", ".")
    try:
        return Content.model_validate(plain)
    except ValidationError as error:
        fault = error.errors()[0]
        message = fault["msg"].removeprefix("Value error, ")
        raise OptionError(f"{path}: {fault['loc'][0]} {fault['input']!r} of {well.name}: {message}") from error


def dilute(
    layout: Layout, wells: Iterable[Well], compound: str, top: float, factor: float, *, down: bool = False
) -> Layout:
    """Return a layout with a serial dilution in some wells: each row of them from ``top``, divided by ``factor``.

    With ``down``, each column of them. Rows are replicates of each other.

    Raises
    ------
    OptionError
        If the dose is not above 0, or the factor not above 1.
    """
    if not (top > 0 and factor > 1):
        raise OptionError(f"a dilution begins above 0 and its factor is above 1, not {top:g} and {factor:g}")
    places = sorted(wells)
    steps = {place: n for n, place in enumerate(sorted({well.row if down else well.column for well in places}))}
    filled = {
        well: Content(compound=compound, dose=float(f"{top / factor ** steps[well.row if down else well.column]:.6g}"))
        for well in places
    }
    return Layout({**layout.contents, **filled})


def paste_cells(layout: Layout, first: Well, text: str) -> Layout:
    """Return a layout with cells of a spreadsheet, parted by tabs, put in from ``first`` to the right and down.

    They are doses where all are numbers (a decimal comma counts as a point), controls where all say ``positive`` or
    ``negative``, else compounds. What a well holds besides stays; an empty cell changes nothing.

    Raises
    ------
    OptionError
        If there is no cell, or one lies beyond a plate of 1536 wells.
    """
    rows = [line.split("\t") for line in text.rstrip("\n").splitlines()]
    cells = {
        Well(first.row + r, first.column + c): cell.strip()
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
        if cell.strip()
    }
    if not cells:
        raise OptionError("there is nothing to paste; copy cells of a spreadsheet first")
    last = Well(max(well.row for well in cells), max(well.column for well in cells))
    if last.row >= LARGEST[0] or last.column >= LARGEST[1]:
        raise OptionError(f"the cells reach from {first.name} to {last.name}, beyond the largest plate, P24 or AF48")
    changes: dict[Well, dict[str, object]]
    if all(_NUMBER.fullmatch(cell) for cell in cells.values()):
        changes = {well: {"dose": float(cell.replace(",", "."))} for well, cell in cells.items()}
    else:
        controls = all(cell.casefold() in ("positive", "negative") for cell in cells.values())
        changes = {well: {"control" if controls else "compound": cell} for well, cell in cells.items()}
    held = {well: layout.contents.get(well, Content()).model_dump() | change for well, change in changes.items()}
    return Layout({**layout.contents, **{well: Content.model_validate(content) for well, content in held.items()}})


def mark_controls(layout: Layout, wells: Iterable[Well], control: str) -> Layout:
    """Return a layout in which some wells are ``positive`` or ``negative`` controls.

    Raises
    ------
    OptionError
        If there is no such control.
    """
    try:
        marked = {
            well: Content.model_validate(layout.contents.get(well, Content()).model_dump() | {"control": control})
            for well in wells
        }
    except ValidationError as error:
        raise OptionError(f"{control!r} is no control; use positive or negative") from error
    return Layout({**layout.contents, **marked})
