"""One writer at a time in a folder or a file, among threads and processes.

The system itself holds the lock for an open file or folder (on Windows, for a hidden file in it), so that a process
that was killed lets go of it at once, and nothing stays behind that a later one would have to judge.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TRY_EVERY_S = 0.01  # for a lock that another process holds: no system waits for one with a limit of time
PATIENCE_S = 30.0
NAME = ".cellvino-lock"
FAR = 2**40  # a byte that no file has: on Windows a byte that is held cannot be read by others
BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)

_log = logging.getLogger(__name__)


@contextmanager
def folder_lock(folder: Path, patience_s: float = PATIENCE_S) -> Iterator[bool]:
    """Hold a folder for writing and yield whether it is held; do not hold it twice in one thread.

    Where the disk knows no locks, or another holds it for longer than ``patience_s`` seconds, the work goes on without:
    a table that misses a row until the next run is better than a night without results.
    """
    try:
        handle = _open(folder)
    except OSError:
        yield False
        return
    held = False
    try:
        held = _wait(handle, patience_s)
        if not held:
            _log.warning("%s is not locked for writing: the disk knows no locks, or another program holds it", folder)
        yield held
    finally:
        if held:
            _unlock(handle)
        os.close(handle)
        if sys.platform == "win32":
            with suppress(OSError):  # another one has it open
                (folder / NAME).unlink()


def hold_file(handle: int) -> bool:
    """Hold an open file until it is closed, and return False where another one holds it.

    Reading it is open to all. Where the disk knows no locks, the work goes on without.
    """
    try:
        _lock(handle)
    except OSError as error:
        return error.errno not in BUSY
    return True


def _wait(handle: int, patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while True:
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in BUSY or time.monotonic() > end:
                return False
            time.sleep(TRY_EVERY_S)
        else:
            return True


if sys.platform == "win32":
    import msvcrt

    def _open(folder: Path) -> int:
        return os.open(folder / NAME, os.O_RDWR | os.O_CREAT)

    def _lock(handle: int) -> None:
        os.lseek(handle, FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _unlock(handle: int) -> None:
        os.lseek(handle, FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _open(folder: Path) -> int:
        return os.open(folder, os.O_RDONLY)

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
