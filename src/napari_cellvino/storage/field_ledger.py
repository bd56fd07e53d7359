"""The ledger of fields: which are run, by whom, which are done or failed, and what a person said of them.

It stands in the same file as the jobs of a watch. A field that runs is leased to a worker, so that two runs over one
folder of results share its work; what a worker that is gone had begun is taken up by the next that comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from pathlib import Path

from napari_cellvino.core.errors import OptionError
from napari_cellvino.storage.ledger_file import LedgerFile, is_gone


class FieldState(StrEnum):
    """What became of a field so far; ``accepted`` and ``rejected`` are a person's words on one that is done."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FieldRecord:
    """One field and what became of it.

    Attributes
    ----------
    name
        Of its folder of results; of an image that could not be opened, its path.
    file, position, frame, plate, well, field
        Where its pixels are from.
    state, stage, attempts, error
        How it stands, what was done when it failed, how often it was tried, and why it failed with the remedy.
    review
        ``accepted``, ``rejected`` or empty: what a person said of the result.
    cells, seconds
        What was counted, and how long it took.
    host, worker, version
        Which computer and process ran it, with which version of this program.
    recipe, image, model
        Fingerprint of the recipe, size and time of the image, hashes of the models.
    heartbeat, started, ended
        Times in seconds since 1970, 0 where there is none.
    """

    name: str
    file: str = ""
    position: str = ""
    frame: str = ""
    plate: str = ""
    well: str = ""
    field: str = ""
    state: str = FieldState.WAITING.value
    review: str = ""
    stage: str = ""
    attempts: int = 0
    error: str = ""
    cells: int = 0
    seconds: float = 0.0
    host: str = ""
    worker: str = ""
    version: str = ""
    recipe: str = ""
    image: str = ""
    model: str = ""
    heartbeat: float = 0.0
    started: float = 0.0
    ended: float = 0.0

    @property
    def shown_state(self) -> FieldState:
        """How it stands for a person: what was said of a result that is done counts."""
        return FieldState(self.review if self.review and self.state == FieldState.DONE else self.state)

    def as_dict(self) -> dict[str, object]:
        """Return plain values, for JSON and CSV."""
        return {column: getattr(self, column) for column in COLUMNS} | {"state": self.shown_state.value}


COLUMNS = tuple(f.name for f in fields(FieldRecord))
_PLACES = ", ".join("?" * len(COLUMNS))
_UPDATES = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:] if column != "review")
_ENTER = f"INSERT INTO fields VALUES ({_PLACES}) ON CONFLICT (name) DO UPDATE SET {_UPDATES}"


