"""Files and folders that are written completely or not at all.

A result is written next to its target under a temporary name and renamed when it is complete: a killed run, a full disk
or a second run never leaves half a table under the final name. What a killed run leaves behind is recognised by
its name, ``.part-<host>-<pid>-<token>-<target>``, and removed by the next run with the same target, unless the
process that writes it still lives or may live on another machine.

A file replaces its target in one step. For a folder no system offers that, so the old one is first moved aside as
``.aside-…``; after a kill at that moment the next run, on any machine, moves it back before it does anything else. The
name of a folder that was moved aside contains the inode number of the folder that replaces it: the old one is removed
only where that one is in place. All others are kept, as they may be the only copy; `set_aside` lists them.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path

import psutil

from napari_cellvino.core.errors import CellvinoError, OutputError

FOREIGN_LIFETIME_S = 24 * 3600  # a part of another machine that is older, or that far in the future, was left behind
SWAP_S = 10.0  # within which a machine that has just set a folder aside puts the new one in place
FLUSH = "kept-flush"  # what the threads are called that wait for the disk, as long as the process lives
FLUSHED_AT_ONCE = 8  # files of a folder; each waits for the disk alone else
WAIT_S = 1.0  # for that, where another machine has just set one aside
REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EROFS: "the folder is on a read-only disk; choose another folder",
    errno.EACCES: "permission denied; close it in other programs, or choose a folder you may write to",
    errno.EPERM: "permission denied; close it in other programs, or choose a folder you may write to",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ENOTDIR: "a part of the path is a file; choose another folder",
    errno.EEXIST: "a part of the path is a file; choose another folder",
    errno.EISDIR: "there is a folder of that name; choose another name or move the folder",
}
_LEFT = r"(?:\.(?:part|aside)-\w+-\d+-[0-9a-f]{8,24}-)+"  # a writer given a part may write a part of that

Swapping = Callable[[], AbstractContextManager[object]]
"""Makes what a folder is put in place under, such as a lock; where it raises, the folder is as it was."""


class UnwrittenError(OutputError):
    """The system did not let ``path`` be written; ``reason`` says why, and what to do."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be written: {reason}")
        self.path, self.reason = path, reason


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary file name with the suffix of ``path``; the file replaces ``path`` when the block succeeds.

    Missing folders are made. When the block raises, nothing of it stays and ``path`` is as it was.

    Raises
    ------
    OutputError
        If it cannot be written: no permission, disk full, read-only, …
    """
    with _explained(path):
        _prepare(path)
        part, inner = _sibling(path, "part"), _is_in_part(path)
        try:
            yield part
            if not inner:  # the folder that is not complete yet is written to the disk as a whole
                _flush(part)
            os.replace(part, path)
            if not inner:
                _flush_folder(path.parent)
        finally:
            _discard(part)


@contextmanager
def atomic_folder(path: Path, swapping: Swapping = nullcontext, *, recovered: bool = False) -> Iterator[Path]:
    """Yield a new empty folder; it replaces the folder ``path`` when the block succeeds.

    Missing folders above are made. When the block raises, nothing of it stays and ``path`` is as it was. ``swapping``
    is held while the one is put in the place of the other. What killed runs left of it is looked for first, in all
    names of the folder above, unless it is ``recovered`` already.

    Raises
    ------
    OutputError
        If it cannot be written: no permission, disk full, read-only, or ``path`` is a file.
    """
    with _explained(path):
        if recovered:
            path.parent.mkdir(parents=True, exist_ok=True)
        else:
            _prepare(path)
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} cannot be written as a folder: there is a file of that name; move it away")
        part = _sibling(path, "part")
        part.mkdir()
        try:
            yield part
            _flush_all(part)
            with swapping():
                _swap_in(part, path)
            _flush_folder(path.parent)
        finally:
            _discard(part)


def recover(path: Path) -> bool:
    """Clean up after a killed run: restore the folder ``path`` that it had moved away, remove its unfinished parts.

    Return whether there was anything of a writer.
    """
    left = _siblings(path)
    if not path.exists():
        _put_back(path, [file for file in left if _is_aside(file)])
    for file in left:
        if (_is_left_behind(file) and not _is_aside(file)) or _is_superseded(file, path):
            _discard(file)
    return bool(left)


def set_aside(path: Path) -> list[Path]:
    """Return the folders set aside from ``path`` by writers that are gone, and not by the one that is in place now.

    They are kept: only the caller knows whether they are needed.
    """
    return [file for file in _siblings(path) if _is_aside(file) and _is_abandoned(file) and file.is_dir()]


def left_behind_in(folder: Path) -> list[Path]:
    """Return the targets in ``folder`` of which killed runs left something, or running ones have something open."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith((".part-", ".aside-"))]
    except OSError:
        return []
    found = (re.fullmatch(rf"{_LEFT}(.+)", name, re.DOTALL) for name in names)
    return sorted({folder / match[1] for match in found if match})


def _put_back(path: Path, asides: list[Path]) -> None:
    """Put back the newest of ``asides`` that no living writer is about to replace."""
    for aside in sorted(asides, key=_changed_at, reverse=True):
        if _host_of(aside) != _host() and abs(time.time() - _changed_at(aside)) < SWAP_S:
            _wait_for(path)
        if path.exists():
            return
        if _host_of(aside) != _host() or _is_left_behind(aside):
            with suppress(FileNotFoundError):  # another run was quicker
                os.replace(aside, path)
                _flush_folder(path.parent)
            return


