"""Damaged files made from good ones, the same for the same seed: what a disk, a network or an enemy makes of them.

`CELLVINO_FUZZ_SECONDS` says how long each kind of file is tried; without it, a fixed number of mutants is.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterator

from napari_cellvino.core.errors import CellvinoError

SECONDS = float(os.environ.get("CELLVINO_FUZZ_SECONDS", "0"))
LONGEST_S = 10.0
MOST_MEMORY = 2**30  # bytes that all mutants of a kind may add to what the process takes at most
NUMBERS = (
    b"-1",
    b"0",
    b"1e999",
    b"NaN",
    b"999999999999",
    b"4294967296",
    b'"x"',
    b"null",
    b"[]",
    b"{}",
    b"0.5",
    b"true",
)


def mutant(content: bytes, seed: int) -> bytes:
    """Return a damaged copy of a file."""
    chance = random.Random(seed)
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if data:
            chance.choice((_flip, _cut, _extreme, _number, _repeat, _remove))(data, chance)
    return bytes(data)


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 2, 8))):
        data[chance.randrange(len(data))] = chance.randrange(256)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _extreme(data: bytearray, chance: random.Random) -> None:
    at, word = chance.randrange(len(data)), chance.choice((b"\xff" * 4, b"\0" * 4, b"\x7f" + b"\xff" * 3, b"\xff" * 8))
    data[at : at + len(word)] = word


def _number(data: bytearray, chance: random.Random) -> None:
    """Put something else in the place of a number in text."""
    digits = [at for at in range(len(data)) if 48 <= data[at] < 58]
    if digits:
        start = end = chance.choice(digits)
        while end < len(data) and (48 <= data[end] < 58 or data[end] == 46):
            end += 1
        data[start:end] = chance.choice(NUMBERS)


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.choice((1, 16, 256))] * chance.choice((1, 3))


def _remove(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.choice((1, 4, 64))]


def seeds(kind: str, count: int) -> Iterator[int]:
    """Yield seeds of a kind of file: ``count`` of them, or as many as there is time for."""
    first, end = zlib.crc32(kind.encode()), time.monotonic() + SECONDS
    number = 0
    while number < count or time.monotonic() < end:
        yield first + number
        number += 1


def highest_memory() -> int:
    """Return the most memory that this process ever took, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def check_only_own_errors(read: Callable[[], object], what: str) -> bool:
    """Call ``read`` and return whether it read something; anything but the product's errors, or long, is a fault."""
    start = time.monotonic()
    try:
        read()
        done = True
    except CellvinoError:
        done = False
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    assert time.monotonic() - start < LONGEST_S, f"{what} took {time.monotonic() - start:.1f} s"
    return done
