"""``counts.csv``: one row for each field of a folder of results.

Runs beside each other write it too: whoever writes holds the folder, looks at what stands there now, and keeps what the
others told.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from napari_cellvino.core.errors import OutputError
from napari_cellvino.results.schema import COUNTS_NAME, FIRST_COLUMNS, Row
from napari_cellvino.storage.csv_table import open_rows, write_columns
from napari_cellvino.storage.lock import folder_lock

OURS = re.compile(  # columns that a result gives; any other is somebody's own
    rf"({'|'.join(FIRST_COLUMNS)}|rejected|excluded|notices|viability|row|column|compound|dose|control|touching_edge|"
    r"image_(low|high|noise|sharpness)|broken_along_z|(partner_)?spots|"
    r"(spots|count|density|median|mean|share|ring_ratio)_.*)$"
)
_FIXED = frozenset(FIRST_COLUMNS) - {"count"}
UNREADABLE = (OSError, ValueError, csv.Error)

Identity = tuple[str, ...]


class CountsTable:
    """The table of one folder of results.

    Parameters
    ----------
    root
        The folder of results.
    standing
        Gives the rows of all finished fields in it, as they are now.
    beside
        Whether another run may be at work in the folder: then rows of fields that failed in it stay.
    """

    def __init__(self, root: Path, standing: Callable[[], list[Row]], *, beside: bool = False) -> None:
        self.path = root / COUNTS_NAME
        self._root, self._standing = root, standing
        self._failed_before = frozenset[Identity]() if beside else frozenset(map(_identity, self.failures()))

    @contextmanager
    def merged(
        self, rows: Sequence[Row], arrange: Callable[[Sequence[Row]], list[Row]] = list, *, corrected: bool = False
    ) -> Iterator[list[Row]]:
        """Write ``rows``, then those of all other fields; yield all of them while nobody else writes in the folder.

        Parameters
        ----------
        rows
            Of this run. A field that failed in it has no other row, though an older result of it still stands. Rows of
            fields that failed stay from runs beside this one, not from earlier ones.
        arrange
            Puts the rows of finished fields in order.
        corrected
            Whether ``rows`` get the counts of what stands there by now, as a person may have corrected it.

        Raises
        ------
        OutputError
            If the table cannot be written.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        with folder_lock(self._root):
            standing = self._standing()
            if corrected:
                now = {str(row["folder"]): row for row in standing}
                rows = [as_corrected(row, now.get(str(row["folder"]), {})) for row in rows]
            others = others_than(rows, arrange(standing))
            everything = [*rows, *others, *self._failed_beside([*rows, *others])]
            write_rows(self.path, everything)
            yield everything

    def update(self, row: Row) -> None:
        """Put the row of one field in the place of the one before; other fields are not looked at.

        Raises
        ------
        OutputError
            If the table cannot be written.
        """
        with self.updated(row):
            return

    @contextmanager
    def updated(self, row: Row) -> Iterator[list[Row]]:
        """Do as `update`, and yield all rows, as text, while nobody else writes in the folder."""
        self._root.mkdir(parents=True, exist_ok=True)
        with folder_lock(self._root):
            try:
                rows: list[Row] = [dict(known) for known in read_rows(self.path)]
            except UNREADABLE as error:
                if not isinstance(error, FileNotFoundError):
                    _set_aside(self.path)  # another program wrote it as it likes: that stays, under another name
                rows = [row, *(known for known in self._standing() if known["folder"] != row["folder"])]
                write_rows(self.path, rows)
            else:
                rows = _with_row(rows, {name: cell_text(value) for name, value in row.items()})
                _write_text_rows(self.path, rows)
            yield [{name: cell_text(value) for name, value in known.items()} for known in rows]

    def failures(self) -> list[Row]:
        """Return the rows of fields that failed, as they stand in the table."""
        try:
            with open_rows(self.path, ("status",)) as (_, table):
                if not any(row.get("status") == "failed" for row in table):
                    return []
            rows = read_rows(self.path)
        except UNREADABLE:
            return []
        return [
            {name: value for name, value in row.items() if value != ""} for row in rows if row["status"] == "failed"
        ]

    def _failed_beside(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows of fields that failed in a run beside this one."""
        failed = self.failures()
        known = self._failed_before | set(map(_identity, rows)) if failed else set()
        return [row | {"folder": ""} for row in failed if _identity(row) not in known]


def as_corrected(row: Row, now: Row) -> Row:
    """Return the row of a field of a run with the counts of the one that stands there now."""
    if row == now:  # of most
        return row
    return row | {name: value for name, value in now.items() if name not in _FIXED}


def others_than(rows: Sequence[Row], standing: Iterable[Row]) -> list[Row]:
    """Return what stands of other fields than these; a file that failed as a whole failed with all its fields."""
    listed = {row["folder"] for row in rows}
    failed = {_identity(row) for row in rows if row["status"] == "failed"}
    return [row for row in standing if row["folder"] not in listed and failed.isdisjoint(_covering(row))]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a table of fields."""
    columns = _columns(rows)
    counts = ((count, count is None or count != count) for count in columns["count"])
    columns["count"] = ["" if missing else int(float(str(count))) for count, missing in counts]
    write_columns(path, columns)


def read_rows(path: Path, needed: Sequence[str] = ("file", "folder", "status")) -> list[dict[str, str]]:
    """Return the rows of a table of fields, as text.

    Raises
    ------
    ValueError
        If it has not all columns ``needed``.
    """
    with open_rows(path) as (names, table):
        rows = [{name: row.get(name, "") for name in names} for row in table]
    if not set(needed) <= set(names):
        raise ValueError(f"it has no columns {', '.join(needed[:-1])} and {needed[-1]}")
    return rows


def _with_row(rows: list[Row], fresh: Row) -> list[Row]:
    """Return rows of text with one in the place of those of the same field, and what a person typed there."""
    same = [n for n, known in enumerate(rows) if _is_same_field(known, fresh)]
    before = rows[same[0]] if same else {}
    typed = {name: value for name, value in before.items() if name not in fresh and not OURS.match(name)}
    at = same[0] if same else len(rows)
    rest = [known for n, known in enumerate(rows) if n not in same]
    return [*rest[:at], fresh | typed, *rest[at:]]


def _write_text_rows(path: Path, rows: Sequence[Row]) -> None:
    write_columns(path, _columns(rows))


def _set_aside(path: Path) -> None:
    number = 1
    while (free := path.with_name(f"{path.stem}.old-{number}{path.suffix}")).exists():
        number += 1
    try:
        path.replace(free)
    except OSError as error:
        raise OutputError(f"{path} cannot be renamed: {error.strerror}; close it in other programs") from error


def _identity(row: Row) -> Identity:
    return tuple(str(row.get(name, "")) for name in ("file", "position", "frame"))


def _covering(row: Row) -> set[Identity]:
    """Return the identities of a field, of its position and of its file."""
    file, position, frame = _identity(row)
    return {(file, position, frame), (file, position, ""), (file, "", "")}


def _is_same_field(known: Row, fresh: Row) -> bool:
    if known["folder"]:
        return known["folder"] == fresh["folder"]
    return _identity(known) == _identity(fresh)  # it had failed


def cell_text(value: object) -> str:
    """Return a value as `write_table` writes it."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return "" if value is None else str(value)


def _columns(rows: Sequence[Row]) -> dict[str, list[object]]:
    kinds = dict.fromkeys(tuple(row) for row in rows)  # few: most fields have the same columns
    names = dict.fromkeys([*FIRST_COLUMNS, *(name for kind in kinds for name in kind)])
    return {name: [row.get(name) for row in rows] for name in names}
