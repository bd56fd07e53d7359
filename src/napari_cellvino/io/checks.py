"""What can be wrong with a file, said in words.

The libraries that parse image files raise whatever their parsing trips over when a file is damaged: struct.error,
IndexError, an error class per codec. `parse_errors` turns those into one sentence and keeps the cause. As it would hide
our own bugs too, use it only around the parsing and decoding of a file. A header can claim any size: `check_extent`,
`check_ratio` and `check_memory` compare it with the size of the file and the free memory before anything is allocated.
"""

from __future__ import annotations

import logging
import struct
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile

import psutil
from tifffile import TiffFileError

from napari_cellvino.core.errors import CellvinoError, ImageReadError, as_utf8

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else its remarks on odd files reach the terminal

_FOREIGN = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, struct.error, zlib.error, BadZipFile, ExpatError, TiffFileError,
)  # fmt: skip

_ALWAYS_FITS = 2**25  # bytes; asking how much is free takes half as long as reading a small plane
_BEST_RATIO = 50_000  # a blank plane in zstd reaches 33,000, in deflate 1,000
_MOST_PAGES = 2_000_000
_SAVE = "open it in the program that made it and save it as TIFF or OME-TIFF"


def first_bytes(path: Path, count: int) -> bytes:
    """Return the first bytes of a file; a folder has none.

    Raises
    ------
    ImageReadError
        If there is no such file, it is none, is empty or may not be read.
    """
    with parse_errors(path):
        check_is_file(path)
        if path.is_dir():
            return b""
        with path.open("rb") as file:
            head = file.read(count)
    if not head:
        raise ImageReadError(f"{path.name} is empty (0 bytes); copy it again from where it was made")
    return head


def check_is_file(path: Path) -> None:
    """Raise ImageReadError for a pipe, a socket or a device, from which reading may wait for ever."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ImageReadError(f"{path.name} is a pipe, a socket or a device, not a file; name a file")


def is_utf8(name: str) -> bool:
    """Return whether a name can be written in UTF-8; a byte of another encoding stands in it as a surrogate."""
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def check_name(path: Path) -> None:
    """Raise ImageReadError for a path with bytes that are no UTF-8, which tables, ledgers and JSON cannot hold."""
    if not is_utf8(str(path)):
        raise ImageReadError(f"the name {as_utf8(str(path))} is not in UTF-8, and no table could hold it; rename it")


@contextmanager
def parse_errors(path: Path) -> Iterator[None]:
    """Turn the errors of image libraries and of the disk into an `ImageReadError` about ``path``."""
    try:
        yield
    except CellvinoError:
        raise
    except FileNotFoundError as error:
        raise ImageReadError(f"there is no file {path}; check the name, or that its disk is connected") from error
    except PermissionError as error:
        raise ImageReadError(f"{path.name} may not be read (permission denied); ask its owner for access") from error
    except MemoryError as error:
        raise ImageReadError(f"{path.name} does not fit in memory; close other programs or save it cropped") from error
    except _FOREIGN as error:
        disk = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise ImageReadError(
            f"{path.name} is damaged or of a kind not read here{disk}; copy it again, or {_SAVE}"
        ) from error


def check_memory(path: Path, nbytes: int, remedy: str = "") -> None:
    """Raise ImageReadError where a plane of ``nbytes`` would not fit in the free memory; ``remedy`` says what to do."""
    if nbytes < _ALWAYS_FITS:
        return
    free = psutil.virtual_memory().available
    if nbytes > free:
        advice = remedy or "if that size is right, save it cropped or in parts, else the file is damaged"
        raise ImageReadError(
            f"{path.name} says that one plane takes {_gigabytes(nbytes)}, but {_gigabytes(free)} of memory are free; "
            f"{advice}"
        )


def check_room(path: Path, nbytes: int, remedy: str) -> None:
    """Raise ImageReadError where ``nbytes`` fit neither in the free memory nor, with it, in temporary files."""
    if nbytes < _ALWAYS_FITS:
        return
    folder = tempfile.gettempdir()
    free = psutil.virtual_memory().available + psutil.disk_usage(folder).free
    if nbytes > free:
        raise ImageReadError(
            f"a run over {path.name} takes {_gigabytes(nbytes)} of memory and temporary files, and {_gigabytes(free)} "
            f"are free (the files lie in {folder}); {remedy}"
        )


def check_ratio(path: Path, nbytes: int, stored: int) -> None:
    """Raise ImageReadError where no compression gets ``nbytes`` of pixels out of ``stored`` bytes."""
    if nbytes > max(_ALWAYS_FITS, _BEST_RATIO * stored):
        raise ImageReadError(
            f"{path.name} is damaged: it says that one plane takes {_gigabytes(nbytes)}, and has {stored:,} bytes "
            "for it; copy it again from where it was made"
        )


def check_extent(path: Path, end: int, size: int) -> None:
    """Raise ImageReadError where pixels should lie up to byte ``end`` of a file of ``size`` bytes."""
    if end > size:
        raise truncated_error(path, f"pixels should reach byte {end:,} and it has {size:,} bytes")


def check_pages(path: Path, count: int) -> None:
    """Raise ImageReadError where an image claims more pages than any has, which libraries would make a list of."""
    if count > _MOST_PAGES:
        raise ImageReadError(f"{path.name} is damaged: it says that it has {count:,} pages; copy it again")


def truncated_error(path: Path, why: str) -> ImageReadError:
    """Return the error for a file that ends too early."""
    return ImageReadError(f"{path.name} is cut short: {why}; copy it again from where it was made")


def list_names(names: Sequence[str], most: int = 5) -> str:
    """Return names for a sentence: the first few, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _gigabytes(nbytes: int) -> str:
    return f"{nbytes / 2**30:,.1f} GB"
