"""Plate maps as spreadsheets hold them, read as layouts.

A map is a table with a row per well, or one grid or several under each other, of which the corner cell, or the line
above, says what the grid holds. Nothing is guessed about numbers and letters: a decimal comma and an encoding other
than UTF-8 are named in an error until the user says them. What would be lost or could mean two things is an error too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.io.checks import list_names
from napari_cellvino.plates.doses import WrittenDose, in_one_unit, unit_of, written_dose
from napari_cellvino.plates.layout import Content, Layout
from napari_cellvino.plates.map_cells import Cells, MapValues, grid_values, table_values
from napari_cellvino.storage.csv_table import plain_cell

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ZIP = b"PK\x03\x04"
_LINES = re.compile(r"\s*[\r\n]+\s*")


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
    text, found = _text(path, form), MapValues()
    for separator in ",;\t":
        cells = _cells(text, separator)
        try:
            found = table_values(cells) or grid_values(cells)
        except OptionError as error:
            raise OptionError(f"{path}, {error}") from error
        if found:
            break
    if not found:
        raise OptionError(
            f"{path} holds no plate map: no column 'well' with rows below it, and no grid with numbers above and "
            "letters at its side; a layout has the columns well, compound, dose, control"
        )
    return _layout(found, path, form)


def read_layout(path: Path, plate: Plate) -> Layout:
    """Return the layout of a plate in a CSV: a table with a column ``well``, or grids, as `read_plate_map` reads them.

    Raises
    ------
    OptionError
        If it cannot be read, or names a well that the plate has not.
    """
    layout = read_plate_map(path)
    beyond = next((well for well in layout.contents if well.row >= plate.rows or well.column >= plate.columns), None)
    if beyond is not None:
        size = f"{plate.rows} x {plate.columns}"
        raise OptionError(f"layout {path}: well {beyond.name} is not on a plate of {size} wells")
    return layout


def _text(path: Path, form: MapFormat) -> str:
    try:
        held = path.read_bytes()
        if held.startswith(_ZIP):
            raise OptionError(f"{path} is a spreadsheet (.xlsx), no CSV; save it as CSV")
        return held.decode(form.encoding)
    except LookupError as error:
        raise OptionError(f"there is no encoding {form.encoding!r}; use utf-8 or latin-1") from error
    except UnicodeDecodeError as error:
        other = "utf-16" if held.startswith(_UTF_16) else "latin-1"
        said = f"'cellvino layout FILE --encoding {other} --out layout.csv' reads it, or save it as CSV in UTF-8"
        raise OptionError(f"{path} is not in {form.encoding.removesuffix('-sig')}; {said}") from error
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}") from error


def _cells(text: str, separator: str) -> Cells:
    """Return the cells of a table; rows end with a line, but in quotes."""
    rows = csv.reader(io.StringIO(text.replace("\0", "")), delimiter=separator)
    try:
        return [[plain_cell(_LINES.sub(" ", cell)).strip() for cell in row] for row in rows]
    except csv.Error as error:
        raise OptionError(f"line {rows.line_num} is no CSV: {error}") from error


def _layout(found: MapValues, path: Path, form: MapFormat) -> Layout:
    """Return what the cells of a map say, doses in one unit."""
    written: dict[Well, WrittenDose] = {}
    for well, values in found.wells.items():
        if text := values.get("dose", ""):
            dose = _dose(text, f"{path}, {found.places[well]}: dose {text!r} of {well.name}", form)
            own = unit_of(values.get("unit", ""))
            if own and dose.unit and own != dose.unit:
                raise OptionError(f"{path}: {well.name} has a dose of {text!r} and the unit {own!r}; write one of them")
            written[well] = WrittenDose(dose.text, dose.number, dose.unit or own)
    try:
        doses, unit, converted = in_one_unit(written, unit_of(found.unit))
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from error
    contents = {
        well: _content(values, doses.get(well), f"{path}, {found.places[well]}")
        for well, values in sorted(found.wells.items())
    }
    gaps = f"{list_names(found.gaps)} of the grid hold nothing, between others that do: cells that are merged keep "
    doubt = f"{gaps}their text in the first alone; fill the others if they are" if found.gaps else ""
    return Layout(contents, unit, converted, doubt)


def _dose(text: str, place: str, form: MapFormat) -> WrittenDose:
    try:
        dose = written_dose(text, decimal_comma=form.decimal_comma)
    except OptionError as error:
        raise OptionError(f"{place} {error}") from error
    if dose is None:
        raise OptionError(
            f"{place}: a dose is a number from 0 on, with or without a unit (10, 1e-3, 10 nM); leave it empty where "
            "there is none"
        )
    return dose


def _content(values: Mapping[str, str], dose: float | None, place: str) -> Content:
    held = {name: values[name] for name in ("compound", "control") if name in values}
    try:
        return Content.model_validate({**held, "dose": dose})
    except ValidationError as error:
        fault = error.errors()[0]
        message = fault["msg"].removeprefix("Value error, ")
        raise OptionError(f"{place}: {fault['loc'][0]} {fault['input']!r}: {message}") from error
