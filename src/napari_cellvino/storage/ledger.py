"""The ledger of jobs: which inputs wait, run, are done, failed or were rejected, and why.

One SQLite file beside the results, in WAL mode where the disk allows it; every change is one transaction, so that
several processes share it. A job that runs is leased to a worker, which renews the lease; the jobs of a worker that is
gone are taken up by another. Results on disk stay the truth for pixels: a ledger that is lost or damaged is begun
anew, and results that stand already are found again by the run.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from napari_cellvino.core.errors import OptionError, OutputError

LEDGER_NAME = "ledger.sqlite"
VERSION = 1
PATIENCE_S = 30.0  # for another process that writes just now
LEASE_S = 300.0  # after which a worker that was not heard of is taken for gone

_Stamp = tuple[int, int]


class JobState(StrEnum):
    """What became of a job so far."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


ENDED = (JobState.DONE, JobState.ACCEPTED, JobState.REJECTED, JobState.FAILED, JobState.SKIPPED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Job:
    """One input and what became of it.

    Attributes
    ----------
    source, kind
        Absolute path of the image file, image folder or plate, and whether it is an ``image`` or a ``plate``.
    size, modified_ns
        Of the input when it was queued: an input that changed later is queued again.
    rule, results
        The rule that took it, and the folder of its results.
    recipe
        A recipe file that replaces the rule's, after a rejection; else empty.
    state, error, attempts, retry_at
        How it stands; why it failed or was skipped; how often it was tried, and when it may be again (seconds since
        1970, 0 at once).
    attributes
        What the rule read from the name.
    fields, failed, cells
        Fields of the input, those that failed, and the cells counted in the others.
    digest, fingerprint, version
        Hash of the content, of the recipe, and the version that ran it.
    worker, heartbeat
        Who runs it, and when that was last heard of.
    queued, started, ended
        Times in seconds since 1970, 0 where there is none.
    """

    source: str
    kind: str = "image"
    size: int = 0
    modified_ns: int = 0
    rule: str = ""
    results: str = ""
    recipe: str = ""
    state: JobState = JobState.WAITING
    error: str = ""
    attempts: int = 0
    retry_at: float = 0.0
    attributes: Mapping[str, object] = field(default_factory=dict)
    fields: int = 0
    failed: int = 0
    cells: int = 0
    digest: str = ""
    fingerprint: str = ""
    version: str = ""
    worker: str = ""
    heartbeat: float = 0.0
    queued: float = 0.0
    started: float = 0.0
    ended: float = 0.0

    @property
    def stamp(self) -> _Stamp:
        """Size and time of the input as they were queued."""
        return self.size, self.modified_ns

    def as_dict(self) -> dict[str, object]:
        """Return plain values, for JSON and CSV."""
        return {column: getattr(self, column) for column in COLUMNS} | {"state": self.state.value}


COLUMNS = tuple(f.name for f in fields(Job))


class Ledger:
    """The ledger of one folder of results; safe for threads and beside other processes.

    Parameters
    ----------
    root
        The folder of results; it is made with the first job.
    """

    def __init__(self, root: Path) -> None:
        self.file = root / LEDGER_NAME

    def queue(self, job: Job) -> bool:
        """Enter a job as waiting and return True, unless its input is known and has not changed."""
        with self._changing() as db:
            known = db.execute("SELECT size, modified_ns FROM jobs WHERE source = ?", (job.source,)).fetchone()
            if known == job.stamp:
                return False
            values = {**job.as_dict(), "state": JobState.WAITING.value, "attributes": _dumped(job.attributes)}
            db.execute(f"INSERT OR REPLACE INTO jobs VALUES ({', '.join('?' * len(COLUMNS))})", tuple(values.values()))
        return True

    def claim(self, most: int, worker: str, now: float) -> list[Job]:
        """Lease up to ``most`` waiting jobs of one rule and folder of results, the first queued first; often none."""
        with self._changing() as db:
            waiting = "state = 'waiting' AND retry_at <= ?"
            order = "ORDER BY queued, source"
            first = db.execute(f"SELECT * FROM jobs WHERE {waiting} {order} LIMIT 1", (now,)).fetchone()
            if first is None:
                return []
            alike = (now, (job := _job(first)).rule, job.results, job.recipe, most)
            rows = db.execute(
                f"SELECT * FROM jobs WHERE {waiting} AND rule = ? AND results = ? AND recipe = ? {order} LIMIT ?", alike
            ).fetchall()
            jobs = [_job(row) for row in rows]
            changes = "state = 'running', attempts = attempts + 1, worker = ?, heartbeat = ?, started = ?, error = ''"
            db.executemany(
                f"UPDATE jobs SET {changes} WHERE source = ?", [(worker, now, now, job.source) for job in jobs]
            )
        return self.find([job.source for job in jobs])

    def beat(self, worker: str, now: float) -> None:
        """Renew the leases of a worker."""
        with self._changing() as db:
            db.execute("UPDATE jobs SET heartbeat = ? WHERE worker = ? AND state = 'running'", (now, worker))

    def update(self, sources: Sequence[str], **changes: object) -> None:
        """Change columns of some jobs.

        Raises
        ------
        OptionError
            If a job is not in the ledger.
        """
        self.find(sources)
        values = [_plain(value) for value in changes.values()]
        columns = ", ".join(f"{column} = ?" for column in changes)
        with self._changing() as db:
            db.executemany(f"UPDATE jobs SET {columns} WHERE source = ?", [(*values, source) for source in sources])

    def give_back(self, worker: str) -> None:
        """Let other workers take the jobs that a worker has not ended; an attempt that was stopped does not count."""
        with self._changing() as db:
            self._free(db, "worker = ?", (worker,))

    def take_up(self, now: float) -> int:
        """Free the jobs of workers that are gone, and return how many there are."""
        with self._changing() as db:
            running = db.execute("SELECT DISTINCT worker, heartbeat FROM jobs WHERE state = 'running'").fetchall()
            gone = [worker for worker, heartbeat in running if _is_gone(worker, heartbeat, now)]
            return sum(self._free(db, "worker = ?", (worker,)) for worker in gone)

    def find(self, sources: Sequence[str]) -> list[Job]:
        """Return the jobs of these inputs, in their order.

        Raises
        ------
        OptionError
            If one is not in the ledger.
        """
        with self._reading() as db:
            found = [db.execute("SELECT * FROM jobs WHERE source = ?", (s,)).fetchone() for s in sources]
        missing = [source for source, row in zip(sources, found, strict=True) if row is None]
        if missing:
            raise OptionError(f"{missing[0]} is no job of {self.file}; 'cellvino jobs list' shows all of them")
        return [_job(row) for row in found]

    def jobs(self, states: Iterable[JobState] = ()) -> list[Job]:
        """Return all jobs, or those of some states, in the order in which they were queued."""
        wanted = tuple(state.value for state in states)
        where = f"WHERE state IN ({', '.join('?' * len(wanted))})" if wanted else ""
        with self._reading() as db:
            return [_job(row) for row in db.execute(f"SELECT * FROM jobs {where} ORDER BY queued, source", wanted)]

    def stamps(self) -> dict[str, _Stamp]:
        """Return size and time of every input that is known."""
        with self._reading() as db:
            return {source: (size, at) for source, size, at in db.execute("SELECT source, size, modified_ns FROM jobs")}

    def twin(self, job: Job) -> str:
        """Return another input of the same content that the same recipe was done on, or an empty text."""
        ended = "state IN ('done', 'accepted')"
        with self._reading() as db:
            row = db.execute(
                f"SELECT source FROM jobs WHERE digest = ? AND fingerprint = ? AND source != ? AND {ended} LIMIT 1",
                (job.digest, job.fingerprint, job.source),
            ).fetchone()
        return str(row[0]) if row else ""

    @property
    def paused(self) -> bool:
        """Whether no further job is to be begun; what runs goes on."""
        with self._reading() as db:
            return bool(db.execute("SELECT 1 FROM settings WHERE name = 'paused'").fetchone())

    @paused.setter
    def paused(self, paused: bool) -> None:
        with self._changing() as db:
            db.execute("DELETE FROM settings WHERE name = 'paused'")
            if paused:
                db.execute("INSERT INTO settings VALUES ('paused', '1')")

    def _free(self, db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> int:
        changes = "state = 'waiting', worker = '', attempts = MAX(attempts - 1, 0)"
        return db.execute(f"UPDATE jobs SET {changes} WHERE state = 'running' AND {where}", values).rowcount

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction that holds the right to write."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self._connected() as db:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.rollback()
                    raise
                db.commit()
        except OutputError:
            raise
        except (sqlite3.OperationalError, OSError) as error:
            raise OutputError(
                f"{self.file} cannot be written: {error}; check its disk, or choose another folder"
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if not self.file.is_file():
            with closing(sqlite3.connect(":memory:")) as db:
                _create(db)
                yield db
            return
        try:
            with self._connected() as db:
                yield db
        except sqlite3.OperationalError as error:
            raise OutputError(f"{self.file} cannot be read: {error}; another program may hold it") from error

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        db = self._opened()
        with closing(db):
            yield db

    def _opened(self) -> sqlite3.Connection:
        """Return a connection to a ledger of this version; one that is damaged is put aside and begun anew."""
        for _ in range(2):
            db = sqlite3.connect(self.file, timeout=PATIENCE_S, isolation_level=None)
            try:
                _prepare(db, self.file)
                return db
            except sqlite3.OperationalError:
                db.close()
                raise
            except sqlite3.DatabaseError:
                db.close()
                self._put_aside()
        raise OutputError(f"{self.file} is damaged and cannot be replaced; move it away")

    def _put_aside(self) -> None:
        with suppress(OSError):
            self.file.replace(self.file.with_name(f"{LEDGER_NAME}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"))
        for ending in ("-wal", "-shm"):
            with suppress(OSError):
                Path(f"{self.file}{ending}").unlink()


def this_worker() -> str:
    """Return a name for this process: its computer, its number and when it began."""
    began = int(psutil.Process().create_time() * 1000)
    return f"{socket.gethostname()}|{os.getpid()}|{began}"


def _is_gone(worker: str, heartbeat: float, now: float) -> bool:
    """Return whether a worker does not live any more; of another computer, whether it has not been heard of."""
    host, _, rest = worker.partition("|")
    pid, _, began = rest.partition("|")
    if host != socket.gethostname() or not (pid.isdecimal() and began.isdecimal()):
        return now - heartbeat > LEASE_S
    try:
        return int(psutil.Process(int(pid)).create_time() * 1000) != int(began)
    except psutil.Error:
        return True


def _prepare(db: sqlite3.Connection, file: Path) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise OutputError(f"{file} is of a later version of CellVINO; use that version")
    if version < VERSION:
        db.execute("PRAGMA journal_mode = WAL")
        with db:
            db.execute("BEGIN IMMEDIATE")
            _create(db)
    db.execute("PRAGMA synchronous = NORMAL")


def _create(db: sqlite3.Connection) -> None:
    kinds = {int: "INTEGER", float: "REAL"}
    shape = Job("")
    columns = ", ".join(f"{name} {kinds.get(type(getattr(shape, name)), 'TEXT')}" for name in COLUMNS[1:])
    db.execute(f"CREATE TABLE IF NOT EXISTS jobs (source TEXT PRIMARY KEY, {columns}) WITHOUT ROWID")
    db.execute("CREATE INDEX IF NOT EXISTS by_state ON jobs (state, retry_at, queued)")
    db.execute("CREATE INDEX IF NOT EXISTS by_digest ON jobs (digest)")
    db.execute("CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT)")
    db.execute(f"PRAGMA user_version = {VERSION}")


def _job(row: Sequence[Any]) -> Job:
    values = dict(zip(COLUMNS, row, strict=True))
    return Job(**values | {"state": JobState(values["state"]), "attributes": json.loads(values["attributes"])})


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    return _dumped(value) if isinstance(value, Mapping) else value


def _dumped(attributes: Mapping[str, object]) -> str:
    return json.dumps(attributes, sort_keys=True, default=str)
