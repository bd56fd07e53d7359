"""ImageXpress plates with their ``.HTD`` file: what was to be imaged, and the names of the channels.

The images are told by their names (`vendor_names`). The HTD is lines of ``"key", value, value, …``; it says what was
asked of the instrument, so that what is missing of a plate that is half copied can be named.

References
----------
Molecular Devices, MetaXpress HTD file ("HTSInfoFile", Version 1.0)
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.plate import FieldOfView, Well
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.plates.name_pattern import match_names
from napari_cellvino.io.plates.plate_image import PlateListing, list_names_in
from napari_cellvino.io.plates.vendor_name_patterns import IMAGEXPRESS, clean_imagexpress

Values = Mapping[str, Sequence[str]]


def read_imagexpress(htd: Path) -> PlateListing:
    """Return the plate that a ``.HTD`` file describes.

    Raises
    ------
    ImageReadError
        If the file cannot be read or is no HTD.
    """
    with parse_errors(htd):
        values = _values(htd)
        size = _count(htd, values, "YWells"), _count(htd, values, "XWells")
        wells = _wells(values, size)
        sites = [str(n + 1) for n in _sites(htd, values)]
        channels, steps, times = (
            _channels(htd, values),
            _count(htd, values, "ZSteps", "0"),
            _count(htd, values, "TimePoints", "1"),
        )
    folder = htd.parent
    found = clean_imagexpress(match_names(list_names_in(folder), IMAGEXPRESS, kind="ImageXpress"))
    return replace(
        found,
        name=found.name if found.images else htd.stem,
        size=size,
        channels=channels,
        wells=wells,
        fields=tuple(FieldOfView(well, site) for well in wells for site in sites),
        problems=(*found.problems, *_shortfalls(found, channels, steps, times)),
    )


MOST_DIGITS = 5  # of a number of channels, sites, planes or time points


def _values(htd: Path) -> Values:
    """Return the values by key; a description may hold any bytes."""
    lines = csv.reader(htd.read_text(encoding="utf-8", errors="replace").splitlines(), skipinitialspace=True)
    return {line[0]: line[1:] for line in lines if len(line) > 1}


def _wells(values: Values, size: tuple[int, int]) -> tuple[Well, ...]:
    chosen = (values.get(f"WellsSelection{row + 1}", ()) for row in range(size[0]))
    return tuple(Well(row, c) for row, line in enumerate(chosen) for c, said in enumerate(line) if _true(said))


def _sites(htd: Path, values: Values) -> list[int]:
    """Return the sites (from 0) of every well, row by row as MetaXpress numbers those that were chosen."""
    if not _true(next(iter(values.get("Sites", ())), "")):
        return [0]
    lines = (values.get(f"SiteSelection{y + 1}", ()) for y in range(_count(htd, values, "YSites")))
    return list(range(sum(_true(said) for line in lines for said in line)))


def _channels(htd: Path, values: Values) -> dict[str, str]:
    count = _count(htd, values, "NWavelengths", "1")
    named = {str(n): values.get(f"WaveName{n}", [f"w{n}"])[0] for n in range(1, count + 1)}
    return named | {"": named["1"]} if count == 1 else named


def _count(htd: Path, values: Values, key: str, default: str | None = None) -> int:
    """Return the number that the HTD has for a key.

    Raises
    ------
    ImageReadError
        If there is none, or something else.
    """
    said = next(iter(values.get(key, ())), default)
    text = "" if said is None else said.strip()
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise ImageReadError(f"{htd.name} says {text!r} for {key}, which should be a number; copy it again or mend it")
    return int(text)


def _shortfalls(found: PlateListing, channels: Mapping[str, str], steps: int, times: int) -> tuple[str, ...]:
    """Return what was asked of the instrument and is nowhere on the plate."""
    held = {image.channel for image in found.images}
    lacking = [name for key, name in channels.items() if key and key not in held and held != {""}]
    said = [
        _fewer("z-steps", steps, {image.z for image in found.images if image.z > 0}),
        _fewer("time points", times, {image.t for image in found.images}),
        f"the HTD announces {', '.join(lacking)}, of which there is no image" if lacking else "",
    ]
    return tuple(sentence for sentence in said if sentence)


def _fewer(noun: str, announced: int, there: set[int]) -> str:
    return f"the HTD announces {announced} {noun}, and {len(there)} are there" if 0 < len(there) < announced else ""


def _true(text: str) -> bool:
    return text.strip().upper() == "TRUE"
