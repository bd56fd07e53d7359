"""``counts.csv``: one row for each field of a folder of results."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.core.errors import OutputError
from napari_cellvino.results.folder import FIRST_COLUMNS, Row, finished_rows
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.csv_table import write_table

COUNTS_NAME = "counts.csv"
OURS = re.compile(  # columns that a result gives; any other is somebody's own
    rf"({'|'.join(FIRST_COLUMNS)}|rejected|excluded|viability|row|column|compound|dose|control|touching_edge|"
    r"broken_along_z|(count|density|median|mean|share|ring_ratio)_.*)$"
)


def write_counts(root: Path, rows: Sequence[Row], earlier: Sequence[Row] | None = None) -> None:
    """Write ``counts.csv``: ``rows``, and after them those of earlier runs (by default, all finished in ``root``)."""
    listed = {row["folder"] for row in rows}
    known = finished_rows(root) if earlier is None else earlier
    everything = [*rows, *(row for row in known if row["folder"] not in listed)]
    import pandas as pd

    table = pd.DataFrame(everything, columns=_columns(everything))
    table["count"] = table["count"].astype("Int64")
    with atomic_path(root / COUNTS_NAME) as part:
        write_table(part, table)


def update_counts(root: Path, row: Row) -> None:
    """Put the row of one field into ``counts.csv``, in the place of the one before; other fields are not looked at.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = root / COUNTS_NAME
    try:
        rows: list[Row] = [dict(known) for known in read_rows(path)]
    except FileNotFoundError:
        write_counts(root, [row])
        return
    except (OSError, ValueError, csv.Error):  # another program wrote it as it likes: that stays, under another name
        _set_aside(path)
        write_counts(root, [row])
        return
    fresh: Row = {name: cell_text(value) for name, value in row.items()}
    same = [n for n, known in enumerate(rows) if _is_same_field(known, fresh)]
    typed = {name: value for name, value in rows[same[0]].items() if not OURS.match(name)} if same else {}
    at = same[0] if same else len(rows)
    rows = [known for n, known in enumerate(rows) if n not in same]
    rows.insert(at, fresh | typed)
    import pandas as pd

    with atomic_path(path) as part:
        write_table(part, pd.DataFrame(rows, columns=_columns(rows)))


def _set_aside(path: Path) -> None:
    number = 1
    while (free := path.with_name(f"{path.stem}.old-{number}{path.suffix}")).exists():
        number += 1
    try:
        path.replace(free)
    except OSError as error:
        raise OutputError(f"{path} cannot be renamed: {error.strerror}; close it in other programs") from error


def read_rows(path: Path, needed: Sequence[str] = ("file", "folder", "status")) -> list[dict[str, str]]:
    """Return the rows of a table of fields, as text.

    Raises
    ------
    ValueError
        If it has not all columns ``needed``.
    """
    with path.open(newline="", encoding="utf-8-sig") as handle:
        table = csv.DictReader(handle)
        rows = [{name: value or "" for name, value in row.items() if name is not None} for row in table]
    if not set(needed) <= set(table.fieldnames or ()):
        raise ValueError(f"it has no columns {', '.join(needed[:-1])} and {needed[-1]}")
    return rows


def _is_same_field(known: Row, fresh: Row) -> bool:
    if known["folder"]:
        return known["folder"] == fresh["folder"]
    return all(known.get(name) == fresh.get(name) for name in ("file", "position", "frame"))  # it had failed


def cell_text(value: object) -> str:
    """Return a value as `write_table` writes it."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return "" if value is None else str(value)


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys([*FIRST_COLUMNS, *(name for row in rows for name in row)]))
