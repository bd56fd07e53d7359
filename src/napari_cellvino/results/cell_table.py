"""The cells of all saved results as one table of columns, to be sorted, filtered, plotted and gated.

A field is read again only when its result changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.gates import Gate
from napari_cellvino.core.image import Origin
from napari_cellvino.core.objects import Doubt, ReviewState
from napari_cellvino.measure.gates import in_gate
from napari_cellvino.results.cell_columns import explained
from napari_cellvino.results.field_folder import Stamp, stamp_of
from napari_cellvino.results.plot_measures import NOT_MEASURES, PlotMeasure, cell_measures
from napari_cellvino.results.schema import OBJECTS_NAME
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.csv_table import read_table

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
BOX = ("y0", "x0", "y1", "x1")


@dataclass(frozen=True, slots=True, eq=False)
class FieldCells:
    """The cells of one field: ids, boxes (N, 4) in the plane ``z`` (N,), classes, what was said of them, measures.

    ``z`` is the middle plane of a cell of a stack, 0 elsewhere.
    """

    folder: Path
    origin: Origin
    id: NDArray[np.int64]
    box: NDArray[np.int64]
    z: NDArray[np.int64]
    kind: NDArray[np.str_]
    review: NDArray[np.int64]  # ReviewState
    doubts: NDArray[np.int64]  # Doubt
    excluded: NDArray[np.bool_]
    measures: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, eq=False)
class CellTable:
    """The cells of several fields; a row is a cell, of the field with the number ``field_number`` (N,)."""

    fields: tuple[FieldCells, ...] = ()
    unreadable: tuple[str, ...] = ()
    offers: tuple[PlotMeasure, ...] = ()
    kinds: tuple[str, ...] = ()  # the classes of the cells, in the order of the alphabet
    field_number: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    id: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    kind: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, "U1"))
    review: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    doubts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    excluded: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def __len__(self) -> int:
        return len(self.id)

    def values(self, column: str) -> Floats:
        """Return a measurement of all cells (N,); NaN where a field does not have it."""
        parts = [one.measures.get(column, np.full(len(one), np.nan)) for one in self.fields]
        return np.concatenate([np.zeros(0), *parts])

    def in_gate(self, gate: Gate) -> NDArray[np.bool_]:
        """Return which cells (N,) lie in a gate."""
        return in_gate(gate, {name: self.values(name) for name in gate.columns})

    def chosen(self, rows: Sequence[int] | Rows) -> dict[Path, list[int]]:
        """Return the ids of rows by the folders of their fields."""
        at = np.asarray(rows, np.intp)
        numbers = self.field_number[at]
        order = np.argsort(numbers, kind="stable")
        held, first = np.unique(numbers[order], return_index=True)
        ids = np.split(self.id[at[order]], first[1:])
        return {self.fields[n].folder: part.tolist() for n, part in zip(held.tolist(), ids, strict=False)}

    def rows_of(self, folder: Path, ids: Sequence[int]) -> Rows:
        """Return the rows of cells of a field by their ids."""
        number = next((n for n, one in enumerate(self.fields) if one.folder == folder), -1)
        return np.flatnonzero((self.field_number == number) & np.isin(self.id, np.asarray(ids, np.int64)))


@dataclass(frozen=True, slots=True)
class CellQuery:
    """Which cells are listed, and in which order.

    Without a state, doubts, or class, any will do. ``sort`` is a column of measurements; without it, cells with the
    most doubts come first. Cells without a value come last in either direction.
    """

    review: ReviewState | None = None
    doubts: Doubt = Doubt.NONE
    kind: str | None = None
    excluded: bool | None = None
    sort: str = ""
    descending: bool = False

    def rows(self, table: CellTable) -> Rows:
        """Return the rows that are listed, in order."""
        shown = np.ones(len(table), bool)
        if self.review is not None:
            shown &= table.review == self.review
        if self.doubts:
            shown &= (table.doubts & int(self.doubts)) != 0
        if self.kind is not None:
            shown &= table.kind == self.kind
        if self.excluded is not None:
            shown &= table.excluded == self.excluded
        rows = np.flatnonzero(shown)
        values = self._order(table)[rows]
        known = np.isfinite(values)
        order = np.lexsort((rows, -values if self.descending else values, ~known))
        return rows[order]

    def _order(self, table: CellTable) -> Floats:
        if self.sort:
            return table.values(self.sort)
        number = np.array([bin(doubts).count("1") for doubts in range(_ALL + 1)])
        return np.asarray(number[table.doubts], np.float64) * (1 if self.descending else -1)


_ALL = sum(doubt.value for doubt in Doubt)


class CellTables:
    """Reads the table of a folder of results; what did not change since is not read again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp | None, FieldCells]] = {}

    def read(self, root: Path) -> CellTable:
        """Return the cells of all saved results of a folder; there may be none."""
        store, unreadable = ResultStore(root), list[str]()
        known, self._known = self._known, {}
        for folder in store.find_folders():
            stamp = stamp_of(folder)
            found = known.get(folder)
            try:
                cells = found[1] if found is not None and found[0] == stamp else _read_field(store, folder)
            except ImageReadError as error:
                unreadable.append(str(error))
                continue
            self._known[folder] = stamp, cells
        return _joined(tuple(cells for _, cells in self._known.values()), tuple(unreadable))


def _joined(fields: tuple[FieldCells, ...], unreadable: tuple[str, ...]) -> CellTable:
    if not fields:
        return CellTable(unreadable=unreadable)
    numbers = np.repeat(np.arange(len(fields)), [len(one) for one in fields])
    columns = {
        name: np.concatenate([getattr(one, name) for one in fields])
        for name in ("id", "kind", "review", "doubts", "excluded")
    }
    offers = tuple(cell_measures([one.measures for one in fields if len(one)]))
    kinds = tuple(sorted(set(columns["kind"].tolist())))
    return CellTable(fields, unreadable, offers, kinds, numbers, **columns)


def _read_field(store: ResultStore, folder: Path) -> FieldCells:
    with explained(folder):
        origin = store.summary(folder).origin or Origin(folder.name)
        table = read_table(folder / OBJECTS_NAME, as_text=False)
        box = np.stack([table[name].to_numpy(np.int64) for name in BOX], axis=1).reshape(-1, 4)
        middle = (table["z0"] + table["z1"]) // 2 if "z0" in table else table["id"] * 0
        numbers = table.select_dtypes("number")
        return FieldCells(
            folder,
            origin,
            table["id"].to_numpy(np.int64),
            box,
            middle.to_numpy(np.int64),
            np.array(_texts(table, "class"), str),
            _codes(_texts(table, "review"), ReviewState),
            _codes(_texts(table, "doubts"), Doubt),
            table["excluded"].to_numpy(bool) if "excluded" in table else np.zeros(len(table), bool),
            {str(name): numbers[name].to_numpy(np.float64) for name in numbers if name not in NOT_MEASURES},
        )


def _codes(texts: Sequence[str], kind: type[ReviewState] | type[Doubt]) -> NDArray[np.int64]:
    """Return the value of each text; of flags it holds the names of several, which are added."""
    known = {text: sum(kind[name.upper()].value for name in text.split()) for text in set(texts)}
    return np.array([known[text] for text in texts], np.int64)


def _texts(table: pd.DataFrame, name: str) -> list[str]:
    return ["" if value != value else str(value) for value in table[name].tolist()]  # NaN where a cell is empty
