"""A pattern for names that look like channels and planes of one image, where nobody typed one.

Names as ``s1_z00_ch00.tif`` are compared with numbers of channels, planes and times taken out: where what is left is
the same of several files, these may be one image. It is a question and no more; files are taken by themselves. A
picture of all channels beside them, an overview, or a channel that one image lacks does not keep it from being asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import takewhile

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.io.plates.name_pattern import preview_names

_DYES = (
    r"DAPI|Hoechst(?:\d+)?|GFP|eGFP|YFP|CFP|RFP|mCherry|mScarlet|tdTomato|FITC|TRITC|Texas ?Red|Rhodamine|Alexa ?\d+|"
    r"AF\d{3}|Cy[357]|DRAQ[57]|SiR|BF|TL|DIC|Phase|Bright ?field|Trans|\d{3} ?nm|(?:far[-_ ]?)?red|green|blue|"
    r"nuclei|nucleus|actin|phalloidin|tubulin|membrane|mito(?:tracker)?|WGA|SYTOX|PI|calcein"
)
_START = r"(?<![A-Za-z0-9])"
_WORD = r"(?:(?![ZT]\d)[A-Za-z0-9])*"  # behind a number, up to the next plane or time
_MARKS = {"channel": "\ue000", "z": "\ue001", "t": "\ue002"}  # private characters stand for what was taken out
_TOKENS = (
    ("z", re.compile(rf"((?:{_START}(?:slice|plane|z)[-_ ]?)|(?<=\d)z)(\d+)(?![0-9])", re.IGNORECASE)),
    ("t", re.compile(rf"((?:{_START}(?:time|frame|t)[-_ ]?)|(?<=\d)t)(\d+)(?![0-9])", re.IGNORECASE)),
    ("channel", re.compile(rf"({_START}(?:channel|chan|ch|c)[-_ =]?)(\d+{_WORD})", re.IGNORECASE)),
    ("channel", re.compile(rf"({_START}w[-_ ]?)(\d+{_WORD})", re.IGNORECASE)),
    ("channel", re.compile(r"((?<=\d)c)(\d+)(?![A-Za-z0-9])", re.IGNORECASE)),  # s01c1, of ZEN
    ("channel", re.compile(rf"(?<![A-Za-z0-9])()({_DYES})(?![A-Za-z0-9])", re.IGNORECASE)),
)


_MICROMANAGER = re.compile(r"img_\d{9}_[^/]*_\d{3}\.tif", re.IGNORECASE)  # files of single planes, of 1.4
_OF_MICROMANAGER = "img_{t}_{channel}_{z}.tif"
_WELL = re.compile(r"[A-P](0?[1-9]|1\d|2[0-4])", re.IGNORECASE)


Tokens = dict[str, re.Pattern[str]]  # the token of each kind that tells names apart


def suggest_pattern(names: Sequence[str]) -> str:
    """Return a pattern that groups most files to images of several channels or planes; empty where names do not.

    Where what is left are names of wells, the pattern says so.
    """
    held = [name for name in names if _MICROMANAGER.fullmatch(name)]
    if any(len(_values(held, _OF_MICROMANAGER, kind)) > 1 for kind in ("channel", "z")) and len(held) > len(names) / 2:
        return _OF_MICROMANAGER
    pattern = _by_tokens(names)
    fields = _values(names, pattern, "field") if pattern else set()
    rows = {field[:1].upper() for field in fields}
    if len(rows) < 2 or not all(_WELL.fullmatch(field) for field in fields):  # F1 and F2 are fields
        return pattern
    return pattern.replace("{field}", "{well}").replace("(?P<field>", "(?P<well>")


def _values(names: Sequence[str], pattern: str, kind: str) -> set[str]:
    return {groups.get(kind, "") for _, groups in preview_names(names, pattern).matched}


def _by_tokens(names: Sequence[str]) -> str:
    for some in _alike_in_a_token(names):
        tokens = _varying(some)
        if not tokens.keys() & {"channel", "z"}:
            continue
        templates = Counter(_template(name, tokens) for name in some)
        several = sorted(template for template, count in templates.items() if count > 1)
        if not several or sum(templates[template] for template in several) <= len(names) / 2:
            continue
        joined = _joined(several)
        if all(_MARKS[kind] in joined for kind in tokens) and (pattern := _pattern(joined, names, some, tokens)):
            return pattern
    return ""


def _pattern(joined: str, names: Sequence[str], some: Sequence[str], tokens: Tokens) -> str:
    """Return the pattern of a template that stands for some of the names; one in braces would take others, too."""
    braces = joined
    for kind, mark in _MARKS.items():
        braces = braces.replace(mark, f"{{{kind}}}")
    if braces.count("{field}") > 1 or not (matched := _matched(names, braces)):
        return ""
    if "channel" not in tokens:
        return braces
    values = sorted({tokens["channel"].findall(name)[0][1] for name in some})
    regex = re.escape(joined).replace(re.escape("{field}"), r"(?P<field>[^/]+?)")
    parts = {"channel": "|".join(map(re.escape, values)), "z": r"\d+", "t": r"\d+"}
    for kind, mark in _MARKS.items():
        regex = regex.replace(mark, f"(?P<{kind}>{parts[kind]})")
    return braces if _matched(names, regex) == matched else regex


def describe_suggestion(names: Sequence[str]) -> tuple[str, ...]:
    """Return the question whether files are parts of images, with the pattern that groups them; none without one."""
    pattern = suggest_pattern(names)
    if not pattern:
        return ()
    left = len(preview_names(names, pattern).unmatched)
    others = f" and leaves out the other {left}" if left else ""
    return (
        f"are the {len(names) - left} files channels or planes of fewer images? Each is counted by itself; "
        f"--pattern '{pattern}' groups them{others}",
    )


def _alike_in_a_token(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield all names, then those that have a token of a channel, or a plane, where these are most."""
    yield names
    for wanted in ("channel", "z"):
        for kind, token in _TOKENS:
            some = [name for name in names if kind == wanted and len(token.findall(name)) == 1]
            if len(names) / 2 < len(some) < len(names):
                yield some


def _varying(names: Sequence[str]) -> Tokens:
    """Return the tokens that every name has once and not all have alike, the first of each kind."""
    seen: Tokens = {}
    for kind, token in _TOKENS:
        found = [token.findall(name) for name in names]
        values = {matches[0][1] for matches in found if len(matches) == 1}
        if all(len(matches) == 1 for matches in found) and len(values) > 1:
            seen.setdefault(kind, token)
    return seen


def _template(name: str, tokens: Tokens) -> str:
    found = {kind: match for kind, token in tokens.items() if (match := token.search(name))}
    for kind, match in sorted(found.items(), key=lambda one: -one[1].start(2)):
        name = name[: match.start(2)] + _MARKS[kind] + name[match.end(2) :]
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


def _matched(names: Sequence[str], pattern: str) -> set[str]:
    try:
        return {name for name, _ in preview_names(names, pattern).matched}
    except CellvinoError:
        return set()
