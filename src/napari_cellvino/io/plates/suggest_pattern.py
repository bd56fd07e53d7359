"""A pattern for names that look like channels and planes of one image, where nobody typed one.

Names as ``s1_z00_ch00.tif`` are compared with numbers of channels, planes and times taken out: where what is left is
the same of several files, these may be one image. It is a question and no more; files are taken by themselves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.io.plates.name_pattern import preview_names

_DYES = (
    r"DAPI|Hoechst(?:\d+)?|GFP|eGFP|YFP|CFP|RFP|mCherry|mScarlet|tdTomato|FITC|TRITC|Texas ?Red|Rhodamine|Alexa ?\d+|"
    r"AF\d{3}|Cy[357]|DRAQ5|SiR|BF|TL|DIC|Phase|Bright ?field|Trans"
)
_START = r"(?<![A-Za-z0-9])"
_MARKS = {"channel": "\ue000", "z": "\ue001", "t": "\ue002"}  # private characters stand for what was taken out
_TOKENS = (
    ("z", re.compile(rf"((?:{_START}(?:slice|plane|z)[-_ ]?)|(?<=\d)z)(\d+)(?![0-9])", re.IGNORECASE)),
    ("t", re.compile(rf"((?:{_START}(?:time|frame|t)[-_ ]?)|(?<=\d)t)(\d+)(?![0-9])", re.IGNORECASE)),
    ("channel", re.compile(rf"({_START}(?:channel|chan|ch|c|w)[-_ ]?)(\d+[A-Za-z0-9]*)", re.IGNORECASE)),
    ("channel", re.compile(r"((?<=\d)c)(\d+)(?![A-Za-z0-9])", re.IGNORECASE)),  # s01c1, of ZEN
    ("channel", re.compile(rf"(?<![A-Za-z0-9])()({_DYES})(?![A-Za-z0-9])", re.IGNORECASE)),
)


def suggest_pattern(names: Sequence[str]) -> str:
    """Return a pattern that groups all files to images of several channels or planes; empty where names do not."""
    kinds = _varying(names)
    if not kinds & {"channel", "z"}:
        return ""
    templates = [_template(name, kinds) for name in names]
    if min(Counter(templates).values()) < 2:
        return ""
    pattern = _joined(sorted(set(templates)))
    for kind, mark in _MARKS.items():
        pattern = pattern.replace(mark, f"{{{kind}}}")
    return pattern if _groups_all(names, pattern) else ""


def describe_suggestion(names: Sequence[str]) -> tuple[str, ...]:
    """Return the question whether files are parts of images, with the pattern that groups them; none without one."""
    pattern = suggest_pattern(names)
    if not pattern:
        return ()
    return (
        f"are the {len(names)} files channels or planes of fewer images? Each is counted by itself; "
        f"--pattern '{pattern}' groups them",
    )


def _varying(names: Sequence[str]) -> set[str]:
    """Return what every name has once and not all have alike."""
    seen: dict[str, set[str]] = {}
    for kind, token in _TOKENS:
        found = [token.findall(name) for name in names]
        values = {matches[0][1] for matches in found if len(matches) == 1}
        if all(len(matches) == 1 for matches in found) and len(values) > 1:
            seen.setdefault(kind, values)
    return set(seen)


def _template(name: str, kinds: set[str]) -> str:
    left = set(kinds)
    for kind, token in _TOKENS:
        if kind in left and len(token.findall(name)) == 1:
            name = token.sub(rf"\g<1>{_MARKS[kind]}", name)
            left.discard(kind)
    return name


def _joined(templates: Sequence[str]) -> str:
    """Return one template for all, in which ``{field}`` stands for where they differ."""
    if len(templates) == 1:
        return templates[0]
    start = _alike(templates)
    end = _alike([template[start:][::-1] for template in templates])
    before, after = templates[0][:start], templates[0][len(templates[0]) - end :]
    trimmed = re.sub(r"[A-Za-z0-9]+$", "", before) if not before.endswith(tuple(_MARKS.values())) else before
    return f"{trimmed}{{field}}{after}"


def _alike(texts: Sequence[str]) -> int:
    """Return how many letters texts have in common at the beginning."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))


def _groups_all(names: Sequence[str], pattern: str) -> bool:
    try:
        seen = preview_names(names, pattern)
    except CellvinoError:
        return False
    return not seen.unmatched and pattern.count("{field}") <= 1
