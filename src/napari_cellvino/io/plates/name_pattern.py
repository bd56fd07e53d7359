r"""Plates that are told by the names of their files: a pattern with named groups says which part means what.

The user may type one for any folder, in braces (``{well}_s{field}_w{channel}.tif``) or as a regular expression
(``(?P<well>[A-H]\d\d)_.*``); the vendors that keep everything in names are patterns too (`vendor_name_patterns`).
Some instruments number the wells, row by row: ``W00013`` is B01 of 96 wells and A13 of 384. The size of such a plate is
the smallest that is sold with so many wells, from 96, unless ``{well:384}`` says it. A pattern without a well groups
files to images that belong to no plate (`image_set`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.plate import FORMATS, NO_WELL, Well, row_number
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.plates.plate_image import FolderNames, PlateImage, PlateListing, list_names_in

BRACES = {
    "plate": r"[^/]+?",
    "well": r"[A-Za-z]{1,2}[-_ ]?\d{1,3}|\d{1,5}",
    "row": r"[A-Za-z]{1,2}|\d{1,2}",
    "column": r"\d{1,3}",
    "field": r"\d+",
    "channel": r"[^/_]+?",
    "z": r"\d+",
    "t": r"\d+",
}  # what may be named, and what a name in braces matches
_ANY_FIELD = r"[^/]+?"  # outside plates, where a field is whatever an image is called
_SIZES = {str(rows * columns): (rows, columns) for rows, columns in FORMATS}
_STAR = re.compile(r"any\d+")  # name of a group that stands for ``*``
_DURATION = re.compile(r"(?:(\d+)y(\d+)m)?(\d+)d_?(\d+)h(\d+)m")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a pattern would do with a folder: groups by file name, and the files that it does not match."""

    matched: tuple[tuple[str, Mapping[str, str]], ...]
    unmatched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamePattern:
    """What names mean: ``regex`` is matched with a whole path below a folder.

    ``size`` is rows and columns of a plate whose wells are numbered, where the pattern says it. ``from_zero`` says that
    rows and columns count from 0. A group ``job`` tells channels apart that were taken in several.
    """

    regex: re.Pattern[str]
    size: tuple[int, int] | None = None
    from_zero: bool = False

    @property
    def tells_well(self) -> bool:
        """Whether it is a pattern of a plate."""
        held = set(self.regex.groupindex)
        return "well" in held or {"row", "column"} <= held


def compile_pattern(text: str) -> NamePattern:
    """Return the pattern that a user typed, to be matched with a whole path below a folder.

    A pattern without ``/`` is that of the file's name, in any folder.

    Raises
    ------
    OptionError
        If it cannot be understood, or names something unknown.
    """
    typed = text if "(?P<" in text else _from_braces(text)
    try:
        regex = re.compile(f"(?:.*?/)??(?:{typed})", re.IGNORECASE)
    except re.error as error:
        raise OptionError(f"pattern {text!r} cannot be understood: {error}") from error
    unknown = sorted(name for name in regex.groupindex if name not in BRACES and not _STAR.fullmatch(name))
    if unknown:
        raise OptionError(f"pattern {text!r} names {list_names(unknown)}; known are {', '.join(BRACES)}")
    if not regex.groupindex:
        raise OptionError(f"pattern {text!r} names nothing; known are {', '.join(f'{{{n}}}' for n in BRACES)}")
    return NamePattern(regex, _said_size(text))


def _said_size(text: str) -> tuple[int, int] | None:
    """Return the size that ``{well:384}`` says, None where nothing does.

    Raises
    ------
    OptionError
        If no plate has so many wells.
    """
    said = re.search(r"\{well:(\d+)\}", text)
    if said is None:
        return None
    if said[1] not in _SIZES:
        raise OptionError(f"pattern {text!r} is for a plate of {said[1]} wells; plates have {', '.join(_SIZES)}")
    return _SIZES[said[1]]


def _from_braces(text: str) -> str:
    """Return the regular expression of a pattern in braces.

    Outside plates a field is whatever an image is called; without a field, that is what ``*`` stands for.
    """
    parts = re.split(r"(\{\w*(?::\d+)?\}|\*)", text)
    plate = any(f"{{{name}" in text for name in ("well", "row"))
    known = BRACES if plate else BRACES | {"field": _ANY_FIELD}
    named = not plate and "{field}" not in text
    return "".join(_brace(part, text, known, f"any{n}" if named else "") for n, part in enumerate(parts))


def _brace(part: str, text: str, known: Mapping[str, str], star: str) -> str:
    if part == "*":
        return f"(?P<{star}>[^/]*)" if star else "[^/]*"
    if not part.startswith("{"):
        return re.escape(part)
    name = part[1:-1]
    name = "well" if name.startswith("well:") else name
    if name not in known:
        raise OptionError(f"pattern {text!r} has {part}; known are {', '.join(f'{{{n}}}' for n in BRACES)}, and *")
    return f"(?P<{name}>{known[name]})"


def preview_pattern(folder: Path, text: str) -> Preview:
    """Return what a typed pattern matches in a folder, without opening a file.

    Raises
    ------
    OptionError
        If the pattern cannot be used.
    ImageReadError
        If the folder may not be read.
    """
    return preview_names(list_names_in(folder).names, text)


def preview_names(names: Sequence[str], text: str) -> Preview:
    """Return what a typed pattern makes of paths below a plate's folder.

    Raises
    ------
    OptionError
        If the pattern cannot be used.
    """
    pattern = compile_pattern(text).regex
    found = [(name, pattern.fullmatch(name)) for name in names]
    matched = tuple((name, _shown(m.groupdict())) for name, m in found if m)
    return Preview(matched, tuple(name for name, m in found if not m))


