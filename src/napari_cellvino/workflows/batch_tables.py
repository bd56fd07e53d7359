"""Tables over several folders of results that one run made: its plates, and every field with what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.results.schema import PLATES_NAME
from napari_cellvino.storage.csv_table import read_table, write_table
from napari_cellvino.storage.field_ledger import FieldLedger

if TYPE_CHECKING:
    import pandas as pd

FIELDS_NAME = "fields.csv"


def write_batch_tables(root: Path, folders: Sequence[Path]) -> None:
    """Write ``plates.csv`` and ``fields.csv`` of several folders of results into the folder that holds them.

    Both name the folder of each row in a column ``results``.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    import pandas as pd

    plates = [read_table(path).assign(results=f.name) for f in folders if (path := f / PLATES_NAME).is_file()]
    if plates:
        write_table(root / PLATES_NAME, _first(pd.concat(plates, ignore_index=True)))
    records = [{"results": f.name, **record.as_dict()} for f in folders for record in FieldLedger(f).records()]
    write_table(root / FIELDS_NAME, pd.DataFrame(records))


def _first(table: pd.DataFrame) -> pd.DataFrame:
    return table[["results", *(name for name in table.columns if name != "results")]]
