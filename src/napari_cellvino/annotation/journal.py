"""A write-ahead journal: every step is written to a file at once, so that a crash loses nothing.

A thread syncs the file, so that no edit waits for the disk. A save first
writes a mark into the journal, then replaces the result, then drops the saved steps. So at any time, the journal fits
either the result before the save or the one after it.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from napari_cellvino.annotation.event import Event
from napari_cellvino.annotation.event_json import event_dict, read_line, write_line
from napari_cellvino.core.errors import JournalBusyError, OutputError
from napari_cellvino.core.stage_log import timed_stage
from napari_cellvino.storage.lock import folder_lock, hold_file

_logger = logging.getLogger(__name__)

FORMAT = 2  # 1 wrote whole records where few of their fields change
RETRY_S = 1.0  # before a failed write is repeated
PATIENCE_S = 2.0  # for others that write in the folder at the moment that a journal is opened

Content = dict[str, object] | Event | bytes  # of a line


class Journal:
    """An open journal file with one writer; appended steps are in the file at once, and on the disk within a second.

    So a killed process loses none, and a power cut no more than those of the last second.

    Parameters
    ----------
    path
        A complete journal file, as written by `start_journal`.
    new
        Whether it was written just now, and is synced with the first step.

    Raises
    ------
    JournalBusyError
        If another window, or another process, writes it.
    OutputError
        If it cannot be written.
    """

    def __init__(self, path: Path, *, new: bool = False) -> None:
        self.path = path
        self._new = new
        self.fault: OutputError | None = None
        self._file = _open(path)
        self._synced_bytes = self._end = self._file.tell()
        self._sync_lock = threading.Lock()  # what is in the file is being synced; taken before the file's
        self._file_lock = threading.Lock()
        self._queue: list[Content] = []  # not known to be on the disk
        self._written = 0  # how many of them are in the file
        self._dropped = 0
        self._steps = sum("step" in (read_line(line) or {}) for line in path.read_bytes().splitlines(keepends=True))
        self._condition = threading.Condition()
        self._closing = False
        self._writer = threading.Thread(target=self._sync_all, name="cellvino-journal", daemon=True)
        self._writer.start()

    @property
    def steps(self) -> int:
        """Number of steps, with those in the file when it was opened."""
        return self._steps

    def append(self, event: Event, line: bytes = b"") -> None:
        """Write a step, as its ``line`` if that is known; if that fails, ``fault`` is set and it is tried again."""
        self._enqueue(line or event, steps=1)

    def mark_saving(self, fingerprint: str, steps: int) -> None:
        """Write a mark to the disk that the annotation after ``steps`` steps is about to be saved.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        self._enqueue({"saved": fingerprint, "after": steps - self._dropped})
        self.flush()

    def flush(self) -> None:
        """Wait until all steps are on the disk.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        with self._condition:
            self._condition.wait_for(lambda: not self._queue or self.fault is not None)
            if self.fault is not None:
                raise self.fault

    def drop_saved(self, fingerprint: str, steps: int, path: Path | None = None) -> None:
        """Drop the first ``steps`` steps after they were saved.

        ``path`` is the new place of the journal if the result was saved elsewhere. A journal there is moved aside.

        Raises
        ------
        OutputError
            If it cannot be written; the file is unchanged and valid then.
        """
        self.flush()
        with self._sync_lock, self._file_lock, _holding_folder(path or self.path):
            try:
                lines = self.path.read_bytes().splitlines(keepends=True)
            except OSError as error:
                raise _cannot_write(self.path, error) from error
            later = [line for line in lines if "step" in (read_line(line) or {})][steps - self._dropped :]
            content = b"".join([_header(fingerprint), *later])
            self._file.close()
            try:
                self._replace(content, path or self.path)
                self._dropped, self._synced_bytes, self._end = steps, len(content), len(content)
                with self._condition:
                    del self._queue[: self._written]
                    self._written = 0
                    self._condition.notify_all()
            finally:
                self._file = _open(self.path)

    def _replace(self, content: bytes, path: Path) -> None:
        """Write the whole journal, to another path if it moves."""
        if path == self.path:
            _write_whole(path, content)
            return
        move_aside(path)
        _write_whole(path, content)
        before, self.path = self.path, path
        with suppress(OSError):
            before.unlink()

    def close(self) -> None:
        """Write the queue, if possible, and close the file."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._writer.join()
        self._file.close()

    def _enqueue(self, content: Content, *, steps: int = 0) -> None:
        with self._condition:
            self._queue.append(content)
            self._steps += steps
        self._write_at_once()
        with self._condition:
            self._condition.notify_all()

    def _write_at_once(self) -> None:
        """Give the system what is queued, so that it outlives this process; where that must wait, the thread does."""
        if self.fault is not None or not self._file_lock.acquire(blocking=False):
            return
        try:
            with suppress(OSError):  # the thread tries again, and says why it fails
                self._write_queued()
        finally:
            self._file_lock.release()

    def _write_queued(self) -> None:
        """Write what is queued into the file, which is held."""
        with self._condition:
            items = self._queue[self._written :]
        if self._file.closed:  # it could not be reopened after the steps of a save were dropped
            self._file = _open(self.path)
        self._file.seek(self._end)
        self._file.truncate()  # an incomplete line of a failed write
        text = b"".join(map(_line, items))
        if self._file.write(text) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += len(text)
        self._written += len(items)

    def _write_all_queued(self) -> tuple[int, int]:
        """Write what is queued, also what came while the file was held; return how many lines, and the file's end."""
        while True:
            with self._file_lock:
                self._write_queued()
                written, end = self._written, self._end
            with self._condition:
                if written >= len(self._queue):
                    return written, end

    def _sync_all(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._queue or self._closing)
            if self._queue:
                with self._sync_lock:
                    self._sync()
            with self._condition:
                if self._closing and (not self._queue or self.fault is not None):
                    return
                if self.fault is not None:
                    self._condition.wait_for(lambda: self._closing, timeout=RETRY_S)

    def _sync(self) -> None:
        """Have what is queued on the disk, or say why that is not possible; editing goes on meanwhile."""
        fault, count, end = None, 0, self._synced_bytes
        try:
            with timed_stage(_logger, "journal", self.path.stem, f"{len(self._queue)} line(s)"):
                count, end = self._write_all_queued()
                handle = os.dup(self._file.fileno())  # nobody else changes the file while what is in it is synced
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
                if self._new:
                    _sync_folder(self.path.parent)
                    self._new = False
        except OutputError as error:
            fault = error
        except OSError as error:
            fault = _cannot_write(self.path, error)
        if fault is not None:
            _logger.warning("journal %s: %s", self.path.stem, fault)
        with self._file_lock, self._condition:
            self.fault = fault
            if fault is None:
                del self._queue[:count]
                self._written -= count
                self._synced_bytes = end
            else:  # what the system did not sync it may have lost
                self._written, self._end = 0, self._synced_bytes
            self._condition.notify_all()