def _shown(groups: Mapping[str, str | None]) -> dict[str, str]:
    """Return the groups of a name as they are shown: ``*`` is the name of an image where no field is named."""
    return {("image" if _STAR.fullmatch(kind) else kind): text for kind, text in groups.items() if text}


def read_pattern(folder: Path, text: str) -> PlateListing:
    """Return the plate, or the images of no plate, that a typed pattern finds in a folder.

    Raises
    ------
    OptionError
        If the pattern cannot be used.
    ImageReadError
        If it matches no image, or images of several plates.
    """
    inside, pattern = list_names_in(folder), compile_pattern(text)
    found = match_names(inside, pattern, kind="folder by pattern")
    if not found.images:
        example = f", such as {inside.names[0]!r}" if inside.names else ""
        raise ImageReadError(f"pattern {text!r} matches none of the {len(inside.names)} images in {folder}{example}")
    return found


def match_names(inside: FolderNames, pattern: NamePattern, *, kind: str) -> PlateListing:
    """Return the plate whose images match; those that do not are named in its problems.

    Raises
    ------
    ImageReadError
        If images of several plates match, or wells have numbers that no plate has.
    """
    folder, names = inside.folder, inside.names
    found = [(name, pattern.regex.fullmatch(name)) for name in names]
    groups = _with_jobs([(name, m.groupdict()) for name, m in found if m])
    size, said = _numbered_size(folder, [g.get("well") or "" for _, g in groups], pattern.size)
    place = (
        partial(_image, columns=size[1] if size else 0, first=int(not pattern.from_zero))
        if pattern.tells_well
        else _part
    )
    images = [image for name, g in groups if (image := place(folder, name, g)) is not None]
    placed = {image.path for image in images}
    left_out = [name for name in names if folder / name not in placed]
    others = f"{len(left_out):,} images have other names and are left out: {list_names(left_out)}"
    plates = {name for _, g in groups if (name := g.get("plate"))} if pattern.tells_well else set()
    problems = (*([others] if left_out else []), *said, *(inside.problems if images else ()))
    return PlateListing(kind, _plate_name(folder, plates), tuple(images), size=size, problems=problems)


def _with_jobs(groups: Sequence[tuple[str, dict[str, str | None]]]) -> Sequence[tuple[str, dict[str, str | None]]]:
    """Return the groups of names with the job in the name of the channel, where images were taken in several."""
    if len({held.get("job") for _, held in groups}) < 2:
        return groups
    return [(name, held | {"channel": f"{held['job']} {held.get('channel') or ''}".strip()}) for name, held in groups]


def _plate_name(folder: Path, names: set[str]) -> str:
    if len(names) > 1:
        raise ImageReadError(
            f"{folder} holds images of {len(names)} plates ({list_names(sorted(names))}); give the folder of one, or a "
            "pattern that matches one"
        )
    return next(iter(names), folder.name)


def _numbered_size(
    folder: Path, wells: Sequence[str], said: tuple[int, int] | None
) -> tuple[tuple[int, int] | None, tuple[str, ...]]:
    """Return rows and columns of a plate whose wells have numbers, and the sentence on what was assumed.

    Raises
    ------
    ImageReadError
        If no plate, or not the one that was said, has so many wells.
    """
    numbers = [int(text) for text in wells if text.isdecimal()]
    if not numbers:
        return None, ()
    highest, sizes = max(numbers), [said] if said else [size for size in FORMATS if size[0] >= 8]
    size = next((size for size in sizes if highest <= size[0] * size[1]), None)
    if size is None or min(numbers) < 1:
        raise ImageReadError(f"{folder} has images of well {highest} and of {min(numbers)}, which no such plate has")
    if said:
        return size, ()
    example = Well(*divmod(highest - 1, size[1])).name
    return size, (
        f"wells have numbers, up to {highest}: taken as a plate of {size[0]} x {size[1]}, row by row, where {highest} "
        f"is {example}; a pattern with {{well:384}} says another size",
    )


def _image(folder: Path, name: str, groups: Mapping[str, str | None], columns: int, first: int) -> PlateImage | None:
    """Return the image that the groups of a name describe, or None where they name no well."""
    well = _well(groups, columns, first)
    if well is None:
        return None
    field = (groups.get("field") or "1").lstrip("0") or "0"
    z, t = (number(groups.get(axis) or "0") for axis in "zt")
    return PlateImage(well, field, groups.get("channel") or "", z, t, folder / name)


def _part(folder: Path, name: str, groups: Mapping[str, str | None]) -> PlateImage:
    """Return a file that is a part of an image of no plate: its folder, field and ``*`` are the image's name."""
    stars = [text for kind, text in groups.items() if _STAR.fullmatch(kind)]
    parts = (name.rpartition("/")[0], groups.get("plate"), groups.get("field"), *stars)
    z, t = (number(groups.get(axis) or "0") for axis in "zt")
    label = " ".join(part.strip("_- .") for part in parts if part)
    return PlateImage(NO_WELL, label, groups.get("channel") or "", z, t, folder / name)


def _well(groups: Mapping[str, str | None], columns: int, first: int) -> Well | None:
    text = groups.get("well") or ""
    if text.isdecimal():
        return Well(*divmod(int(text) - 1, columns))
    if text:
        try:
            return Well.parse(text)
        except OptionError:
            return None
    row, column = groups.get("row") or "", int(groups.get("column") or 0) - first
    place = int(row) - first if row.isdecimal() else row_number(row)
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
