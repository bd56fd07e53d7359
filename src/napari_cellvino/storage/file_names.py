"""Names that every system takes for a file."""

from __future__ import annotations

import re

LONGEST_NAME = 120  # bytes: unfinished parts have longer ones, and Windows takes 260 for a path


def safe_name(name: str) -> str:
    """Return ``name`` as every system takes it for a file: no forbidden signs, not a device of Windows, not long."""
    short = name.encode(errors="replace")[:LONGEST_NAME].decode(errors="ignore")
    safe = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", short).strip(" .") or "image"
    return re.sub(r"^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", r"\1_", safe, flags=re.IGNORECASE)


class NameBook:
    """Gives each field a safe name of its own; names that differ in case alone are one on Windows and macOS."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def enter(self, name: str) -> str:
        """Return ``name``, safe, or with ``-2``, ``-3``, … behind it where it was given out before."""
        safe, number = safe_name(name), 1
        while (unique := safe if number == 1 else f"{safe}-{number}").casefold() in self._taken:
            number += 1
        self._taken.add(unique.casefold())
        return unique
