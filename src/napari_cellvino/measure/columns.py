"""Names of table columns that every spreadsheet and statistics program accepts, and names for coded values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Doubt


def column_names(names: Iterable[str], *, empty: str = "unnamed") -> tuple[str, ...]:
    """Return ``names`` in lower case, each run of other than letters and digits one ``_``, and no two the same.

    The second ``DNA`` becomes ``dna_2``; a name without any letter or digit becomes ``empty``. Letters outside ASCII
    stay: names that differ in a Greek letter alone must not become the same column.
    """
    taken: list[str] = []
    for name in names:
        safe = re.sub(r"[\W_]+", "_", name.casefold()).strip("_") or empty
        taken.append(_first_free(safe, taken))
    return tuple(taken)


def _first_free(name: str, taken: list[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def format_enum(codes: NDArray[np.integer], kind: type[IntEnum]) -> list[str]:
    """Return the lower-case member name of each code (N,) of the enumeration ``kind``."""
    names = {int(member): member.name.lower() for member in kind}
    return [names[code] for code in codes.tolist()]


def format_doubts(codes: NDArray[np.integer]) -> list[str]:
    """Return the reasons in each code (N,) of `Doubt` flags: ``low_score touches_edge``, or an empty string."""
    names = {code: _reasons(code) for code in np.unique(codes).tolist()}
    return [names[code] for code in codes.tolist()]


def _reasons(code: int) -> str:
    return " ".join(doubt.name.lower() for doubt in Doubt(code) if doubt.name is not None)
