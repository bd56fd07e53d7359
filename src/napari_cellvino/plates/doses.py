"""Doses as people write them: a number, with or without a unit, all of one layout brought into one unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well

NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?"
"""A number as people write it, with a point or a comma."""
_DOSE = re.compile(rf"(?P<number>{NUMBER})\s*(?P<unit>[A-Za-zµμ%].*)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")

_PREFIXES = {"": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_BASES = ("M", "g/mL", "g/L")
UNITS = {f"{prefix}{base}": (base, size) for base in _BASES for prefix, size in _PREFIXES.items()}
"""Units that are converted: their kind, and how large they are."""

_READ = {name.replace("L", "l").casefold() if "/" in name else name: name for name in UNITS}


@dataclass(frozen=True, slots=True)
class WrittenDose:
    """A dose as it stands in a map; ``unit`` is empty where none stands with it."""

    text: str
    number: float
    unit: str


def unit_of(text: str) -> str:
    """Return a unit as it is spelt here (``uM`` is ``µM``), others as they are."""
    plain = re.sub(r"\s", "", text).replace("μ", "µ")
    plain = re.sub("^(u|mc)(?=M$|g/)", "µ", plain)
    if "/" in plain:
        return _READ.get(plain.casefold(), text.strip())
    return plain if plain in UNITS else text.strip()


def written_dose(text: str, *, decimal_comma: bool) -> WrittenDose | None:
    """Return a dose that stands in a map, None where it is no number from 0 on.

    Raises
    ------
    OptionError
        If it has a comma, and nobody said that this is a point.
    """
    match = _DOSE.fullmatch(text)
    if match is None or text.startswith("-"):
        return None
    number = match["number"]
    if "," in number and not decimal_comma:
        thousands = f"; where it parts thousands, write {number.replace(',', '')}" if _THOUSANDS.match(number) else ""
        raise OptionError(
            f"has a comma; 'cellvino layout FILE --decimal-comma --out layout.csv' takes it for a point{thousands}"
        )
    value = float(number.replace(",", "."))
    return WrittenDose(text, value, unit_of(match["unit"] or "")) if value < float("inf") else None


def in_one_unit(doses: Mapping[Well, WrittenDose], heading: str) -> tuple[dict[Well, float], str, str]:
    """Return doses in one unit, that unit, and what was converted, in words.

    The unit is that of ``heading`` where it names one, else the one that most doses have.

    Raises
    ------
    OptionError
        If some doses have a unit and others none, or units cannot be converted into each other.
    """
    given = {well: dose.unit or heading for well, dose in doses.items() if dose.number > 0 or dose.unit}
    units = Counter(given.values())
    if not units:
        return {well: dose.number for well, dose in doses.items()}, heading, ""
    if len(units) > 1 and "" in units:
        bare = next(well for well, unit in given.items() if not unit)
        other = next(well for well, unit in given.items() if unit)
        raise OptionError(
            f"the dose {doses[bare].text!r} of {bare.name} has no unit and that of {other.name} is in "
            f"{given[other]}; write all in one way"
        )
    unit = heading or units.most_common(1)[0][0]
    strange = next((well for well, one in given.items() if one != unit and _kind(one) != _kind(unit)), None)
    if strange is not None:
        raise OptionError(
            f"the dose of {strange.name} is in {given[strange]} and others are in {unit}: these cannot be converted "
            "into each other; write all doses in one unit"
        )
    changed = sorted(set(given.values()) - {unit})
    said = f"doses are in {unit}; those in {', '.join(changed)} were converted" if changed else ""
    numbers = {well: dose.number * _ratio(given.get(well, unit), unit) for well, dose in doses.items()}
    return {well: float(f"{number:.12g}") for well, number in numbers.items()}, unit, said


def _kind(unit: str) -> str:
    """Return what units that can be converted into each other have in common."""
    base = UNITS[unit][0] if unit in UNITS else unit
    return "g/L" if base == "g/mL" else base


def _ratio(unit: str, into: str) -> float:
    if unit == into:
        return 1.0
    size = {name: size * (1000.0 if base == "g/mL" else 1.0) for name, (base, size) in UNITS.items()}
    return size[unit] / size[into]
