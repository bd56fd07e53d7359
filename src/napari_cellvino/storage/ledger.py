"""The ledger of jobs: which inputs wait, run, are done, failed or were rejected, and why.

One SQLite file beside the results, in WAL mode where the disk allows it; every change is one transaction, so that
several processes share it. A job that runs is leased to a worker, which renews the lease; the jobs of a worker that is
gone are taken up by another. Results on disk stay the truth for pixels: a ledger that is lost or damaged is begun
anew, and results that stand already are found again by the run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from napari_cellvino.core.errors import OptionError
from napari_cellvino.storage.ledger_file import LedgerFile, is_gone

DEATHS = 5  # of workers in the middle of a job, after which it has failed
_DEADLY = (
    f"{DEATHS} times the process that ran it ended in the middle; the system may have ended it for the memory it took: "
    "use a computer with more, and queue it again"
)
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
        self._ledger = LedgerFile(root, _tables())
        self.file = self._ledger.path

    def queue(self, job: Job) -> bool:
        """Enter a job as waiting and return True, unless its input is known and has not changed.

        Copies of an input that was replaced by other content are not done any more, and wait, too.
        """
        with self._ledger.changing() as db:
            known = db.execute("SELECT size, modified_ns, digest FROM jobs WHERE source = ?", (job.source,)).fetchone()
            if known and known[:2] == job.stamp:
                return False
            if known and known[2]:
                again = "state = 'waiting', error = ''"
                db.execute(f"UPDATE jobs SET {again} WHERE state = 'skipped' AND digest = ?", (known[2],))
            _enter(db, replace(job, state=JobState.WAITING))
        return True

    def pass_over(self, jobs: Iterable[Job], why: str) -> None:
        """Enter inputs that are not run by themselves, and why; what was known of them is gone."""
        with self._ledger.changing() as db:
            for job in jobs:
                _enter(db, replace(job, state=JobState.SKIPPED, error=why))

    def claim(self, most: int, worker: str, now: float) -> list[Job]:
        """Lease up to ``most`` waiting jobs of one rule and folder of results, the first queued first; often none.

        One whose last attempt lies in the future, as the clock was set back, does not wait for the next. One that was
        tried before is run alone: it may have ended the worker.
        """
        with self._ledger.changing() as db:
            waiting = "state = 'waiting' AND (retry_at <= ?1 OR ended > ?1)"
            order = "ORDER BY queued, source"
            first = db.execute(f"SELECT * FROM jobs WHERE {waiting} {order} LIMIT 1", (now,)).fetchone()
            if first is None:
                return []
            alike = (now, (job := _job(first)).rule, job.results, job.recipe, most)
            same = "rule = ?2 AND results = ?3 AND recipe = ?4 AND attempts = 0"
            asked = f"SELECT * FROM jobs WHERE {waiting} AND {same} {order} LIMIT ?5"
            rows = [first] if job.attempts else db.execute(asked, alike).fetchall()
            jobs = [_job(row) for row in rows]
            changes = "state = 'running', attempts = attempts + 1, worker = ?, heartbeat = ?, started = ?, error = ''"
            db.executemany(
                f"UPDATE jobs SET {changes} WHERE source = ?", [(worker, now, now, job.source) for job in jobs]
            )
        return self.find([job.source for job in jobs])

    def beat(self, worker: str, now: float) -> None:
        """Renew the leases of a worker."""
        with self._ledger.changing() as db:
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
        with self._ledger.changing() as db:
            db.executemany(f"UPDATE jobs SET {columns} WHERE source = ?", [(*values, source) for source in sources])

    def give_back(self, worker: str) -> None:
        """Let other workers take the jobs that a worker has not ended; an attempt that was stopped does not count."""
        changes = "state = 'waiting', worker = '', attempts = MAX(attempts - 1, 0)"
        with self._ledger.changing() as db:
            db.execute(f"UPDATE jobs SET {changes} WHERE state = 'running' AND worker = ?", (worker,))

    def take_up(self, now: float) -> int:
        """Free the jobs of workers that are gone, and return how many there are; one that has ended many has failed."""
        with self._ledger.changing() as db:
            running = db.execute("SELECT DISTINCT worker, heartbeat FROM jobs WHERE state = 'running'").fetchall()
            gone = [(worker,) for worker, heartbeat in running if is_gone(worker, heartbeat, now)]
            held = "state = 'running' AND worker = ?"
            failed = f"state = 'failed', failed = 1, error = '{_DEADLY}', ended = {now}, worker = ''"
            db.executemany(f"UPDATE jobs SET {failed} WHERE {held} AND attempts >= {DEATHS}", gone)
            return db.executemany(f"UPDATE jobs SET state = 'waiting', worker = '' WHERE {held}", gone).rowcount

    def find(self, sources: Sequence[str]) -> list[Job]:
        """Return the jobs of these inputs, in their order.

        Raises
        ------
        OptionError
            If one is not in the ledger.
        """
        found = self.known(sources)
        missing = set(sources) - {job.source for job in found}
        if missing:
            raise OptionError(f"{min(missing)} is no job of {self.file}; 'cellvino jobs list' shows all of them")
        return found

    def known(self, sources: Iterable[str]) -> list[Job]:
        """Return the jobs of those of these inputs that have one, in their order."""
        with self._ledger.reading() as db:
            found = [db.execute("SELECT * FROM jobs WHERE source = ?", (s,)).fetchone() for s in sources]
        return [_job(row) for row in found if row is not None]

    def jobs(self, states: Iterable[JobState] = ()) -> list[Job]:
        """Return all jobs, or those of some states, in the order in which they were queued."""
        wanted = tuple(state.value for state in states)
        where = f"WHERE state IN ({', '.join('?' * len(wanted))})" if wanted else ""
        with self._ledger.reading() as db:
            return [_job(row) for row in db.execute(f"SELECT * FROM jobs {where} ORDER BY queued, source", wanted)]

    def stamps(self) -> dict[str, _Stamp]:
        """Return size and time of every input that is known."""
        with self._ledger.reading() as db:
            return {source: (size, at) for source, size, at in db.execute("SELECT source, size, modified_ns FROM jobs")}

    def twin(self, job: Job) -> str:
        """Return another input of the same content that the same recipe was done on, or an empty text."""
        ended = "state IN ('done', 'accepted')"
        with self._ledger.reading() as db:
            row = db.execute(
                f"SELECT source FROM jobs WHERE digest = ? AND fingerprint = ? AND source != ? AND {ended} LIMIT 1",
                (job.digest, job.fingerprint, job.source),
            ).fetchone()
        return str(row[0]) if row else ""

    @property
    def paused(self) -> bool:
        """Whether no further job is to be begun; what runs goes on."""
        return self._is_set("paused")

    @paused.setter
    def paused(self, paused: bool) -> None:
        self._set("paused", to=paused)

    @property
    def started(self) -> bool:
        """Whether a time of the schedule has come, and not everything that waited then is done."""
        return self._is_set("started")

    @started.setter
    def started(self, started: bool) -> None:
        self._set("started", to=started)

    def _is_set(self, name: str) -> bool:
        with self._ledger.reading() as db:
            return bool(db.execute("SELECT 1 FROM settings WHERE name = ?", (name,)).fetchone())

    def _set(self, name: str, *, to: bool) -> None:
        with self._ledger.changing() as db:
            db.execute("DELETE FROM settings WHERE name = ?", (name,))
            if to:
                db.execute("INSERT INTO settings VALUES (?, '1')", (name,))


def _tables() -> tuple[str, ...]:
    kinds = {int: "INTEGER", float: "REAL"}
    shape = Job("")
    columns = ", ".join(f"{name} {kinds.get(type(getattr(shape, name)), 'TEXT')}" for name in COLUMNS[1:])
    return (
        f"CREATE TABLE IF NOT EXISTS jobs (source TEXT PRIMARY KEY, {columns}) WITHOUT ROWID",
        "CREATE INDEX IF NOT EXISTS by_state ON jobs (state, retry_at, queued)",
        "CREATE INDEX IF NOT EXISTS by_digest ON jobs (digest)",
        "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT)",
    )


def _job(row: Sequence[Any]) -> Job:
    values = dict(zip(COLUMNS, row, strict=True))
    return Job(**values | {"state": JobState(values["state"]), "attributes": json.loads(values["attributes"])})


def _enter(db: sqlite3.Connection, job: Job) -> None:
    values = {**job.as_dict(), "attributes": _dumped(job.attributes)}
    db.execute(f"INSERT OR REPLACE INTO jobs VALUES ({', '.join('?' * len(COLUMNS))})", tuple(values.values()))


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    return _dumped(value) if isinstance(value, Mapping) else value


def _dumped(attributes: Mapping[str, object]) -> str:
    return json.dumps(attributes, sort_keys=True, default=str)
