"""Tables over several folders of results that one run made: its plates, and every field with what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.results.counts_table import UNREADABLE, read_rows
from napari_cellvino.results.schema import COUNTS_NAME, PLATES_NAME, Row
from napari_cellvino.storage.csv_table import read_table, write_table
from napari_cellvino.storage.field_ledger import FieldLedger

if TYPE_CHECKING:
    import pandas as pd

FIELDS_NAME = "fields.csv"
_SAID = ("folder", "status", "count")  # by the ledger, in other words: name, state, cells


def write_batch_tables(root: Path, folders: Sequence[Path]) -> None:
    """Write ``plates.csv`` and ``fields.csv`` of several folders of results into the folder that holds them.

    Both name the folder of each row in a column ``results``. A row of ``fields.csv`` has all that is known of a field:
    its state, times and versions, and its measures as in ``counts.csv``.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    import pandas as pd

    plates = [read_table(path).assign(results=f.name) for f in folders if (path := f / PLATES_NAME).is_file()]
    if plates:
        write_table(root / PLATES_NAME, _first(pd.concat(plates, ignore_index=True)))
    write_table(root / FIELDS_NAME, pd.DataFrame([row for f in folders for row in _fields(f)]))


def _fields(folder: Path) -> Iterator[Row]:
    try:
        measured = {row["folder"]: row for row in read_rows(folder / COUNTS_NAME)}
    except UNREADABLE:
        measured = {}
    for record in FieldLedger(folder).records():
        known: Row = {"results": folder.name, **record.as_dict()}
        measures = {name: value for name, value in measured.get(record.name, {}).items() if name not in _SAID}
        yield known | {name: value for name, value in measures.items() if name not in known}


def _first(table: pd.DataFrame) -> pd.DataFrame:
    return table[["results", *(name for name in table.columns if name != "results")]]
