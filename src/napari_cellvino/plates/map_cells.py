"""The cells of a plate map told apart: a row per well, or grids with numbers above and letters at the side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well
from napari_cellvino.plates.doses import UNITS, unit_of, written_dose
from napari_cellvino.plates.layout import COLUMNS, LARGEST

TITLES = {
    "well": ("well", "well id", "well name", "well position", "position", "destination well"),
    "row": ("row", "well row"),
    "column": ("column", "col", "well column"),
    "compound": ("compound", "compound name", "compound id", "name", "sample", "treatment", "substance", "drug"),
    "dose": ("dose", "concentration", "conc", "final concentration"),
    "control": ("control", "control type", "type", "content type", "well type", "role", "well role"),
    "unit": ("unit", "units", "dose unit", "concentration unit", "conc unit"),
}
_SPEAKING = {
    "compound": r"compound|drug|treatment|substance",
    "dose": r"dose|conc|\blog10|-log",
    "control": r"control\b",
}
_UNIT = re.compile(r"\s*[\[(](.*?)[\])]\s*$")
_MOLAR = re.compile("[uµμmnpf]m", re.IGNORECASE)
"""The end of a heading as names of columns are spelt (``dose_um``): a dose is no length."""
_LOGARITHM = re.compile(r"\b(log|ln)(10)?\b|-log", re.IGNORECASE)
_LETTERS = re.compile("[A-Za-z]{1,2}")

Cells = list[list[str]]
Values = dict[str, str]


@dataclass(slots=True)
class MapValues:
    """What a map says of wells, as text: by title, the place in the file of each, and the unit in a heading.

    ``gaps`` are columns and rows of a grid that hold nothing, between others that do.
    """

    wells: dict[Well, Values] = field(default_factory=dict)
    places: dict[Well, str] = field(default_factory=dict)
    unit: str = ""
    gaps: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wells)

    def put(self, well: Well, name: str, cell: str, place: str) -> None:
        """Take a cell in.

        Raises
        ------
        OptionError
            If the well is on no plate, or another cell said the same of it.
        """
        if well.row >= LARGEST[0] or well.column >= LARGEST[1]:
            raise OptionError(f"{place}: well {well.name} is on no plate of up to 1536 wells")
        held = self.wells.setdefault(well, {})
        if name in held:
            raise OptionError(
                f"{place}: {name} of {well.name} is there twice, {held[name]!r} and {cell!r}; a map is of one plate"
            )
        held[name] = cell
        self.places.setdefault(well, place)


def _title(cell: str) -> tuple[str, str]:
    """Return what a heading stands for, empty where it is unknown, and the unit in it."""
    match = _UNIT.search(cell)
    bare, unit = (cell[: match.start()], match[1]) if match else (cell, "")
    bare = bare.replace("_", " ").strip()
    before, _, last = bare.rpartition(" ")
    if not unit and unit_of(last) in UNITS:
        bare, unit = before, last
    elif not unit and _MOLAR.fullmatch(last) and before.casefold() in TITLES["dose"]:
        bare, unit = before, unit_of(last[:-1].lower() + "M")
    found = next((name for name, known in TITLES.items() if bare.casefold() in known), "")
    return found, unit if found == "dose" else ""


# -- a row per well


def table_values(cells: Cells) -> MapValues:
    """Return what the rows of a table say of wells; nothing where it is none.

    Raises
    ------
    OptionError
        If a heading, a row or a well cannot be understood; the line is named.
    """
    for number, row in enumerate(cells, 1):
        names = [_title(cell)[0] for cell in row]
        if "well" in names or {"row", "column"} <= set(names):
            return _table_rows(cells[number:], row, number)
        if sum(bool(cell) for cell in row) > 1:
            break
    return MapValues()


def _table_rows(rows: Sequence[Sequence[str]], titles: Sequence[str], line: int) -> MapValues:
    used, unit = _used_columns(titles, line)
    found, plates = MapValues(unit=unit), set[str]()
    plate = next((n for n, title in enumerate(titles) if title.casefold() in ("plate", "plate id", "barcode")), None)
    for number, row in enumerate(rows, line + 1):
        place = f"line {number}"
        if not any(row):
            continue
        lost = next((cell for cell in row[len(titles) :] if cell), "")
        if lost:
            raise OptionError(f"{place}: {lost!r} is below no heading; each column needs one")
        values = {name: row[n] if n < len(row) else "" for name, n in used.items()}
        plates |= {row[plate]} if plate is not None and plate < len(row) else set()
        well = _well(values, place)
        if well in found.wells:
            several = f"; it holds {len(plates)} plates, and a map is of one" if len(plates) > 1 else ""
            raise OptionError(f"{place}: well {well.name} is there twice{several}")
        for name in (*COLUMNS, "unit"):
            found.put(well, name, values.get(name, ""), place)
    return found


def _used_columns(titles: Sequence[str], line: int) -> tuple[dict[str, int], str]:
    """Return the number of the column of each meaning, and the unit of the doses in its heading."""
    used: dict[str, int] = {}
    for name in TITLES:
        meant = [n for n, title in enumerate(titles) if _title(title)[0] == name]
        exact = [n for n in meant if titles[n].casefold() == name]
        if len(exact or meant) > 1:
            both = " and ".join(repr(titles[n]) for n in (exact or meant)[:2])
            raise OptionError(f"line {line}: {both} could both be the {name}; call the one that is meant {name!r}")
        if meant:
            used[name] = (exact or meant)[0]
    for name, speaking in _SPEAKING.items():
        lost = next((t for t in titles if not _title(t)[0] and re.search(speaking, t.casefold())), "")
        if name not in used and lost:
            raise OptionError(
                f"line {line}: column {lost!r} is not read; call it {name!r}"
                + (", and write doses as they are, not their logarithm" if "log" in lost.casefold() else "")
            )
    if "dose" in used:
        _check_no_logarithm(titles[used["dose"]], line)
    if not used.keys() & set(COLUMNS):
        there = ", ".join(repr(title) for title in titles if title)
        raise OptionError(f"line {line}: no column says what a well holds: {there}; call them {', '.join(COLUMNS)}")
    return used, _title(titles[used["dose"]])[1] if "dose" in used else ""


def _check_no_logarithm(title: str, line: int) -> None:
    if _LOGARITHM.search(title):
        raise OptionError(
            f"line {line}: {title!r} holds logarithms; write doses as they are, and no 'log' in the heading"
        )


def _well(values: Values, place: str) -> Well:
    row, column = values.get("row", ""), values.get("column", "")
    if row.isdigit() and int(row) > 0:  # rows as numbers, as instruments write them
        row = Well(int(row) - 1, 0).letters
    try:
        return Well.parse(values.get("well") or row + column)
    except OptionError as error:
        raise OptionError(f"{place}: {error}") from error


# -- grids


def grid_values(cells: Cells) -> MapValues:
    """Return what grids say of wells; errors are those of `table_values`."""
    found = MapValues()
    heading, number = "", 0
    while number < len(cells):
        row = cells[number]
        if _is_top(row):
            number = _read_grid(cells, number, heading, found)
            heading = ""
            continue
        if found and _is_row(row) and sum(bool(cell) for cell in row) > 2:
            raise OptionError(f"line {number + 1}: a row {row[0]!r} without numbers above it; each grid has its own")
        heading = next((cell for cell in row if cell), heading)
        number += 1
    return found


def _is_top(row: Sequence[str]) -> bool:
    """Return whether a row is 1, 2, 3, … above a grid."""
    numbers = [cell.lstrip("0") for cell in row[1:] if cell]
    return len(numbers) > 1 and numbers == [str(n) for n in range(1, len(numbers) + 1)]


def _is_row(row: Sequence[str]) -> bool:
    return bool(row) and _LETTERS.fullmatch(row[0]) is not None


def _read_grid(cells: Cells, top: int, heading: str, found: MapValues) -> int:
    """Take a grid in, and return the row behind it; empty rows within it are passed over."""
    name, unit = _grid_title(cells[top][0], heading, top + 1)
    places = [n for n, cell in enumerate(cells[top]) if n and cell]
    number, before, rows = top + 1, -1, list[tuple[int, Well, str]]()
    while number < len(cells):
        row = cells[number]
        if any(row):
            if not _is_row(row) or (here := Well.parse(f"{row[0]}1").row) <= before:
                break
            before = here
            lost = next((cell for n, cell in enumerate(row) if n and n not in places and cell), "")
            if lost:
                raise OptionError(f"line {number + 1}: {lost!r} has no number of a column above it")
            filled = [(n, column) for column, n in enumerate(places) if n < len(row) and row[n]]
            rows += [(number + 1, Well(here, column), row[n]) for n, column in filled]
        number += 1
    if not name and rows and all(_is_dose(cell) for _, _, cell in rows):
        raise OptionError(
            f"line {top + 1}: a grid of numbers alone; write dose or compound into its corner, to say what they are"
        )
    for line, well, cell in rows:
        found.put(well, name or "compound", cell, f"line {line}")
    found.unit, found.gaps = unit or found.unit, found.gaps or _gaps([well for _, well, _ in rows])
    return number


def _gaps(wells: Sequence[Well]) -> tuple[str, ...]:
    """Return the columns, or rows, that hold nothing behind each one that does: as merged cells leave them."""
    columns, rows = sorted({well.column for well in wells}), sorted({well.row for well in wells})
    if empty := _regular_gaps(columns):
        return tuple(f"column {n + 1}" for n in empty)
    return tuple(f"row {Well(n, 0).letters}" for n in _regular_gaps(rows))


def _regular_gaps(held: Sequence[int]) -> list[int]:
    """Return the numbers that are left out, where as many are between each two and the next."""
    steps = {after - before for before, after in pairwise(held)}
    return [n for n in range(held[0], held[-1]) if n not in held] if len(steps) == 1 and steps != {1} else []


def _grid_title(corner: str, heading: str, line: int) -> tuple[str, str]:
    for cell in (corner, heading):
        name, unit = _title(cell)
        if name in COLUMNS:
            _check_no_logarithm(cell, line)
            return name, unit
        lost = next((name for name, speaking in _SPEAKING.items() if re.search(speaking, cell.casefold())), "")
        if lost:
            raise OptionError(f"a grid is titled {cell!r}, which is not understood; call it {lost!r}")
    return "", ""


def _is_dose(cell: str) -> bool:
    return written_dose(cell, decimal_comma=True) is not None
