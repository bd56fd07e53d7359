"""What was found in the inputs of runs, by their paths, so that a run over finished fields opens none of them again.

It stands in the ledger of the folder of results. Nothing of it is needed: where it is lost, inputs are opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from napari_cellvino.storage.ledger_file import LedgerFile

FEW = 100  # inputs that are asked for one by one
_TABLES = (
    "CREATE TABLE IF NOT EXISTS inputs (choices TEXT, path TEXT, stamp TEXT, settled INTEGER, fields TEXT,"
    " PRIMARY KEY (choices, path)) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One input as it was when it was opened.

    Attributes
    ----------
    path
        The input.
    stamp
        What the disk said of it.
    settled
        Whether it had not been changed for a while, so that a later change has another stamp.
    fields
        Its fields as JSON; empty where it has to be opened to know them.
    """

    path: str
    stamp: str
    settled: bool
    fields: str


class InputLedger:
    """What is known of the inputs of runs into one folder of results; safe beside other processes.

    Parameters
    ----------
    root
        The folder of results.
    """

    def __init__(self, root: Path) -> None:
        self._ledger = LedgerFile(root, _TABLES)

    def records(self, choices: str, paths: Sequence[str]) -> dict[str, InputRecord]:
        """Return what runs with some choices have found in inputs, by paths; `OutputError` if it cannot be read.

        Of few inputs, as a watch has them, only their rows are read.
        """
        few = len(paths) <= FEW
        only = f" AND path IN ({', '.join('?' * len(paths))})" if few else ""
        with self._ledger.reading() as db:
            asked = f"SELECT path, stamp, settled, fields FROM inputs WHERE choices = ?{only}"
            rows = db.execute(asked, (choices, *(paths if few else ())))
            return {path: InputRecord(path, stamp, bool(settled), fields) for path, stamp, settled, fields in rows}

    def enter(self, choices: str, records: Iterable[InputRecord]) -> None:
        """Enter what a run with some choices has found; `OutputError` if it cannot be written."""
        with self._ledger.changing() as db:
            rows = [(choices, *astuple(record)) for record in records]
            db.executemany("INSERT OR REPLACE INTO inputs VALUES (?, ?, ?, ?, ?)", rows)
