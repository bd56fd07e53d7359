"""What can be wrong with a file of annotations, said in words; and JSON, read within bounds.

The libraries that parse such files raise whatever the broken bytes lead to. One bad file must not end a batch, so that
everything that parsing raises becomes the product's own error about that file; the cause is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from napari_cellvino.core.errors import CellvinoError, ImageReadError

JsonContent = Any  # dicts, lists and plain values, however a file nests them
JSON_COST = 10  # bytes of memory that a byte of JSON takes when it is parsed
ALWAYS_FITS = 2**26  # bytes
AGAIN = "save it again in the program that made it"


@contextmanager
def decoding(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever parsing a file of a ``kind`` raises into an `ImageReadError` about ``path``."""
    try:
        yield
    except CellvinoError:
        raise
    except FileNotFoundError as error:
        raise ImageReadError(f"there is nothing at {path}; check the name") from error
    except RecursionError as error:
        raise ImageReadError(f"{path} cannot be read as {kind}: it is nested too deeply; {AGAIN}") from error
    except MemoryError as error:
        raise ImageReadError(f"{path} cannot be read as {kind}: it does not fit in memory; {AGAIN}") from error
    except Exception as error:  # a parser raises whatever the broken bytes lead to
        raise ImageReadError(f"{path} cannot be read as {kind}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return the first line of an error, with its type where it says little."""
    lines = str(error).splitlines()
    text = lines[0][:200] if lines else ""
    return f"{text} ({type(error).__name__})" if text else type(error).__name__


def check_fits(path: Path, nbytes: int) -> None:
    """Raise ImageReadError where ``nbytes`` that a file asks for would not fit in the free memory."""
    free = psutil.virtual_memory().available
    if nbytes > max(ALWAYS_FITS, free // 2):
        raise ImageReadError(
            f"{path} needs {nbytes / 2**30:,.1f} GB to be read, and {free / 2**30:,.1f} GB of memory are free; "
            "save it in parts, else it is damaged"
        )


def read_json(path: Path) -> JsonContent:
    """Return what a JSON file holds; UTF-8, 16 or 32, with or without a mark of it.

    Raises
    ------
    ImageReadError
        If it is no JSON, nested too deeply, or too large for the free memory.
    """
    with decoding(path, "JSON"):
        check_fits(path, JSON_COST * path.stat().st_size)
        return json.loads(path.read_bytes())
