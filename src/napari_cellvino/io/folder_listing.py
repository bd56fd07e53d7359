"""Which files of a folder are images, in the order people count in."""

from __future__ import annotations

import re
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.checks import reading

IMAGE_SUFFIXES = (".tif", ".tiff", ".btf", ".png", ".jpg", ".jpeg")


def list_images(folder: Path | str) -> list[Path]:
    """Return the image files right in ``folder`` by suffix, field 2 before field 10, without hidden files.

    Raises
    ------
    ImageReadError
        If there is no such folder, or it may not be read.
    """
    folder = Path(folder)
    with reading(folder):
        if not folder.is_dir():
            raise ImageReadError(f"there is no folder {folder}; check the name, or that its disk is connected")
        found = [p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
        return sorted((p for p in found if p.is_file()), key=lambda p: natural_order(p.name))


def natural_order(text: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key that sorts names as people count: 2 before 10."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], text
