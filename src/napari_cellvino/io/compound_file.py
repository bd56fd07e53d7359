"""The chains of sectors of a compound file (OIB), walked before a library does: one in a circle would never end.

References
----------
[MS-CFB], "Compound File Binary File Format", 2.2 to 2.4
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.checks import parse_errors

MAGIC = b"\xd0\xcf\x11\xe0"
HEADER = 512  # bytes
IN_HEADER = 109  # sectors of the table that the header names itself
END = 0xFFFFFFFA  # numbers from here on are no sectors

Chains = NDArray[np.int64]


def check_chains(path: Path) -> None:
    """Raise ImageReadError where a chain of sectors in a compound file runs in a circle; others are passed over."""
    with parse_errors(path), path.open("rb") as file:
        header = file.read(HEADER)
        if len(header) < HEADER or not header.startswith(MAGIC):
            return
        size = 1 << min(struct.unpack_from("<H", header, 30)[0], 20)
        (mini,) = struct.unpack_from("<I", header, 60)
        table = _table(path, file, header, size)
        _check(path, table)
        _check(path, _numbers(file, _followed(table, mini), size))


def _table(path: Path, file: BinaryIO, header: bytes, size: int) -> Chains:
    """Return the sector that follows each one, from the sectors that hold this table."""
    count, following = struct.unpack_from("<I", header, 44)[0], struct.unpack_from("<I", header, 68)[0]
    places = list(struct.unpack_from(f"<{IN_HEADER}I", header, 76))
    seen: set[int] = set()
    while following < END and len(places) < count:
        if following in seen:
            raise _in_a_circle(path)
        seen.add(following)
        held = _numbers(file, [following], size).tolist()
        if len(held) * 4 < size:
            break  # cut short, which is told where pixels are read
        places += held[:-1]
        following = held[-1]
    return _numbers(file, [place for place in places[:count] if place < END], size)


def _followed(table: Chains, first: int) -> list[int]:
    """Return the sectors of a chain that is known to end."""
    chain = []
    while first < len(table):
        chain.append(first)
        first = int(table[first])
    return chain


def _numbers(file: BinaryIO, sectors: list[int], size: int) -> Chains:
    parts = []
    for sector in sectors:
        file.seek(size + sector * size)
        raw = file.read(size)
        parts.append(np.frombuffer(raw[: len(raw) // 4 * 4], "<u4").astype(np.int64))
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _check(path: Path, table: Chains) -> None:
    """Raise ImageReadError unless every chain ends: after as many steps as there are sectors, doubled each time."""
    end = len(table)
    after = np.append(np.where(table < end, table, end), end)
    for _ in range(end.bit_length() + 1):
        after = after[after]
    if (after != end).any():
        raise _in_a_circle(path)


def _in_a_circle(path: Path) -> ImageReadError:
    return ImageReadError(
        f"{path.name} is damaged: a chain of its sectors runs in a circle; copy it again from where it was made"
    )
