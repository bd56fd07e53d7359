"""Patterns of paths in rules: ``*`` stands for anything, ``/`` too; upper and lower case are alike."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_AT_ROOT = re.compile(r"^(/|[A-Za-z]:|~)")


def path_pattern(text: str) -> str:
    r"""Return a pattern of paths below a watched folder, as it is compared.

    People write these as for a shell, too: with ``\``, ``./`` before, ``/`` behind, and ``**`` for any folders.

    Raises
    ------
    ValueError
        If it can fit nothing.
    """
    pattern = text.strip().replace("\\", "/")
    if _AT_ROOT.match(pattern):
        raise ValueError(f"{text!r} begins at the root of the disk; patterns are of the path below the watched folder")
    if "{" in pattern:
        raise ValueError(f"{text!r} has braces, which stand for themselves; write several patterns, as [a/*, b/*]")
    pattern = re.sub(r"/(\*\*/)+", "/*", pattern.removeprefix("./"))
    if not pattern:
        raise ValueError("an empty pattern fits no path; write '*' for all of them")
    return f"{pattern}*" if pattern.endswith("/") else pattern


def fits(relative: str, pattern: str) -> bool:
    """Return whether a path below the watched folder, with ``/``, fits a pattern."""
    lower, wanted = relative.lower(), pattern.lower()
    return fnmatchcase(lower, wanted) or (wanted.startswith("**/") and fnmatchcase(lower, wanted[3:]))
