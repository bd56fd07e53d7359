"""File names that every operating system accepts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONGEST_NAME = 120  # bytes: unfinished files have longer names, and Windows allows 260 for a path


def safe_name(name: str) -> str:
    """Return ``name`` as a file name for every system: no forbidden characters, no device of Windows, not too long."""
    short = name.encode(errors="replace")[:LONGEST_NAME].decode(errors="ignore")
    safe = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", short).strip(" .") or "image"
    return re.sub(r"^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", r"\1_", safe, flags=re.IGNORECASE)


class UniqueNames:
    """Gives each field a unique safe name.

    Names that differ in case alone, or in how an accent is written, are the same on Windows and macOS.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, name: str, endings: Sequence[str] = ()) -> str:
        """Return the safe name, with ``-2``, ``-3``, … appended where it was returned before.

        The names that ``endings`` make of it are taken with it.
        """
        safe, number = safe_name(name), 1
        while True:
            unique = safe if number == 1 else f"{safe}-{number}"
            wanted = {compared_name(f"{unique}{ending}") for ending in ("", *endings)}
            if self._taken.isdisjoint(wanted):
                self._taken |= wanted
                return unique
            number += 1


def compared_name(name: str) -> str:
    """Return what is the same of names that are one on Windows and macOS."""
    return unicodedata.normalize("NFC", name).casefold()
