"""Files and folders that are written completely or not at all.

A result is written next to its target under a temporary name and renamed when it is complete: a killed run, a full disk
or a second run never leaves half a table under the final name. What a killed run leaves behind is recognised by
its name, ``.part-<host>-<pid>-<token>-<target>``, and removed by the next run with the same target, unless the
process that writes it still lives or may live on another machine.

A file replaces its target in one step. For a folder no system offers that, so the old one is first set aside as
``.aside-…``; where a kill came just then, the next run puts it back before it does anything else.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from napari_cellvino.core.errors import CellvinoError, OutputError

FOREIGN_LIFETIME_S = 24 * 3600  # a part of another machine that is older was left behind
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
        part = _sibling(path, "part")
        try:
            yield part
            _flush(part)
            os.replace(part, path)
        finally:
            _discard(part)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new empty folder; it replaces the folder ``path`` when the block succeeds.

    Missing folders above are made. When the block raises, nothing of it stays and ``path`` is as it was.

    Raises
    ------
    OutputError
        If it cannot be written: no permission, disk full, read-only, or ``path`` is a file.
    """
    with _explained(path):
        _prepare(path)
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} cannot be written as a folder: there is a file of that name; move it away")
        part = _sibling(path, "part")
        part.mkdir()
        try:
            yield part
            for file in filter(Path.is_file, part.rglob("*")):
                _flush(file)
            _swap_in(part, path)
        finally:
            _discard(part)


def recover(path: Path) -> None:
    """Clean up after a killed run: restore the folder ``path`` that it had moved away, remove its unfinished parts."""
    left = [file for file in _siblings(path) if _is_left_behind(file)]
    for aside in (file for file in left if file.name.startswith(".aside-")):
        if not path.exists():
            os.replace(aside, path)
    for file in left:
        _discard(file)


def _prepare(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    recover(path)


def _swap_in(part: Path, path: Path) -> None:
    """Put the folder ``part`` where ``path`` is; if that fails, ``path`` is as it was."""
    if not path.exists():
        os.replace(part, path)
        return
    aside = _sibling(path, "aside")
    with suppress(OSError):
        os.utime(path)  # an old folder under a new name would be taken for one that a killed run left behind
    os.replace(path, aside)
    try:
        os.replace(part, path)
    except OSError:
        os.replace(aside, path)
        raise
    _discard(aside)


def _sibling(path: Path, kind: str) -> Path:
    return path.with_name(f".{kind}-{_host()}-{os.getpid()}-{secrets.token_hex(4)}-{path.name}")


def _siblings(path: Path) -> list[Path]:
    # A writer that is given a part may write a part of that: all of them go.
    named = re.compile(rf"(\.(part|aside)-\w+-\d+-[0-9a-f]{{8}}-)+{re.escape(path.name)}")
    return [file for file in path.parent.iterdir() if named.fullmatch(file.name)] if path.parent.is_dir() else []


def _host() -> str:
    return re.sub(r"\W", "", socket.gethostname())[:20] or "host"


def _is_left_behind(file: Path) -> bool:
    """Return whether no running process can still be writing ``file``."""
    _, host, pid, *_ = file.name.split("-")
    if host != _host():
        return time.time() - file.lstat().st_mtime > FOREIGN_LIFETIME_S
    try:  # a process that began after the file was last written only has the number of the one that wrote it
        return file.lstat().st_mtime < psutil.Process(int(pid)).create_time()
    except psutil.NoSuchProcess:
        return True


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
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of the system into an `OutputError` that names ``path`` and what to do; ours pass."""
    try:
        yield
    except CellvinoError:
        raise
    except OSError as error:
        what = REMEDIES.get(error.errno or 0, f"{error.strerror or error}; choose another folder")
        raise OutputError(f"{path} cannot be written: {what}") from error