class FieldLedger:
    """The ledger of the fields in one folder of results; safe for threads and beside other processes.

    Parameters
    ----------
    root
        The folder of results.
    """

    def __init__(self, root: Path) -> None:
        self._ledger = LedgerFile(root, _tables())
        self.path = self._ledger.path

    def kept_open(self) -> AbstractContextManager[None]:
        """Return a context in which changes take no time of the disk; `OutputError` if the file cannot be written."""
        return self._ledger.kept_open()

    def begin(self, record: FieldRecord, now: float) -> bool:
        """Lease a field to the record's worker and return True; False while another living worker has it."""
        with self._ledger.changing() as db:
            before = db.execute(
                "SELECT state, worker, heartbeat, attempts, review FROM fields WHERE name = ?", (record.name,)
            ).fetchone()
            state, worker, heartbeat, attempts, review = before or ("", "", 0.0, 0, "")
            if state == FieldState.RUNNING and worker != record.worker and not is_gone(worker, heartbeat, now):
                return False
            begun = {**_plain(record), "state": "running", "attempts": attempts + 1, "review": review}
            begun |= {"heartbeat": now, "started": now}
            db.execute(f"INSERT OR REPLACE INTO fields VALUES ({_PLACES})", tuple(begun.values()))
            unopened = f"{record.file} {record.position}".strip()
            if record.name != unopened:  # it could not be opened before, and had no folder
                db.execute("DELETE FROM fields WHERE name = ?", (unopened,))
        return True

    def enter(self, records: Iterable[FieldRecord]) -> None:
        """Enter what is known of fields already; what a person said of one before stays."""
        with self._ledger.changing() as db:
            db.executemany(_ENTER, [astuple(record) for record in records])

    def end(self, name: str, **changes: object) -> None:
        """Enter what became of a field."""
        columns = ", ".join(f"{column} = ?" for column in changes)
        with self._ledger.changing() as db:
            db.execute(f"UPDATE fields SET {columns}, worker = '' WHERE name = ?", (*changes.values(), name))

    def forget(self, names: Iterable[str]) -> None:
        """Remove fields whose results were taken back."""
        with self._ledger.changing() as db:
            db.executemany("DELETE FROM fields WHERE name = ?", [(name,) for name in names])

    def review(self, names: Sequence[str], review: FieldState) -> None:
        """Enter what a person says of results.

        Raises
        ------
        OptionError
            If a field is not done, or not in the ledger.
        """
        known = {record.name: record for record in self.records()}
        for name in names:
            if name not in known or known[name].state != FieldState.DONE:
                stands = f"is {known[name].state}" if name in known else "is not known"
                raise OptionError(
                    f"the field {name} in {self.path.parent} {stands}; only fields that are done are judged"
                )
        with self._ledger.changing() as db:
            db.executemany("UPDATE fields SET review = ? WHERE name = ?", [(review.value, name) for name in names])

    def beat(self, worker: str, now: float) -> None:
        """Renew the leases of a worker."""
        with self._ledger.changing() as db:
            db.execute("UPDATE fields SET heartbeat = ? WHERE worker = ? AND state = 'running'", (now, worker))

    def give_back(self, worker: str, before: Mapping[str, FieldRecord] | None = None) -> None:
        """Let others take the fields that a worker has begun and not ended; the attempt does not count.

        Those of ``before``, by the name they were begun with, stand again as they stood then.
        """
        theirs = "worker = ? AND state = 'running'"
        with self._ledger.changing() as db:
            held = {name for (name,) in db.execute(f"SELECT name FROM fields WHERE {theirs}", (worker,))}
            changes = "state = 'waiting', worker = '', attempts = MAX(attempts - 1, 0)"
            db.execute(f"UPDATE fields SET {changes} WHERE {theirs}", (worker,))
            stood = {name: record for name, record in (before or {}).items() if name in held}
            renamed = [(name,) for name, record in stood.items() if name != record.name]
            db.executemany("DELETE FROM fields WHERE name = ?", renamed)
            db.executemany(_ENTER, [astuple(record) for record in stood.values()])

    def records(self, states: Iterable[FieldState] = ()) -> list[FieldRecord]:
        """Return all fields, or those of some states, by name."""
        wanted = set(states)
        with self._ledger.reading() as db:
            found = [FieldRecord(*row) for row in db.execute("SELECT * FROM fields ORDER BY name")]
        return [record for record in found if not wanted or record.shown_state in wanted]

    def rejected(self) -> list[FieldRecord]:
        """Return the fields that a person rejected and that were not run again since, by name."""
        asked = "SELECT * FROM fields WHERE review = ? AND state = ? ORDER BY name"
        with self._ledger.reading() as db:
            return [FieldRecord(*row) for row in db.execute(asked, (FieldState.REJECTED.value, FieldState.DONE.value))]


def _plain(record: FieldRecord) -> dict[str, object]:
    return {column: getattr(record, column) for column in COLUMNS}


def _tables() -> tuple[str, ...]:
    kinds = {int: "INTEGER", float: "REAL"}
    shape = FieldRecord("")
    columns = ", ".join(f"{name} {kinds.get(type(getattr(shape, name)), 'TEXT')}" for name in COLUMNS[1:])
    return (f"CREATE TABLE IF NOT EXISTS fields (name TEXT PRIMARY KEY, {columns}) WITHOUT ROWID",)
