"""Images that are copies of others in their folder, as dragging and downloading leave them: each is counted again."""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.io.checks import list_names

_MOST = 50  # files that are compared
_COPIED = (
    re.compile(r"(?P<stem>.+?)( - |[ _-])(copy|kopie|copie|copia|cópia)( ?\(?\d+\)?)?", re.IGNORECASE),
    re.compile(r"(copy|kopie|copie|copia|cópia)( \(\d+\))? (of|von|de|di) (?P<stem>.+)", re.IGNORECASE),
    re.compile(r"(?P<stem>.+?) ?\(\d+\)"),
)


def describe_copies(images: Sequence[Path]) -> tuple[str, ...]:
    """Return what to say of images of a folder that are called copies of others there, and are the same to the byte."""
    held = {path.name.casefold(): path for path in images}
    named = [(path, held[name]) for path in images if (name := _copied_name(path)) in held][:_MOST]
    copies = [path.name for path, original in named if _are_same(path, original)]
    if not copies:
        return ()
    them = "is a copy of another image" if len(copies) == 1 else "are copies of other images"
    return (f"{list_names(copies)} {them} here, the same to the byte: each is counted again; take copies away",)


def _copied_name(path: Path) -> str:
    """Return the name that a file is called a copy of; empty of others."""
    ending = (
        "".join(path.suffixes[-2:]) if path.name.casefold().endswith(".ome" + path.suffix.casefold()) else path.suffix
    )
    stem = path.name.removesuffix(ending)
    found = next((match for pattern in _COPIED if (match := pattern.fullmatch(stem))), None)
    return f"{found['stem']}{ending}".casefold() if found else ""


def _are_same(one: Path, other: Path) -> bool:
    try:
        return os.path.isfile(one) and filecmp.cmp(one, other, shallow=False)
    except OSError:  # told when it is read
        return False
