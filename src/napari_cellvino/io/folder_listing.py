"""Which files of a folder are images, in the order people count in, and which are not taken and why."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.checks import check_name, is_utf8, list_names, parse_errors
from napari_cellvino.io.mask_names import image_of_mask
from napari_cellvino.io.registry import image_suffixes, readers, unread_suffixes

_OF_A_RESULT = (  # what lies in the folder of every field, and of every film
    frozenset({"annotation.json", "objects.csv"}),
    frozenset({"film.json", "tracks.csv"}),
)
_OF_A_RUN = frozenset({"run.json", "counts.csv"})  # and in that of every run, which may hold images, too
_PICTURES = re.compile(r"(heatmap_|plot-|histogram_).*\.png|(curves|drift(-\d+)?|groups)\.png")
_LOOKED_AT = 1000  # entries of a folder in a folder


class SkipReason(StrEnum):
    """Why a file of a folder is not taken for an image."""

    MASK = "mask or output of another program"
    RESULT = "result of a run"
    PREVIEW = "preview of an image"
    UNREAD = "format that is not read"
    BROKEN_LINK = "link to a file that is not there"
    NAME = "name that is not in UTF-8; rename it"
    OTHER = "no image"


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The images right in a folder, field 2 before field 10, and the other files with the reason of each."""

    folder: Path
    images: tuple[Path, ...]
    skipped: tuple[tuple[Path, SkipReason], ...] = ()
    folders: tuple[str, ...] = ()  # that hold images, too

    def describe_skipped(self) -> tuple[str, ...]:
        """Return a sentence for each reason, which names the first files of it; none where every file was taken."""
        more = (f"folders in it are not searched: {list_names(self.folders)}; name them to run their images",)
        return (more if self.folders else ()) + tuple(
            f"{_counted(names)} not taken ({reason}): {list_names(names)}"
            for reason in SkipReason
            if (names := [path.name for path, why in self.skipped if why is reason])
        )


def list_images(folder: Path | str) -> list[Path]:
    """Return the images right in ``folder`` by suffix, field 2 before field 10, without hidden files and masks.

    Raises
    ------
    ImageReadError
        If there is no such folder, or it may not be read.
    """
    return list(scan_folder(folder).images)


def scan_folder(folder: Path | str) -> FolderListing:
    """Return the images right in ``folder``, and what is not taken; hidden files are not looked at.

    Raises
    ------
    ImageReadError
        If there is no such folder, it may not be read, or its name is not in UTF-8.
    """
    folder = Path(folder)
    check_name(folder)
    with parse_errors(folder):
        if not folder.is_dir():
            raise ImageReadError(f"there is no folder {folder}; check the name, or that its disk is connected")
        with os.scandir(folder) as found:  # what an entry is, it tells without another look at the disk
            held = sorted((e for e in found if not e.name.startswith(".")), key=lambda e: natural_order(e.name))
        inside = [e.name for e in held if _is_folder(e) and not is_image_folder(folder / e.name)]
        folders = tuple(name for name in inside if _holds_image(folder / name))
    apart = set(inside)
    entries = [entry for entry in held if entry.name not in apart]
    names = frozenset(entry.name for entry in entries)
    sorted_out = [(folder / entry.name, _result(entry.name, names) or _why_not(entry, names)) for entry in entries]
    images = tuple(path for path, why in sorted_out if why is None)
    return FolderListing(folder, images, tuple((path, why) for path, why in sorted_out if why is not None), folders)


def _result(name: str, names: frozenset[str]) -> SkipReason | None:
    """Return that a file is of a result, by what lies beside it: a picture of it would be counted as an image."""
    drawn = names >= _OF_A_RUN and _PICTURES.fullmatch(name)
    return SkipReason.RESULT if drawn or is_result_folder(names) else None


def is_result_folder(names: Iterable[str]) -> bool:
    """Return whether a folder with files of these names is the result of one field or film: no image is in it."""
    held = frozenset(names)
    return any(held >= marks for marks in _OF_A_RESULT)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, or a link to one."""
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _holds_image(folder: Path) -> bool:
    """Return whether an image lies right in a folder, by the names of its first files."""
    if folder.is_symlink():
        return False
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.lower().endswith(image_suffixes()) for entry in islice(entries, _LOOKED_AT))
    except OSError:
        return False


def is_image_folder(path: Path) -> bool:
    """Return whether a folder is named as one image, such as an OME-Zarr."""
    return any(reader.has_suffix(path.name) for reader in readers() if reader.folder) and os.path.isdir(path)


def _why_not(entry: os.DirEntry[str], names: frozenset[str]) -> SkipReason | None:
    lower = entry.name.lower()
    if not lower.endswith(image_suffixes()):
        return SkipReason.UNREAD if lower.endswith(unread_suffixes()) else SkipReason.OTHER
    if not is_utf8(entry.name):
        return SkipReason.NAME
    known = entry.is_file(follow_symlinks=False) or os.path.isfile(entry.path) or os.path.isdir(entry.path)
    if not known:  # a pipe would be waited for without an end
        return SkipReason.OTHER if os.path.exists(entry.path) else SkipReason.BROKEN_LINK
    if image_of_mask(entry.name, names) is not None:
        return SkipReason.MASK
    return SkipReason.PREVIEW if is_preview(entry.name, names) else None


def is_preview(name: str, names: Iterable[str]) -> bool:
    """Return whether a file is named as the thumbnail of an image among ``names``."""
    stem = os.path.splitext(name)[0].lower()
    base = re.sub(r"[-_ .]?(thumb|thumbnail|preview|overview)s?$", "", stem)
    return base != stem and any(os.path.splitext(other)[0].lower() == base for other in names)


def natural_order(text: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key that sorts names as people count: 2 before 10."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], text


def _counted(names: list[str]) -> str:
    return f"{len(names):,} file{'s' * (len(names) != 1)}"
