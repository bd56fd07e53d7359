"""Tables as CSV, the same bytes for the same table on every system.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-``, ``@`` or a tab as a formula, and a note or the name of a
file may be anybody's: such text is written with an apostrophe before it, which spreadsheets take for "this is text",
and read without. Numbers are no formulas.

References
----------
OWASP, "CSV Injection".
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.storage.atomic import atomic_path

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # with the apostrophes of text that was written before
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf", re.IGNORECASE)


def write_table(path: Path, frame: pd.DataFrame) -> None:
    r"""Write ``frame`` without its index: UTF-8, ``\n`` line ends, six significant digits, missing values empty.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    cells = [_column_cells(column) for _, column in frame.items()]
    known = [column for column in cells if column is not None]
    if known and len(known) == len(cells):
        _write_cells(path, list(frame.columns), known)
        return
    with atomic_path(path) as part:  # dates, lists, missing numbers among text: pandas knows how each is written
        _mapped(frame, harmless_cell).to_csv(
            part, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8"
        )


def write_columns(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    """Write columns of plain values (None or NaN where one is missing) as `write_table` does a frame of them.

    Without pandas: to import it takes as long as to write 10,000 rows.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    _write_cells(path, list(columns), [_cells(values) for values in columns.values()])


def _write_cells(path: Path, names: Sequence[object], columns: Sequence[Sequence[object]]) -> None:
    """Write columns of cells, each as it stands in the file."""
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow(names)
        table.writerows(zip(*columns, strict=True))


def _column_cells(column: pd.Series) -> list[object] | None:
    """Return the cells of a column of numbers or of text as pandas writes them; None of another.

    pandas takes four times as long: as long as to measure the cells of a field.
    """
    kind, values = column.dtype.kind, column.tolist()
    if kind in "iub" and column.dtype.name.islower():  # those of numpy; "Int64" may lack values
        return values
    if kind == "f" and column.dtype.name.islower():
        return _decimals(values)
    if kind == "O" and all(issubclass(held, str) for held in set(map(type, values))):
        texts = {value: harmless_cell(value) for value in set(values)}
        return [texts[value] for value in values]
    return None


def _decimals(values: Sequence[float]) -> list[object]:
    """Return floats with six significant digits, NaN empty."""
    texts = ("%.6g " * len(values) % tuple(values)).split()  # at once: a third of the time
    return ["" if text == "nan" else text for text in texts]


def _cells(values: Sequence[object]) -> list[object]:
    """Return a column as it is written: a number that is no whole one makes all others of its column such, too."""
    known = [value is not None and value == value for value in values]  # NaN is not itself
    kinds = {type(value) for value, there in zip(values, known, strict=True) if there}
    if not all(issubclass(kind, Real) and not issubclass(kind, bool) for kind in kinds):
        texts = {value: harmless_cell(value) for value in set(values) if isinstance(value, str)}
        plain = (texts[value] if isinstance(value, str) else value for value in values)
        return [value if there else "" for value, there in zip(plain, known, strict=True)]
    if all(known) and all(issubclass(kind, Integral) for kind in kinds):
        return list(values)
    return [f"{value:.6g}" if there else "" for value, there in zip(values, known, strict=True)]


def read_table(path: Path, *, as_text: bool = True) -> pd.DataFrame:
    """Return a table that `write_table` wrote, every cell as text, or numbers where a column has nothing else.

    Raises
    ------
    OSError, ValueError
        If it cannot be read.
    """
    import pandas as pd

    if as_text:
        return _mapped(pd.read_csv(path, dtype=str, keep_default_na=False), plain_cell)
    return _mapped(pd.read_csv(path, keep_default_na=False, na_values=[""]), plain_cell)  # a class may be called "NA"


def harmless_cell(text: str) -> str:
    """Return text as it stands in a table, where no spreadsheet runs it."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def harmless_row(row: Iterable[object]) -> list[object]:
    """Return the cells of a row, of which no text is one that a spreadsheet runs."""
    return [harmless_cell(cell) if isinstance(cell, str) else cell for cell in row]


def plain_cell(text: str) -> str:
    """Return the text that `harmless_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


@contextmanager
def open_rows(
    path: Path, only: Collection[str] | None = None
) -> Iterator[tuple[Sequence[str], Iterator[dict[str, str]]]]:
    """Yield the names of the columns of a table, and its rows one by one, as plain text; a row cut short lacks cells.

    ``only`` are columns that are wanted of the rows, by default all.

    Raises
    ------
    OSError, ValueError, csv.Error
        If it cannot be read.
    """
    with path.open(newline="", encoding="utf-8-sig") as handle:
        table = csv.reader(handle)
        names = next(table, [])
        wanted = [(n, name) for n, name in enumerate(names) if only is None or name in only]
        yield names, ({name: plain_cell(row[n]) for n, name in wanted if n < len(row)} for row in table if row)


def read_dicts(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table as plain text by the names of its columns; cells that are missing are empty.

    Raises
    ------
    OSError, ValueError, csv.Error
        If it cannot be read.
    """
    with open_rows(path) as (names, rows):
        return [{name: row.get(name, "") for name in names} for row in rows]


def _mapped(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Return a table with its text changed; the very same where nothing is to be changed."""
    changed = {}
    for name, column in frame.items():
        if column.dtype.kind not in "biufM" and any(isinstance(v, str) and change(v) != v for v in column):
            changed[str(name)] = column.map(lambda value: change(value) if isinstance(value, str) else value)
    return frame.assign(**changed) if changed else frame
