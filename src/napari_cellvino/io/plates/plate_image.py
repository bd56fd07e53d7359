"""What the reader of one vendor's plates hands over: which image is where on the plate, as names and indexes tell it.

Readers differ in where they find that; all that follows (order, gaps, doubles, sizes) is the same for all of them and
stands in `assemble`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from napari_cellvino.core.image import Spacing
from napari_cellvino.core.plate import FieldOfView, Well
from napari_cellvino.io.checks import list_names, parse_errors
from napari_cellvino.io.registry import image_suffixes


class PlateImage(NamedTuple):
    """One image file and its place; ``channel``, ``z`` and ``t`` are the vendor's, and only their order counts."""

    well: Well
    field: str
    channel: str
    z: int
    t: int
    path: Path


@dataclass(frozen=True, slots=True)
class PlateListing:
    """The images of a plate and what its metadata say of it.

    ``channels`` has the names by the vendor's key, where they are known. ``size`` is rows and columns, ``wells`` the
    wells and ``fields`` the fields that were to be imaged, where the metadata tell. ``absent`` names images of the
    index that are no files; ``problems`` are sentences.
    """

    kind: str
    name: str
    images: tuple[PlateImage, ...]
    size: tuple[int, int] | None = None
    channels: Mapping[str, str] = field(default_factory=dict)
    wells: tuple[Well, ...] = ()
    fields: tuple[FieldOfView, ...] = ()
    spacing: Spacing = field(default_factory=Spacing)
    absent: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FolderNames:
    """The image files in and below ``folder`` as ``sub/name.tif``, without hidden files and thumbnails.

    ``closed`` are the folders below it that may not be entered; ``said`` are sentences on images that were left out.
    """

    folder: Path
    names: tuple[str, ...]
    closed: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences on the folders that may not be entered, and on what was left out."""
        said = f"may not be entered, so that their images are left out: {list_names(self.closed)}"
        return (*((said,) if self.closed else ()), *self.said)


def list_names_in(folder: Path) -> FolderNames:
    """Return the image files in and below a folder, by their names.

    Raises
    ------
    ImageReadError
        If the folder may not be read.
    """
    names: list[str] = []
    closed: list[str] = []

    def on_error(error: OSError) -> None:
        closed.append(Path(error.filename).relative_to(folder).as_posix())

    with parse_errors(folder):
        for place, folders, files in os.walk(folder, onerror=on_error):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            before = Path(place).relative_to(folder).as_posix()
            prefix = "" if before == "." else f"{before}/"
            names += [f"{prefix}{name}" for name in files if _is_image(name)]
    return FolderNames(folder, tuple(sorted(names)), tuple(sorted(closed)))


def _is_image(name: str) -> bool:
    lower = name.lower()
    return lower.endswith(image_suffixes()) and not lower.startswith(".") and "_thumb" not in lower
