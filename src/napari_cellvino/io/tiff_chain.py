"""The list of pages of a TIFF, walked before a library does: one that runs in a circle would never end.

Some writers let the last page point back to the first, of which the library takes care. A page without any tag, or one
that points to itself or into the middle, is damage, over which the library's search for series does not end.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.checks import parse_errors

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST = 20_000  # pages that are looked at; larger files were written by programs that close them


def check_chain(path: Path) -> None:
    """Raise ImageReadError where the pages of a TIFF run in a circle, or one of them is empty; other files pass."""
    with parse_errors(path), path.open("rb") as file:
        check_pages(file, path.name)


def check_pages(file: BinaryIO, name: str) -> None:
    """Raise ImageReadError where the pages of an open TIFF run in a circle, or one of them is empty.

    Parameters
    ----------
    file
        The file, at its beginning.
    name
        What it is called.
    """
    head = file.read(16).ljust(16, b"\0")
    if not head.startswith(TIFF_MAGIC):
        return
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    number, count, entry = (struct.Struct(order + "Q"), struct.Struct(order + "Q"), 20) if big else (
        struct.Struct(order + "I"), struct.Struct(order + "H"), 12
    )  # fmt: skip
    (first,) = number.unpack_from(head, 8 if big else 4)
    seen: set[int] = set()
    at = first
    while at and at not in seen and len(seen) < _MOST:
        seen.add(at)
        following = _next(file, at, number, count, entry)
        if following is None:
            return  # cut short, which is told where pages are read
        empty, at_next = following < 0, abs(following) - 1
        if empty or at_next == at or (at_next in seen and at_next != first):
            raise ImageReadError(
                f"{name} is damaged: its list of pages runs in a circle or has a page without content at byte "
                f"{at:,}; copy it again from where it was made"
            )
        at = at_next


def _next(file: BinaryIO, at: int, number: struct.Struct, count: struct.Struct, entry: int) -> int | None:
    """Return one more than the place of the page after the one at byte ``at``, negative where this one is empty.

    None where the file ends before.
    """
    file.seek(at)
    raw = file.read(count.size)
    if len(raw) < count.size:
        return None
    (tags,) = count.unpack(raw)
    file.seek(at + count.size + tags * entry)
    raw = file.read(number.size)
    if len(raw) < number.size:
        return None if tags else -1
    place = int(number.unpack(raw)[0]) + 1
    return place if tags else -place
