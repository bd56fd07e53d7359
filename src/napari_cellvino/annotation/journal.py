"""Every step goes to a file at once, so that a crash or a power cut loses none of it.

The file is only ever added to, by a thread of its own, so that no edit waits for the disk; each batch is forced to the
disk before the next. A save leaves a mark in the file before the result is replaced, and what stands before the mark
is dropped after: whenever the power fails, the file goes with the result from before the save or with the one after.
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
RETRY_S = 1.0  # until a line that could not be written is tried again


class Journal:
    """An open journal file; what is appended is on the disk within a second.

    Parameters
    ----------
    path
        A file that holds a whole journal, as `start_journal` writes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault: OutputError | None = None
        self._file = _open(path)
        self._good = self._file.tell()
        self._disk = threading.Lock()
        self._waiting: list[dict[str, object] | Event] = []
        self._dropped = 0
        self._steps = sum("step" in (read_line(line) or {}) for line in path.read_bytes().splitlines(keepends=True))
        self._news = threading.Condition()
        self._closing = False
        self._writer = threading.Thread(target=self._write_all, name="cellvino-journal", daemon=True)
        self._writer.start()

    @property
    def steps(self) -> int:
        """Number of steps, from those that were in the file when it was opened."""
        return self._steps

    def append(self, event: Event) -> None:
        """Have a step written; if that fails, ``fault`` says why and it is tried again."""
        self._put(event)

    def mark_saving(self, fingerprint: str, steps: int) -> None:
        """Note, on the disk, that the annotation is about to be saved as it was after so many steps.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        self._put({"saved": fingerprint, "after": steps - self._dropped})
        self.flush()

    def flush(self) -> None:
        """Wait until everything is on the disk.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        with self._news:
            self._news.wait_for(lambda: not self._waiting or self.fault is not None)
            if self.fault is not None:
                raise self.fault

    def drop_saved(self, fingerprint: str, steps: int, path: Path | None = None) -> None:
        """Drop the steps of a save that succeeded: as many as it was marked with.

        ``path`` is where the journal goes on: beside a result that was saved elsewhere. What stood there is set aside.

        Raises
        ------
        OutputError
            If it cannot be written; the file is as it was then, and still good.
        """
        self.flush()
        with self._disk:
            try:
                lines = self.path.read_bytes().splitlines(keepends=True)
            except OSError as error:
                raise _cannot_write(self.path, error) from error
            later = [line for line in lines if "step" in (read_line(line) or {})][steps - self._dropped :]
            content = b"".join([_header(fingerprint), *later])
            self._file.close()
            try:
                self._replace(content, path or self.path)
                self._dropped, self._good = steps, len(content)
            finally:
                self._file = _open(self.path)

    def _replace(self, content: bytes, path: Path) -> None:
        """Write the whole journal, to another path where it goes on there."""
        if path == self.path:
            _write_whole(path, content)
            return
        set_aside(path)
        _write_whole(path, content)
        before, self.path = self.path, path
        with suppress(OSError):
            before.unlink()

    def close(self) -> None:
        """Write what waits, if that is possible, and close the file."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._writer.join()
        self._file.close()

    def _put(self, content: dict[str, object] | Event) -> None:
        with self._news:
            self._waiting.append(content)
            self._steps += isinstance(content, Event)
            self._news.notify_all()

    def _write_all(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closing)
                batch = list(self._waiting)
            if batch:
                self._write_batch(batch)
            with self._news:
                if self._closing and (not self._waiting or self.fault is not None):
                    return
                if self.fault is not None:
                    self._news.wait_for(lambda: self._closing, timeout=RETRY_S)

    def _write_batch(self, batch: list[dict[str, object] | Event]) -> None:
        text = b"".join(write_line(event_dict(item) if isinstance(item, Event) else item) for item in batch)
        fault = None
        try:
            with self._disk, timed_stage(_logger, "journal", self.path.stem, f"{len(batch)} line(s)"):
                if self._file.closed:  # it was away when the steps of a save were dropped
                    self._file = _open(self.path)
                self._file.seek(self._good)
                self._file.truncate()  # half a line from a try that failed
                self._file.write(text)
                _force(self._file)
                self._good += len(text)
        except OutputError as error:
            fault = error
        except OSError as error:
            fault = _cannot_write(self.path, error)
        if fault is not None:
            _logger.warning("journal %s: %s", self.path.stem, fault)
        with self._news:
            self.fault = fault
            if fault is None:
                del self._waiting[: len(batch)]
            self._news.notify_all()


def start_journal(path: Path, annotation: Annotation) -> Journal:
    """Return a new journal for the annotation as it is now; a file that was there is replaced.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    _write_whole(path, _header(annotation.fingerprint()))
    return Journal(path)


def set_aside(path: Path) -> None:
    """Keep a journal that is there under another name.

    Raises
    ------
    OutputError
        If it cannot be renamed.
    """
    try:
        if path.exists() and path.stat().st_size > 0:
            os.replace(path, free_name(path, "old"))
    except OSError as error:
        raise _cannot_write(path, error) from error


def free_name(path: Path, word: str) -> Path:
    """Return a name beside a journal that nothing has: ``a.corrections.old-1``."""
    number = 1
    while (free := path.with_name(f"{path.name}.{word}-{number}")).exists():
        number += 1
    return free


def _header(fingerprint: str) -> bytes:
    return write_line({"journal": FORMAT, "base": fingerprint})


def _write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step, on the disk when this returns."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            _force(file)
        os.replace(part, path)
        _force_name(path.parent)
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


def _force(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _force_name(folder: Path) -> None:
    """Have the system write the folder too, where it lets one: else a new file may have no name after a power cut."""
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