def _wait_for(path: Path) -> None:
    end = time.monotonic() + WAIT_S
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)


def _prepare(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    recover(path)


def _swap_in(part: Path, path: Path) -> None:
    """Put the folder ``part`` where ``path`` is; if that fails, ``path`` is as it was."""
    if not path.exists():
        os.replace(part, path)
        return
    aside = _sibling(path, "aside", f"{part.stat().st_ino & 0xFFFF_FFFF_FFFF_FFFF:016x}")
    with suppress(OSError):
        os.utime(path)  # an old folder under a new name would be taken for one that a killed run left behind
    os.replace(path, aside)
    try:
        os.replace(part, path)
    except OSError:
        os.replace(aside, path)
        raise
    old = _sibling(path, "part")  # from here on nothing of it is wanted, also if a kill comes while it is removed
    with suppress(OSError):
        os.replace(aside, old)
    _discard(old)


def _sibling(path: Path, kind: str, successor: str = "") -> Path:
    return path.with_name(f".{kind}-{_host()}-{os.getpid()}-{secrets.token_hex(4)}{successor}-{path.name}")


def _siblings(path: Path) -> list[Path]:
    try:  # the folder may hold 10,000 results: nothing costs time but what is left of a writer of this one
        left = [name for name in os.listdir(path.parent) if name[0] == "." and name.endswith(path.name)]
    except OSError:
        return []
    return [path.parent / name for name in left if _named(path).fullmatch(name)]


def _named(path: Path) -> re.Pattern[str]:
    return re.compile(rf"{_LEFT}{re.escape(path.name)}", re.DOTALL)


def _is_in_part(path: Path) -> bool:
    """Return whether a file lies right in a folder that is not complete yet."""
    return path.parent.name.startswith(".part-")


def _is_aside(file: Path) -> bool:
    return file.name.startswith(".aside-")


def _host() -> str:
    return re.sub(r"\W", "", socket.gethostname())[:20] or "host"


def _host_of(file: Path) -> str:
    return file.name.split("-")[1]


def _changed_at(file: Path) -> float:
    try:
        return file.lstat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0


def _is_left_behind(file: Path) -> bool:
    """Return whether no running process can still be writing ``file``."""
    _, host, pid, *_ = file.name.split("-")
    changed = _changed_at(file)
    if abs(time.time() - changed) > FOREIGN_LIFETIME_S and (host != _host() or changed > time.time()):
        return True  # of another machine, or written while the clock was wrong
    if host != _host():
        return False
    try:  # a process that began after the file was last written only has the number of the one that wrote it
        process = psutil.Process(int(pid))
        return changed < process.create_time() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _is_superseded(aside: Path, path: Path) -> bool:
    """Return whether the folder that ``aside`` made room for is in place, and its writer is gone."""
    successor = aside.name.split("-")[3][8:]
    if not _is_aside(aside) or not successor or not _is_abandoned(aside):
        return False
    try:
        return int(successor, 16) == path.stat().st_ino & 0xFFFF_FFFF_FFFF_FFFF
    except OSError:
        return False


def _is_abandoned(aside: Path) -> bool:
    """Return whether the writer of ``aside`` is gone: a swap takes moments, also on another machine."""
    foreign = _host_of(aside) != _host()
    return abs(time.time() - _changed_at(aside)) > SWAP_S if foreign else _is_left_behind(aside)


def _discard(path: Path) -> None:
    """Remove a file or folder; one that cannot be removed is left to the next run."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _flush(file: Path) -> None:
    """Have the system write the file to the disk before its name is changed."""
    opened = os.open(file, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _flush_all(folder: Path) -> None:
    """Have the system write every file in a folder to the disk, and then their names."""
    below = list(folder.rglob("*"))
    files = [file for file in below if file.is_file()]
    pool = _flushers(os.getpid())
    flushing = [pool.submit(_flush, file) for file in files]  # the disk writes them together
    wait(flushing)
    for flushed in flushing:
        flushed.result()
    for inner in (*(file for file in below if file.is_dir()), folder):
        _flush_folder(inner)


@lru_cache(maxsize=1)
def _flushers(process: int) -> ThreadPoolExecutor:
    """Return the threads of this process that wait for the disk: to begin some for each folder takes longer."""
    return ThreadPoolExecutor(FLUSHED_AT_ONCE, thread_name_prefix=FLUSH)


def _flush_folder(folder: Path) -> None:
    """Have the system write the names in a folder to the disk, where it can: after a power cut a rename may be gone."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some network disks take it for files alone
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of the system into an `OutputError` that names ``path`` and what to do; ours pass.

    What could not be written in an unfinished part is named as it would have been called in the end.
    """
    try:
        yield
    except UnwrittenError as error:
        place = next((p for p in (error.path, *error.path.parents) if _named(path).fullmatch(p.name)), None)
        if place is None or place.parent != path.parent:
            raise
        raise UnwrittenError(path / error.path.relative_to(place), error.reason) from error
    except CellvinoError:
        raise
    except OSError as error:
        what = REMEDIES.get(error.errno or 0, f"{error.strerror or error}; choose another folder")
        raise UnwrittenError(path, what) from error
