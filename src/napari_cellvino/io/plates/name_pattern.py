r"""Plates that are told by the names of their files: a pattern with named groups says which part means what.

The user may type one for any folder, in braces (``{well}_s{field}_w{channel}.tif``) or as a regular expression
(``(?P<well>[A-H]\d\d)_.*``); the vendors that keep everything in names are patterns too (`vendor_names`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.plate import Well, row_number
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.plates.plate_image import PlateImage, PlateListing, image_names

BRACES = {
    "plate": r"[^/]+?",
    "well": r"[A-Za-z]{1,2}[-_ ]?\d{1,3}",
    "row": r"[A-Za-z]{1,2}|\d{1,2}",
    "column": r"\d{1,3}",
    "field": r"\d+",
    "channel": r"[^/_]+?",
    "z": r"\d+",
    "t": r"\d+",
}  # what may be named, and what a name in braces matches
_DURATION = re.compile(r"(?:(\d+)y(\d+)m)?(\d+)d_?(\d+)h(\d+)m")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a pattern would do with a folder: groups by file name, and the files that it does not match."""

    matched: tuple[tuple[str, Mapping[str, str]], ...]
    unmatched: tuple[str, ...]


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern that a user typed, to be matched with a whole path below the plate's folder.

    A pattern without ``/`` is that of the file's name, in any folder.

    Raises
    ------
    OptionError
        If it cannot be understood, names something unknown, or does not tell the well.
    """
    typed = text if "(?P<" in text else _from_braces(text)
    try:
        pattern = re.compile(f"(?:.*?/)??(?:{typed})", re.IGNORECASE)
    except re.error as error:
        raise OptionError(f"pattern {text!r} cannot be understood: {error}") from error
    unknown = sorted(set(pattern.groupindex) - set(BRACES))
    if unknown:
        raise OptionError(f"pattern {text!r} names {list_names(unknown)}; known are {', '.join(BRACES)}")
    if "well" not in pattern.groupindex and not {"row", "column"} <= set(pattern.groupindex):
        raise OptionError(f"pattern {text!r} does not tell the well; name {{well}}, or {{row}} and {{column}}")
    return pattern


def _from_braces(text: str) -> str:
    parts = re.split(r"(\{\w*\}|\*)", text)
    return "".join(_brace(part, text) for part in parts)


def _brace(part: str, text: str) -> str:
    if part == "*":
        return "[^/]*"
    if not part.startswith("{"):
        return re.escape(part)
    name = part[1:-1]
    if name not in BRACES:
        raise OptionError(f"pattern {text!r} has {part}; known are {', '.join(f'{{{n}}}' for n in BRACES)}, and *")
    return f"(?P<{name}>{BRACES[name]})"


def preview_pattern(folder: Path, text: str) -> Preview:
    """Return what a typed pattern matches in a folder, without opening a file.

    Raises
    ------
    OptionError
        If the pattern cannot be used.
    ImageReadError
        If the folder may not be read.
    """
    return preview_names(image_names(folder), text)


def preview_names(names: Sequence[str], text: str) -> Preview:
    """Return what a typed pattern makes of paths below a plate's folder.

    Raises
    ------
    OptionError
        If the pattern cannot be used.
    """
    pattern = compile_pattern(text)
    found = [(name, pattern.fullmatch(name)) for name in names]
    matched = tuple((name, {k: v for k, v in m.groupdict().items() if v}) for name, m in found if m)
    return Preview(matched, tuple(name for name, m in found if not m))


def read_pattern(folder: Path, text: str) -> PlateListing:
    """Return the plate that a typed pattern finds in a folder.

    Raises
    ------
    OptionError
        If the pattern cannot be used.
    ImageReadError
        If it matches no image, or images of several plates.
    """
    names = image_names(folder)
    found = match_names(folder, names, compile_pattern(text), kind="folder by pattern")
    if not found.images:
        example = f", such as {names[0]!r}" if names else ""
        raise ImageReadError(f"pattern {text!r} matches none of the {len(names)} images in {folder}{example}")
    return found


def match_names(folder: Path, names: Sequence[str], pattern: re.Pattern[str], *, kind: str) -> PlateListing:
    """Return the plate whose images match; those that do not are named in its problems.

    Raises
    ------
    ImageReadError
        If images of several plates match.
    """
    found = [(name, pattern.fullmatch(name)) for name in names]
    groups = [(name, m.groupdict()) for name, m in found if m]
    images = [image for name, g in groups if (image := _image(folder / name, g)) is not None]
    placed = {image.path for image in images}
    left_out = [name for name in names if folder / name not in placed]
    others = f"{len(left_out):,} images have other names and are left out: {list_names(left_out)}"
    plate = _plate_name(folder, {g["plate"] for _, g in groups if g.get("plate")})
    return PlateListing(kind, plate, tuple(images), problems=(others,) if left_out else ())


def _plate_name(folder: Path, names: set[str]) -> str:
    if len(names) > 1:
        raise ImageReadError(
            f"{folder} holds images of {len(names)} plates ({list_names(sorted(names))}); give the folder of one, or a "
            "pattern that matches one"
        )
    return next(iter(names), folder.name)


def _image(path: Path, groups: Mapping[str, str | None]) -> PlateImage | None:
    """Return the image that the groups of a name describe, or None where they name no well."""
    well = _well(groups)
    if well is None:
        return None
    field = (groups.get("field") or "1").lstrip("0") or "0"
    z, t = (number(groups.get(axis) or "0") for axis in "zt")
    return PlateImage(well, field, groups.get("channel") or "", z, t, path)


def _well(groups: Mapping[str, str | None]) -> Well | None:
    text = groups.get("well")
    if text:
        try:
            return Well.parse(text)
        except OptionError:
            return None
    row, column = groups.get("row") or "", int(groups.get("column") or 0) - 1
    place = int(row) - 1 if row.isdecimal() else row_number(row)
    return Well(place, column) if place >= 0 and column >= 0 else None


def number(text: str) -> int:
    """Return the order of a plane or time: a number, minutes of ``01d06h30m`` and ``2024y01m15d_14h30m``, or a path.

    Raises
    ------
    OptionError
        If a pattern gives something else.
    """
    digits = text.replace("/", "")  # folders by date, as 2401/15/1430
    if digits.isdecimal():
        return int(digits)
    match = _DURATION.fullmatch(text)
    if match is None:
        raise OptionError(f"{text!r} is neither a number nor a time such as 01d06h30m; change the pattern")
    years, months, days, hours, minutes = (int(part or 0) for part in match.groups())
    return (((years * 12 + months) * 31 + days) * 24 + hours) * 60 + minutes
