"""What lists and tables need of every result in a folder, so that a pass over finished fields costs file times only.

The files are the truth: an entry counts only while size, time and number of its ``annotation.json`` are those that it
was made from. The SQLite file can be thrown away at any time, and is made anew from the folders; of few results there
is none, as reading them takes no time. Where it cannot be written, or is damaged, the work goes on without it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import TypeAdapter, ValidationError

from napari_cellvino.results.field_folder import FieldFolder, Stamp, stamp_of
from napari_cellvino.results.schema import FieldSummary

INDEX_NAME = ".cellvino-index.sqlite"
FEWEST = 100  # results for which an index is worth a file
VERSION = 3  # of the content of an entry
SETTLED_NS = 2_000_000_000  # what was changed so lately may change again within one tick of the disk's clock
PATIENCE_S = 5.0

_SUMMARIES: TypeAdapter[FieldSummary] = TypeAdapter(FieldSummary)

Entry = tuple[Stamp, FieldSummary]
"""The summary of a result, and the stamp of the file that it was made from."""


class FieldIndex:
    """The summaries of the results in one folder, each read once; safe for threads and beside other processes."""

    def __init__(self, root: Path) -> None:
        self._file = root / INDEX_NAME
        self._lock = Lock()
        self._entries: dict[str, Entry] = {}
        self._fresh: set[str] = set()
        self._is_loaded = False

    def load(self) -> None:
        """Take in what the file says, for those who look at many results: of one, reading it is quicker."""
        with self._lock:
            if not self._is_loaded:
                self._entries = dict(_read(self._file)) | self._entries
                self._is_loaded = True

    def summary(self, folder: Path) -> FieldSummary:
        """Return the summary of a result in the folder.

        Raises
        ------
        ImageReadError
            If it cannot be read.
        """
        found = self.find(folder)
        return FieldSummary.of(FieldFolder(folder).result) if found is None else found

    def find(self, folder: Path) -> FieldSummary | None:
        """Return the summary of a result in the folder, None where there is none; the errors are those of `summary`."""
        stamp = stamp_of(folder)
        if stamp is None:
            return None
        with self._lock:
            entry = self._entries.get(folder.name)
        if entry is not None and entry[0] == stamp:
            return entry[1]
        summary = FieldSummary.of(FieldFolder(folder).result)
        if _is_settled(stamp, SETTLED_NS // 40):
            self._put(folder.name, stamp, summary)
        return summary

    def enter(self, folder: Path, summary: FieldSummary) -> None:
        """Take the summary of a result that was just written."""
        stamp = stamp_of(folder)
        if stamp is not None:
            self._put(folder.name, stamp, summary)

    def entry(self, folder: Path) -> Entry | None:
        """Return what is known of a result; its file is not looked at."""
        with self._lock:
            return self._entries.get(folder.name)

    def take(self, folder: Path, entry: Entry) -> None:
        """Take in what another process knows of a result, as it wrote it."""
        self._put(folder.name, *entry)

    def save(self, there: Iterable[str] | None = None) -> None:
        """Write what is new to the file, where there are enough results; forget what is not among ``there``."""
        with self._lock:
            entries = self._entries
            gone = set[str]() if there is None else entries.keys() - set(there)
            for name in gone:
                del entries[name]
            fresh = {n for n in self._fresh if n in entries and _is_settled(entries[n][0], SETTLED_NS)}
            if len(entries) < FEWEST or not (fresh or gone):
                return
            rows = [(name, *entries[name][0], _dumped(entries[name][1])) for name in sorted(fresh)]
            self._fresh -= fresh
        _write(self._file, rows, gone)

    def _put(self, name: str, stamp: Stamp, summary: FieldSummary) -> None:
        with self._lock:
            self._entries[name] = (stamp, summary)
            self._fresh.add(name)


def _is_settled(stamp: Stamp, age_ns: int) -> bool:
    return abs(time.time_ns() - stamp[1]) > age_ns


def _dumped(summary: FieldSummary) -> str:
    return _SUMMARIES.dump_json(summary).decode()


def _read(file: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the entries of an index; none where there is none, or it is of another version or damaged."""
    if not file.is_file():
        return
    rows: list[Any] = []

    def read(db: sqlite3.Connection) -> None:
        rows.extend(db.execute("SELECT name, size, modified_ns, number, summary FROM fields"))

    _with(file, read)
    for name, size, modified_ns, number, text in rows:
        with suppress(ValidationError):
            yield name, ((size, modified_ns, number), _SUMMARIES.validate_json(text))


def _write(file: Path, rows: Sequence[tuple[object, ...]], gone: set[str]) -> None:
    def write(db: sqlite3.Connection) -> None:
        db.executemany("INSERT OR REPLACE INTO fields VALUES (?, ?, ?, ?, ?)", rows)
        db.executemany("DELETE FROM fields WHERE name = ?", [(name,) for name in sorted(gone)])

    _with(file, write)


def _with(file: Path, work: Callable[[sqlite3.Connection], None]) -> None:
    """Do something with an index of this version; a damaged one is removed, and one that is busy is passed over."""
    try:
        with _opened(file) as db:
            work(db)
    except sqlite3.OperationalError:  # busy, full, read-only: the files are read instead
        return
    except (sqlite3.DatabaseError, OverflowError):
        with suppress(OSError):
            file.unlink()


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, timeout=PATIENCE_S)) as db, db:
        if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            db.execute("DROP TABLE IF EXISTS fields")
            db.execute(
                "CREATE TABLE fields (name TEXT PRIMARY KEY, size INTEGER, modified_ns INTEGER, number INTEGER,"
                " summary TEXT) WITHOUT ROWID"
            )
            db.execute(f"PRAGMA user_version = {VERSION}")
        yield db
