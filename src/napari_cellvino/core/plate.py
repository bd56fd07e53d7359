"""A plate: a grid of wells with fields of view, known from file names and metadata alone.

Vendors write plates in many formats; here a plate is one frozen value for the command line, the plate panel and the
tables. It has no pixels: a source (`io.plates`) opens a field.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Spacing

FORMATS = ((2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48))  # rows and columns of the plates that are sold
_WELL = re.compile(r"([A-Z]{1,2})[-_ ]?0*(\d{1,3})", re.IGNORECASE)


class Well(NamedTuple):
    """A place on a plate; row and column count from 0."""

    row: int
    column: int

    @property
    def letters(self) -> str:
        """The row as A to Z, AA, AB, …."""
        before, last = divmod(self.row, 26)
        return (chr(ord("A") + before - 1) if before else "") + chr(ord("A") + last)

    @property
    def name(self) -> str:
        """The well as ``B02``."""
        return f"{self.letters}{self.column + 1:02d}"

    @classmethod
    def parse(cls, text: str) -> Well:
        """Return the well written as ``B02``, ``b2`` or ``AF48``.

        Raises
        ------
        OptionError
            If the text is no well.
        """
        match = _WELL.fullmatch(text.strip())
        if match is None or int(match[2]) < 1:
            raise OptionError(f"{text!r} is no well; write it as B02, a letter for the row and a number from 1")
        return cls(row_number(match[1]), int(match[2]) - 1)

    @classmethod
    def at(cls, row: int, column: int) -> Well:
        """Return the well of a row and a column from 0; ValueError where its name would have more letters or digits."""
        if not (0 <= row < 26 * 27 and 0 <= column < 999):
            raise ValueError(f"no plate has a row {row + 1} and a column {column + 1}")
        return cls(row, column)


NO_WELL = Well(-1, -1)  # of an image of several files that belongs to no plate


def row_number(letters: str) -> int:
    """Return the row (from 0) that the letters A to Z, AA, AB, … name."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


