"""Layouts filled in: serial dilutions, cells of a spreadsheet, controls."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well, well_ranges
from napari_cellvino.plates.doses import NUMBER
from napari_cellvino.plates.layout import LARGEST, Content, Layout


def dilute(
    layout: Layout,
    wells: Iterable[Well],
    compound: str,
    top: float,
    factor: float,
    *,
    down: bool = False,
    back: bool = False,
) -> Layout:
    """Return a layout with a serial dilution in some wells: each row of them from ``top``, divided by ``factor``.

    It goes to the right, with ``back`` to the left; with ``down`` each column of them is one, downwards, with ``back``
    upwards. Rows are replicates of each other.

    Raises
    ------
    OptionError
        If the dose is not above 0, or the factor not above 1.
    """
    if not (top > 0 and factor > 1):
        raise OptionError(f"a dilution begins above 0 and its factor is above 1, not {top:g} and {factor:g}")
    places = sorted(wells)
    along = sorted({well.row if down else well.column for well in places}, reverse=back)
    steps = {place: n for n, place in enumerate(along)}
    filled = {
        well: Content(compound=compound, dose=float(f"{top / factor ** steps[well.row if down else well.column]:.6g}"))
        for well in places
    }
    return replace(layout, contents={**layout.contents, **filled})


def goes_back(wells: str, *, down: bool = False) -> bool:
    """Return whether ranges like ``A11:D03`` are written from right to left; with ``down``, from below to above.

    Raises
    ------
    OptionError
        If some go one way and some the other, or one names no well.
    """
    steps = {first.row - last.row if down else first.column - last.column for first, last in well_ranges(wells)}
    if min(steps) < 0 < max(steps):
        raise OptionError(f"{wells} goes both ways; a dilution begins at the first well of each of its ranges")
    return max(steps) > 0


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
    if all(re.fullmatch(NUMBER, cell) for cell in cells.values()):
        changes = {well: {"dose": float(cell.replace(",", "."))} for well, cell in cells.items()}
    else:
        controls = all(cell.casefold() in ("positive", "negative") for cell in cells.values())
        changes = {well: {"control" if controls else "compound": cell} for well, cell in cells.items()}
    held = {well: layout.contents.get(well, Content()).model_dump() | change for well, change in changes.items()}
    put = {well: Content.model_validate(content) for well, content in held.items()}
    return replace(layout, contents={**layout.contents, **put})


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
    return replace(layout, contents={**layout.contents, **marked})
