"""A write-ahead journal: every step is written to a file at once, so that a crash or power cut loses nothing.

A thread appends to the file, so that no edit waits for the disk; each batch is synced before the next. A save first
writes a mark into the journal, then replaces the result, then drops the saved steps. So at any time, the journal fits
either the result before the save or the one after it.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.event import Event
from napari_cellvino.annotation.event_json import event_dict, read_line, write_line
from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.stage_log import timed_stage

_logger = logging.getLogger(__name__)

FORMAT = 1
RETRY_S = 1.0  # before a failed write is repeated


class Journal:
    """An open journal file; appended steps are on the disk within a second.

    Parameters
    ----------
    path
        A complete journal file, as written by `start_journal`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault: OutputError | None = None
        self._file = _open(path)
        self._valid_bytes = self._file.tell()
        self._file_lock = threading.Lock()
        self._queue: list[dict[str, object] | Event] = []
        self._dropped = 0
        self._steps = sum("step" in (read_line(line) or {}) for line in path.read_bytes().splitlines(keepends=True))
        self._condition = threading.Condition()
        self._closing = False
        self._writer = threading.Thread(target=self._write_all, name="cellvino-journal", daemon=True)
        self._writer.start()

    @property
    def steps(self) -> int:
        """Number of steps, with those in the file when it was opened."""
        return self._steps

    def append(self, event: Event) -> None:
        """Queue a step for writing; if writing fails, ``fault`` is set and it is tried again."""
        self._enqueue(event)

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
        with self._file_lock:
            try:
                lines = self.path.read_bytes().splitlines(keepends=True)
            except OSError as error:
                raise _cannot_write(self.path, error) from error
            later = [line for line in lines if "step" in (read_line(line) or {})][steps - self._dropped :]
            content = b"".join([_header(fingerprint), *later])
            self._file.close()
            try:
                self._replace(content, path or self.path)
                self._dropped, self._valid_bytes = steps, len(content)
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

    def _enqueue(self, content: dict[str, object] | Event) -> None:
        with self._condition:
            self._queue.append(content)
            self._steps += isinstance(content, Event)
            self._condition.notify_all()

    def _write_all(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._queue or self._closing)
                batch = list(self._queue)
            if batch:
                self._write_batch(batch)
            with self._condition:
                if self._closing and (not self._queue or self.fault is not None):
                    return
                if self.fault is not None:
                    self._condition.wait_for(lambda: self._closing, timeout=RETRY_S)

    def _write_batch(self, batch: list[dict[str, object] | Event]) -> None:
        text = b"".join(write_line(event_dict(item) if isinstance(item, Event) else item) for item in batch)
        fault = None
        try:
            with self._file_lock, timed_stage(_logger, "journal", self.path.stem, f"{len(batch)} line(s)"):
                if self._file.closed:  # it could not be reopened after the steps of a save were dropped
                    self._file = _open(self.path)
                self._file.seek(self._valid_bytes)
                self._file.truncate()  # an incomplete line of a failed write
                self._file.write(text)
                _sync(self._file)
                self._valid_bytes += len(text)
        except OutputError as error:
            fault = error
        except OSError as error:
            fault = _cannot_write(self.path, error)
        if fault is not None:
            _logger.warning("journal %s: %s", self.path.stem, fault)
        with self._condition:
            self.fault = fault
            if fault is None:
                del self._queue[: len(batch)]
            self._condition.notify_all()


def start_journal(path: Path, annotation: Annotation) -> Journal:
    """Return a new journal for the current state of the annotation; an existing file is replaced.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    _write_whole(path, _header(annotation.fingerprint()))
    return Journal(path)


def move_aside(path: Path) -> None:
    """Rename an existing journal.

    Raises
    ------
    OutputError
        If it cannot be renamed.
    """
    try:
        if path.exists() and path.stat().st_size > 0:
            os.replace(path, unused_name(path, "old"))
    except OSError as error:
        raise _cannot_write(path, error) from error


def unused_name(path: Path, word: str) -> Path:
    """Return an unused path beside a journal: ``a.corrections.old-1``."""
    number = 1
    while (free := path.with_name(f"{path.name}.{word}-{number}")).exists():
        number += 1
    return free


def _header(fingerprint: str) -> bytes:
    return write_line({"journal": FORMAT, "base": fingerprint})


def _write_whole(path: Path, content: bytes) -> None:
    """Replace a file atomically; it is on the disk when this returns."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            _sync(file)
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise _cannot_write(path, error) from error


def _open(path: Path) -> BinaryIO:
    try:
        file = path.open("r+b")
    except OSError as error:
        raise _cannot_write(path, error) from error
    file.seek(0, os.SEEK_END)
    return file


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
