"""Zip archives and ``.gz`` files of others: unpacked within bounds, hidden files of macOS passed over.

A megabyte can unpack to a gigabyte or more; what an archive may become is bounded by what annotations of an image of
that size can be.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from napari_cellvino.core.errors import CellvinoError, ImageReadError
from napari_cellvino.formats.decoding import decoding

LARGEST_MEMBER = 2**25  # bytes of one ROI
LARGEST_ARCHIVE = 2**29  # bytes of all of them
PIECE = 2**20
ENCRYPTED = 1  # bit of a member's flags


def visible_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive, without folders and what macOS adds (``__MACOSX``, ``._name``)."""
    found = []
    for member in archive.infolist():
        parts = member.filename.split("/")
        if not member.is_dir() and parts[0] != "__MACOSX" and not parts[-1].startswith("."):
            found.append(member)
    return found


def read_members(
    path: Path, archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], *, largest: int = LARGEST_MEMBER
) -> Iterator[bytes]:
    """Yield the bytes of each member.

    Raises
    ------
    ImageReadError
        If one is encrypted, packed in a way that is not known, or larger than ``largest`` bytes.
    """
    total = 0
    for member in members:
        if member.flag_bits & ENCRYPTED:
            raise ImageReadError(f"{path} is encrypted ({member.filename}); unpack it with its password")
        with decoding(path, f"a zip archive ({member.filename})"), archive.open(member) as file:
            content = file.read(largest + 1)
        total += len(content)
        if len(content) > largest or total > LARGEST_ARCHIVE:
            raise ImageReadError(
                f"{path} unpacks to more than {LARGEST_ARCHIVE // 2**20} MB, or {member.filename} in it to more than "
                f"{largest // 2**20} MB; it is damaged, or holds something else than it should"
            )
        yield content


@contextmanager
def unpacked(path: Path, limit: int) -> Iterator[Path]:
    """Give the file that a ``.gz`` file holds, for as long as it is needed; errors about it name ``path``.

    Raises
    ------
    ImageReadError
        If it is damaged, or unpacks to more than ``limit`` bytes.
    """
    with TemporaryDirectory(prefix="cellvino-") as folder:
        inner = Path(folder) / path.stem
        with decoding(path, "a gzip file"), gzip.open(path) as packed, inner.open("wb") as out:
            size = 0
            while piece := packed.read(PIECE):
                size += len(piece)
                if size > limit:
                    raise ImageReadError(
                        f"{path} unpacks to more than {limit // 2**20} MB, which annotations of this image cannot be"
                    )
                out.write(piece)
        try:
            yield inner
        except CellvinoError as error:
            error.problem = error.problem.replace(str(inner), str(path))
            error.args = (str(error).replace(str(inner), str(path)),)
            raise
