"""Choose the reader of a path by the file's first bytes: suffixes lie, and ``.stk`` and ``.lsm`` are TIFF too."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Spacing
from napari_cellvino.core.region import ImageRegion
from napari_cellvino.io.bioio_reader import open_with_bioio
from napari_cellvino.io.checks import check_name, first_bytes
from napari_cellvino.io.instrument import MissingLibraryError
from napari_cellvino.io.known_readers import KNOWN_READERS
from napari_cellvino.io.napari_readers import open_with_napari
from napari_cellvino.io.reader import ENTRY_POINTS, HEAD_BYTES, ImageReader
from napari_cellvino.io.region import RegionSource
from napari_cellvino.io.source import Source
from napari_cellvino.io.unread_formats import UNREAD_FORMATS

_logger = logging.getLogger(__name__)
ZARR_FILES = (".zarray", ".zgroup", "zarr.json")
_SAVE = "open it in the program that made it and save it as TIFF or OME-TIFF"


@cache
def readers() -> tuple[ImageReader, ...]:
    """Return all readers: those that other packages add by entry point first, then our own.

    A package whose reader cannot be imported is left out, with a line in the log.
    """
    return (*_added(), *KNOWN_READERS)


def _added() -> Iterator[ImageReader]:
    for point in entry_points(group=ENTRY_POINTS):
        try:
            reader = point.load()
        except Exception:
            _logger.exception("the reader %s (%s) cannot be imported and is left out", point.name, point.value)
            continue
        if isinstance(reader, ImageReader):
            yield reader
        else:
            _logger.error("the reader %s (%s) is no ImageReader and is left out", point.name, point.value)


@cache
def image_suffixes() -> tuple[str, ...]:
    """Return the endings of all files and folders that are read, each once."""
    return tuple(dict.fromkeys(suffix for reader in readers() for suffix in reader.suffixes))


@cache
def _suffixes_of_sets() -> tuple[str, ...]:
    return tuple(suffix for reader in readers() if reader.names_parts for suffix in reader.suffixes)


def sets_first(paths: Iterable[Path]) -> list[Path]:
    """Return paths in their order, files that name others as their pixels before all others."""
    return sorted(paths, key=lambda path: not path.name.lower().endswith(_suffixes_of_sets()))


@cache
def unread_suffixes() -> tuple[str, ...]:
    """Return the endings of formats that are known and not read."""
    return tuple(dict.fromkeys(suffix for unread in UNREAD_FORMATS for suffix in unread.suffixes))


def open_source(
    path: Path | str,
    *,
    axes: str | None = None,
    spacing: Spacing | None = None,
    channels: Sequence[str] | None = None,
) -> Source:
    """Return the opened file; no pixel is read.

    Parameters
    ----------
    path
        An image file, or a folder that is one image (OME-Zarr).
    axes
        What the file's dimensions are, where it says nothing or something wrong: one letter of T, C, Z, Y, X
        (S for red, green, blue) per dimension, as ``CYX``.
    spacing
        Distance between pixels in µm; what is None in it is taken from the file.
    channels
        Names of the channels, in the file's order.

    Raises
    ------
    ImageReadError
        If there is no such file, or it is damaged or no image.
    ImageValueError
        If the image cannot be used as it is, or ``axes`` do not fit it.
    """
    return open_as(path, MetadataOverrides(axes, spacing, None if channels is None else tuple(channels)))


def open_as(path: Path | str, overrides: MetadataOverrides) -> Source:
    """Return the opened file, or the images of a folder with a pattern, as the user said; errors as `open_source`.

    Raises
    ------
    OptionError
        If the pattern or the region cannot be used.
    """
    path = Path(path).expanduser().absolute()
    check_name(path)
    source = _open_whole(path, overrides)
    return RegionSource(source, ImageRegion.parse(overrides.region)) if overrides.region else source


def _open_whole(path: Path, overrides: MetadataOverrides) -> Source:
    if overrides.pattern:
        from napari_cellvino.io.plates.file_set import open_pattern  # plates are made of images: a circle else

        return open_pattern(path, overrides)
    head = first_bytes(path, HEAD_BYTES)
    lacking: MissingLibraryError | None = None
    for reader in candidates(path, head):
        try:
            source = reader.open_file(path, head, overrides)
        except MissingLibraryError as error:
            lacking = error
            continue
        if source is not None:
            _logger.debug("opened %s: %s, %d position(s)", path, type(source).__name__, len(source.positions))
            return source
    installed = _open_installed(path, overrides) if head else None
    if installed is None:
        raise lacking or unreadable_error(path, head)
    return installed


def _open_installed(path: Path, overrides: MetadataOverrides) -> Source | None:
    """Return a file as other packages read it, bioio before the plugins of napari; None where none does."""
    return open_with_bioio(path, overrides) or open_with_napari(path, overrides)


def candidates(path: Path, head: bytes) -> list[ImageReader]:
    """Return the readers that may open a path, those whose suffix fits before the others; a folder has no ``head``."""
    if not head:
        return [reader for reader in readers() if reader.folder]
    if any(path.name.lower().endswith(unread.suffixes) for unread in UNREAD_FORMATS if not unread.signatures):
        return []  # some of them begin as a TIFF or a JPEG does: with a preview
    taking = [reader for reader in readers() if reader.matches(path.name, head)]
    return sorted(taking, key=lambda reader: not reader.has_suffix(path.name))


def unreadable_error(path: Path, head: bytes) -> ImageReadError:
    """Return the error for a path that no reader takes."""
    if not head and any((path / name).is_file() for name in ZARR_FILES):
        return ImageReadError(
            f"{path.name} is Zarr without the description of OME-Zarr (multiscales): its axes and its scale are "
            "unknown; write it with ome-zarr, or save the array as TIFF"
        )
    if not head:
        return ImageReadError(f"{path.name} is a folder, not an image; choose one of the images in it")
    unread = next((format_ for format_ in UNREAD_FORMATS if format_.matches(path.name, head)), None)
    if unread is not None:
        return ImageReadError(f"{path.name} is {unread.name}, which is not read here; {unread.remedy}")
    named = next((reader for reader in readers() if reader.has_suffix(path.name)), None)
    if named is not None:
        return ImageReadError(
            f"{path.name} ends like a {named.name} file and does not begin like one: it is damaged, cut short, or has "
            "the wrong ending; copy it again from where it was made"
        )
    return ImageReadError(f"{path.name} is no image of a kind that is read here, whatever its name says; {_SAVE}")