def start_journal(path: Path, fingerprint: str) -> Journal:
    """Return a new journal for the state of an annotation that has this fingerprint; an existing one is renamed.

    Raises
    ------
    JournalBusyError
        If another window, or another process, writes the existing one.
    OutputError
        If it cannot be written.
    """
    with _holding_folder(path):
        move_aside(path)
        _write_whole(path, _header(fingerprint), synced=False)
        return Journal(path, new=True)


def open_journal(path: Path, *, earlier: bool = False) -> Journal:
    """Return the journal in a file, to be gone on with; the errors are those of `Journal`.

    One of an ``earlier`` format has this one from now on: a version that knew the earlier one would skip new steps.
    """
    with _holding_folder(path):
        if earlier:
            first, *steps = path.read_bytes().splitlines(keepends=True)
            base = (read_line(first) or {}).get("base", "")
            _write_whole(path, b"".join([_header(str(base)), *steps]))
        return Journal(path)


@contextmanager
def _holding_folder(path: Path) -> Iterator[None]:
    """Let no other window open or replace a journal beside this one meanwhile."""
    with folder_lock(path.parent, PATIENCE_S):
        yield


def check_free(path: Path) -> None:
    """Raise JournalBusyError if another window, or another process, writes a journal."""
    try:
        with path.open("rb") as file:
            free = hold_file(file.fileno())
    except OSError:  # there is none, or it may not be read: who reads or writes it says so
        return
    if not free:
        raise _busy(path)


def move_aside(path: Path) -> None:
    """Rename an existing journal.

    Raises
    ------
    JournalBusyError
        If another window, or another process, writes it.
    OutputError
        If it cannot be renamed.
    """
    try:
        if path.exists() and path.stat().st_size > 0:
            check_free(path)
            os.replace(path, unused_name(path, "old"))
    except JournalBusyError:
        raise
    except OSError as error:
        raise _cannot_write(path, error) from error


def unused_name(path: Path, word: str) -> Path:
    """Return an unused path beside a journal: ``a.corrections.old-1``."""
    number = 1
    while (free := path.with_name(f"{path.name}.{word}-{number}")).exists():
        number += 1
    return free


def _line(content: Content) -> bytes:
    if isinstance(content, bytes):
        return content
    return write_line(event_dict(content) if isinstance(content, Event) else content)


def _header(fingerprint: str) -> bytes:
    return write_line({"journal": FORMAT, "base": fingerprint})


def _write_whole(path: Path, content: bytes, *, synced: bool = True) -> None:
    """Replace a file atomically; it is on the disk when this returns, unless it is not to be synced yet."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            if synced:
                _sync(file)
        os.replace(part, path)
        if synced:
            _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise _cannot_write(path, error) from error


def _open(path: Path) -> io.FileIO:
    try:
        file = path.open("r+b", buffering=0)
    except OSError as error:
        raise _cannot_write(path, error) from error
    if not hold_file(file.fileno()):
        file.close()
        raise _busy(path)
    file.seek(0, os.SEEK_END)
    return file


def _busy(path: Path) -> JournalBusyError:
    return JournalBusyError(
        f"{path.stem} is being corrected in another window or program",
        remedy="close it there to correct it here; until then it can be looked at",
    )


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Sync the folder where the system allows it: else a new file may be lost after a power cut."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> OutputError:
    why = error.strerror or str(error)
    return OutputError(
        f"corrections cannot be written to {path}: {why}; make room or give permission, or save the result elsewhere"
    )
