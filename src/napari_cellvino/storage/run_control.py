"""What another process asks of the runs over a folder of results: to begin nothing further, to go on, or to end.

It stands in the ledger of the folder. A run over several plates fills folders inside one; what is asked there holds for
each of them, so that a run also looks at the ledger of the folder above its own.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from napari_cellvino.storage.ledger_file import LEDGER_NAME, LedgerFile

ORDERS_EVERY_S = 0.5
PAUSED, ENDED = "runs_paused", "runs_ended"
_TABLES = ("CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT)",)


class RunControl:
    """What is asked of the runs over one folder of results.

    Parameters
    ----------
    root
        The folder of results.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def paused(self) -> bool:
        """Whether runs are to begin nothing further; what runs goes on."""
        return _asked(self._root, PAUSED) is not None

    @paused.setter
    def paused(self, paused: bool) -> None:
        self._write(PAUSED, "1" if paused else None)

    def end_runs(self, now: float) -> None:
        """Let the runs that were begun before ``now`` (seconds since 1970) begin nothing further, and end."""
        self._write(ENDED, repr(now))

    def is_ended(self, began: float) -> bool:
        """Return whether a run that began at ``began`` is to end."""
        try:
            return float(_asked(self._root, ENDED) or 0.0) > began
        except ValueError:
            return False

    def _write(self, name: str, value: str | None) -> None:
        """Write, or remove, what is asked; `OutputError` if the ledger cannot be written."""
        with LedgerFile(self._root, _TABLES).changing() as db:
            db.execute("DELETE FROM settings WHERE name = ?", (name,))
            if value is not None:
                db.execute("INSERT INTO settings VALUES (?, ?)", (name, value))


class RunOrders:
    """What is asked of one run, looked at now and then: a run asks before each field.

    Parameters
    ----------
    folders
        The folders whose ledgers hold for the run.
    clock
        Returns seconds since 1970.
    """

    def __init__(self, folders: Iterable[Path], clock: Callable[[], float] = time.time) -> None:
        self._controls = [RunControl(folder) for folder in folders]
        self._began, self._due, self._halted = clock(), 0.0, False

    @property
    def halted(self) -> bool:
        """Whether the run is to begin nothing further now."""
        if time.monotonic() >= self._due:
            self._halted = self.ended or any(control.paused for control in self._controls)
            self._due = time.monotonic() + ORDERS_EVERY_S
        return self._halted

    @property
    def ended(self) -> bool:
        """Whether the run is to end."""
        return any(control.is_ended(self._began) for control in self._controls)


def _asked(root: Path, name: str) -> str | None:
    """Return what is asked, None for nothing. The file is only read: it may be of another program."""
    path = root / LEDGER_NAME
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as db:
            row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    except sqlite3.Error:  # it has no such table, or cannot be read just now
        return None
    return None if row is None else str(row[0])
