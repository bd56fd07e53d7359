"""What a reader of image files declares: its name, how its files are told, and the function that opens them.

Everything that has to know which formats there are (the choice of a reader, the refusal of what is not read, the
listing of a folder, the filter of a file dialog, the table in the documentation) is made from these declarations.
Another package adds a reader by an entry point of the group ``napari_cellvino.readers`` that names an `ImageReader`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io.source import Source

ENTRY_POINTS = "napari_cellvino.readers"
HEAD_BYTES = 512  # of a file that are looked at: DICOM and MRC have their marks behind the first 128

OpenFile = Callable[[Path, bytes, MetadataOverrides], Source | None]
"""Opens (path, its first bytes, what the user says of it); None where the file is of another kind after all."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Bytes that files of one format have in one place."""

    data: bytes
    offset: int = 0

    def matches_head(self, head: bytes) -> bool:
        """Return whether a file that begins with ``head`` has them."""
        return head[self.offset : self.offset + len(self.data)] == self.data


def signatures(*data: bytes) -> tuple[Signature, ...]:
    """Return the signatures of bytes at the very beginning."""
    return tuple(Signature(one) for one in data)


@dataclass(frozen=True, slots=True)
class ImageReader:
    """One format of image files.

    Parameters
    ----------
    name
        What the format is called, as ``Zeiss CZI``.
    suffixes
        Endings of its files with their dots, in lower case.
    open_file
        Opens a file; of a format with ``folder``, a folder.
    signatures
        Bytes that tell its files. Without any, files are told by the ending.
    needs_suffix
        Whether the signature is shared with other formats, so that the ending must fit too.
    folder
        Whether an image is a folder.
    libraries
        Packages of the extra ``formats`` that it imports.
    names_parts
        Whether its files name other images as their pixels, which do not name them: they are opened first, so that
        nothing is counted twice.
    """

    name: str
    suffixes: tuple[str, ...]
    open_file: OpenFile
    signatures: tuple[Signature, ...] = ()
    needs_suffix: bool = False
    folder: bool = False
    libraries: tuple[str, ...] = ()
    names_parts: bool = False

    def has_suffix(self, name: str) -> bool:
        """Return whether a file's name ends like one of this format."""
        return name.lower().endswith(self.suffixes)

    def matches(self, name: str, head: bytes) -> bool:
        """Return whether a file of this name that begins with ``head`` is one of this format by all signs."""
        if self.folder or not head:
            return False
        if not self.signatures:
            return self.has_suffix(name)
        signed = any(signature.matches_head(head) for signature in self.signatures)
        return signed and (not self.needs_suffix or self.has_suffix(name))


@dataclass(frozen=True, slots=True)
class UnreadFormat:
    """A format that is known and not read: its name with article, how it is told, and what to do instead."""

    name: str
    suffixes: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()
    remedy: str = "open it in the program that made it and save it as TIFF or OME-TIFF"

    def matches(self, name: str, head: bytes) -> bool:
        """Return whether a file's first bytes are those of this format; without such a sign, its ending."""
        if self.signatures:
            return any(signature.matches_head(head) for signature in self.signatures)
        return name.lower().endswith(self.suffixes)