class FieldOfView(NamedTuple):
    """One field of a well; ``name`` is what the instrument calls it, mostly a number from 1."""

    well: Well
    name: str

    @property
    def label(self) -> str:
        """The field as ``B02_f1``, which is also the name of its folder of results; outside plates, its name."""
        return self.name if self.well == NO_WELL else f"{self.well.name}_f{self.name}"

    @property
    def place(self) -> str:
        """The field in words: ``B02 field 1``; outside plates, its name."""
        return self.name if self.well == NO_WELL else f"{self.well.name} field {self.name}"


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate from its metadata and file names; no pixel is read.

    ``rows`` and ``columns`` are those of the whole plate. ``channels`` are those of every field, ``z`` and ``t`` the
    numbers of planes and time points. ``missing`` names the wells, fields and images that should be there and are not;
    ``problems`` are sentences on inconsistencies, ``faults`` those on what makes counts wrong until the user decides.
    Label images can be written into one that ``takes_labels``. ``acquisitions`` are the names of several, of which one
    is taken.
    """

    name: str
    kind: str
    rows: int
    columns: int
    fields: tuple[FieldOfView, ...]
    channels: tuple[str, ...]
    z: int = 1
    t: int = 1
    spacing: Spacing = field(default_factory=Spacing)
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    takes_labels: bool = False
    acquisitions: tuple[str, ...] = ()

    @property
    def wells(self) -> tuple[Well, ...]:
        """The wells that have a field, row by row."""
        return tuple(dict.fromkeys(f.well for f in self.fields))

    def fields_of(self, well: Well) -> tuple[FieldOfView, ...]:
        """Return the fields of a well, none where it was not imaged."""
        return tuple(f for f in self.fields if f.well == well)

    def field_labelled(self, label: str) -> FieldOfView | None:
        """Return the field with a label, as the position of an origin gives it; None where there is none."""
        return next((f for f in self.fields if f.label == label), None)

    def on_edge(self, well: Well) -> bool:
        """Return whether a well lies at the rim of the plate."""
        return well.row in (0, self.rows - 1) or well.column in (0, self.columns - 1)

    def describe(self) -> str:
        """Return the plate as one line: ``96 of 96 wells · 1 field each · 2 channels``."""
        per_well = set(Counter(f.well for f in self.fields).values())
        each = f"{_counted(per_well.pop(), 'field')} each" if len(per_well) == 1 else f"{len(self.fields):,} fields"
        counts = ((len(self.channels), "channel"), (self.z, "plane"), (self.t, "time point"))
        axes = [_counted(n, noun) for n, noun in counts if n > 1 or noun == "channel"]
        wells = f"{len(self.wells):,} of {self.rows * self.columns:,} wells ({self.rows} × {self.columns})"
        return " · ".join([self.kind, wells, each, *axes])


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


def standard_size(wells: Iterable[Well]) -> tuple[int, int]:
    """Return rows and columns of the plate that these wells are most likely on.

    That is the smallest that is sold of which they are half; where they are few, one of 96 or more.
    """
    places = set(wells)
    rows = 1 + max((w.row for w in places), default=0)
    columns = 1 + max((w.column for w in places), default=0)
    large = [s for s in FORMATS if rows <= s[0] and columns <= s[1]]
    return next((s for s in large if 2 * len(places) >= s[0] * s[1] or s[0] >= 8), (rows, columns))


def choose_fields(plate: Plate, wells: str = "", fields: str = "") -> tuple[FieldOfView, ...]:
    """Return the fields that texts like ``A01:H12,P24`` and ``1,3:5`` choose; an empty text chooses all.

    Raises
    ------
    OptionError
        If a text cannot be read, or chooses nothing that the plate has.
    """
    chosen = [f for f in plate.fields if not wells or f.well in wells_in(wells)]
    if not chosen:
        raise OptionError(f"{plate.name} has no well {wells!r}; it holds {name_wells(plate.wells)}")
    names = tuple(dict.fromkeys(f.name for f in plate.fields))
    wanted = _names_in(fields, names, plate.name) if fields else set(names)
    kept = tuple(f for f in chosen if f.name in wanted)
    if not kept:
        raise OptionError(f"none of the chosen wells of {plate.name} has a field {fields!r}")
    return kept


def wells_in(text: str) -> frozenset[Well]:
    """Return the wells of a text like ``A01:H12,P24``; `OptionError` if it names none."""
    found: set[Well] = set()
    for ends in well_ranges(text):
        rows, columns = (sorted(pair) for pair in zip(*ends, strict=True))
        found |= {Well(r, c) for r in range(rows[0], rows[1] + 1) for c in range(columns[0], columns[1] + 1)}
    return frozenset(found)


def well_ranges(text: str) -> list[tuple[Well, Well]]:
    """Return the first and last well, as they are written, of each part of a text like ``A01:H12,P24``.

    Raises
    ------
    OptionError
        If a part names no well.
    """
    parts = (part.partition(":") for part in text.split(","))
    return [(Well.parse(first), Well.parse(last if colon else first)) for first, colon, last in parts]


def _names_in(text: str, names: Sequence[str], plate: str) -> set[str]:
    wanted: set[str] = set()
    for part in (p.strip() for p in text.split(",")):
        span = re.fullmatch(r"(\d+):(\d+)", part)
        found = {n for n in names if n.isdecimal() and int(span[1]) <= int(n) <= int(span[2])} if span else {part}
        if not found & set(names):
            raise OptionError(f"{plate} has no field {part!r}; its fields are {', '.join(names[:20])}")
        wanted |= found
    return wanted


def name_wells(wells: Sequence[Well]) -> str:
    """Return wells as text: ``A01 to H12 (96 wells)``, or their names where they are few."""
    if len(wells) <= 12:
        return ", ".join(w.name for w in wells) or "no wells"
    corners = [Well(pick(w.row for w in wells), pick(w.column for w in wells)) for pick in (min, max)]
    return f"{corners[0].name} to {corners[1].name} ({len(wells):,} wells)"
