"""Memory that a process keeps for the next field: to get it anew from the system takes a twentieth of a field."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of mallopt, as glibc numbers them
LARGEST = 2**25  # bytes of an array that is kept: the most that glibc takes
ASKED_FOR = 2**26  # bytes at once; what is not used takes no memory
KEPT = 2**27  # bytes; more gains nothing, and very large images would take half a GB more


def keep_memory() -> None:
    """Let this process keep memory that arrays gave free, on Linux: the next field takes as much.

    References
    ----------
    glibc, ``mallopt(3)``.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        tell = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another library of C
        return
    for what, value in ((MMAP_THRESHOLD, LARGEST), (TOP_PAD, ASKED_FOR), (TRIM_THRESHOLD, KEPT)):
        tell(what, value)
