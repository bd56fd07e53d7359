"""The layout of a plate: compounds, doses and controls, from a CSV file made in a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.storage.csv_table import harmless_row, plain_cell

COLUMNS = ("compound", "dose", "control")


_OTHER_TITLES = {
    "compound": ("compound", "drug", "treatment", "substance"),
    "dose": ("dose", "conc"),
    "control": ("control",),
}  # beginnings of titles that spreadsheets have instead


class Control(StrEnum):
    """Which control a well is; others are samples."""

    NONE = ""
    POSITIVE = "positive"
    NEGATIVE = "negative"


_CONTROLS = {
    "positive": Control.POSITIVE, "pos": Control.POSITIVE, "+": Control.POSITIVE, "p": Control.POSITIVE,
    "negative": Control.NEGATIVE, "neg": Control.NEGATIVE, "-": Control.NEGATIVE, "n": Control.NEGATIVE,
    "": Control.NONE, "none": Control.NONE, "no": Control.NONE, "sample": Control.NONE,
}  # fmt: skip


class Content(BaseModel):
    """Contents of one well; ``dose`` is in a unit of the user's choice, None where there is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    compound: str = ""
    dose: float | None = None
    control: Control = Control.NONE

    @field_validator("dose", mode="before")
    @classmethod
    def _no_dose(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("dose")
    @classmethod
    def _possible_dose(cls, value: float | None) -> float | None:
        if value is not None and not 0 <= value < math.inf:
            raise ValueError("a dose is a number from 0 on, or nothing")
        return value

    @field_validator("control", mode="before")
    @classmethod
    def _control(cls, value: object) -> object:
        text = str(value or "").strip().casefold()
        if text not in _CONTROLS:
            raise ValueError("use positive, negative, or nothing")
        return _CONTROLS[text]


@dataclass(frozen=True, slots=True)
class Layout:
    """Contents of wells; those of wells not listed are unknown. False where no well is listed."""

    contents: Mapping[Well, Content] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.contents)

    def columns(self, well: Well) -> dict[str, object]:
        """Return compound, dose and control of a well for a table; no columns where there is no layout."""
        content = self.contents.get(well, Content())
        return {"compound": content.compound, "dose": content.dose, "control": content.control.value} if self else {}

    def control(self, well: Well) -> Control:
        """Return which control a well is."""
        return self.contents.get(well, Content()).control


def read_layout(path: Path, plate: Plate) -> Layout:
    """Return the layout in a CSV with the columns well, compound, dose and control; others are passed over.

    Raises
    ------
    OptionError
        If it cannot be read, has no column ``well``, or names a well twice or one that the plate has not.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"layout {path} cannot be read: {error}; save it as CSV in UTF-8") from error
    lines = text.splitlines()
    separator = max(",;\t", key=(lines[0] if lines else "").count)  # as the spreadsheet of some countries writes
    table = csv.DictReader(lines, delimiter=separator)
    rows = [{(k or "").strip().casefold(): _plain(v) for k, v in row.items()} for row in table]
    if not rows or "well" not in rows[0]:
        raise OptionError(f"layout {path} has no column 'well' or no rows; its columns are well, {', '.join(COLUMNS)}")
    _check_titles(rows[0], path)
    contents: dict[Well, Content] = {}
    for number, row in enumerate(rows, 2):
        well = Well.parse(str(row["well"]))
        if well in contents or well.row >= plate.rows or well.column >= plate.columns:
            why = "is there twice" if well in contents else f"is not on a plate of {plate.rows} x {plate.columns} wells"
            raise OptionError(f"layout {path}, line {number}: well {well.name} {why}")
        contents[well] = _content(row, f"layout {path}, line {number}")
    return Layout(contents)


def _check_titles(row: Mapping[str, object], path: Path) -> None:
    """Raise OptionError where a column has another title than the one that is read: its values would be lost."""
    for name, heads in _OTHER_TITLES.items():
        other = next((title for title in row if name not in row and title.startswith(heads)), None)
        if other is not None:
            raise OptionError(
                f"layout {path}: column {other!r} is not read; call it {name!r}, or have 'cellvino layout' read the map"
            )


def _plain(cell: object) -> object:
    return plain_cell(cell) if isinstance(cell, str) else cell


def layout_text(layout: Layout) -> str:
    """Return a layout as the CSV that `read_layout` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("well", *COLUMNS))
    for well in sorted(layout.contents):
        writer.writerow(harmless_row((well.name, *layout.columns(well).values())))
    return text.getvalue()


def _content(row: Mapping[str, object], place: str) -> Content:
    try:
        return Content.model_validate({name: row[name] for name in COLUMNS if row.get(name) is not None})
    except ValidationError as error:
        fault = error.errors()[0]
        what, message = fault["loc"][0], fault["msg"].removeprefix("Value error, ")
        comma = what == "dose" and "," in str(fault["input"])
        remedy = "; 'cellvino layout FILE --decimal-comma --out layout.csv' reads decimal commas" if comma else ""
        raise OptionError(f"{place}: {what} {fault['input']!r}: {message}{remedy}") from error
