"""What stands beside the fields of a plate: what its wells hold, tables of wells and of the plate, and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.errors import CellvinoError, OptionError, OutputError
from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.figures.plate_heat_map import write_heat_map
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.io.plates.name_pattern import compile_pattern
from napari_cellvino.plates.layout import Content, Layout, layout_text
from napari_cellvino.plates.plate_maps import read_layout
from napari_cellvino.plates.plate_table import plate_table
from napari_cellvino.plates.well_measures import REVIEWED, Lines, measures
from napari_cellvino.plates.well_table import tidy, well_table
from napari_cellvino.results.counts_table import others_than
from napari_cellvino.results.plate_place import (
    PlatePlace,
    folder_name,
    place_columns,
    placed_rows,
    plate_row,
    refresh_place,
)
from napari_cellvino.results.schema import FIRST_COLUMNS, LAYOUT_NAME, PLATES_NAME, TIDY_NAME, WELLS_NAME, Row
from napari_cellvino.results.store import ResultStore, write_text
from napari_cellvino.storage.csv_table import read_table, write_table
from napari_cellvino.storage.file_names import safe_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class PlateResults:
    """Finished fields of a plate: their rows of ``counts.csv``, what they make of the wells, what the wells hold."""

    rows: tuple[Row, ...] = ()
    lines: Lines = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)


class PlateStore:
    """The results of one plate in a folder of results.

    Parameters
    ----------
    store
        The folder of results.
    source
        The plate.
    """

    def __init__(self, store: ResultStore, source: PlateSource) -> None:
        self.store, self.source = store, source
        self.root = store.root

    @property
    def wells_path(self) -> Path:
        """The table of wells."""
        return self.root / WELLS_NAME

    def layout(self) -> Layout:
        """Return what the wells hold as the results tell it: ``layout.csv``, else the table of wells.

        The command line kept no ``layout.csv`` once; the contents of the wells were in the tables only.

        Raises
        ------
        OptionError
            If ``layout.csv`` cannot be read.
        """
        kept = self.root / LAYOUT_NAME
        if kept.is_file():
            return read_layout(kept, self.source.plate)
        try:
            told = read_layout(self.wells_path, self.source.plate)
        except OptionError:  # no such table, or one that a person changed
            return Layout()
        return Layout({well: content for well, content in told.contents.items() if content != Content()})

    def keep_layout(self, layout: Layout) -> None:
        """Write what the wells hold to ``layout.csv``; there is none where nothing is known.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        path = self.root / LAYOUT_NAME
        if layout:
            write_text(path, layout_text(layout))
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be removed: {error.strerror}; choose another folder") from error

    def results(self, layout: Layout | None = None, failed: Sequence[Row] = ()) -> PlateResults:
        """Return what stands there; with the layout that is kept, unless another is given.

        ``failed`` are rows of fields that a run could not do: what stands there of them is older, and does not count.

        Raises
        ------
        OptionError
            If the layout there cannot be read.
        """
        layout = self.layout() if layout is None else layout
        done = others_than(failed, self._own(placed_rows(self.store.rows(), self.source, layout)))
        rows = (*done, *failed)
        seen = self._reviewed(done)
        lines = well_rows(rows, self.source.plate, layout)
        return PlateResults(rows, {w: {**line, REVIEWED: seen.get(w)} for w, line in lines.items()}, layout)

    def write_counts(self, rows: Sequence[Row], layout: Layout) -> None:
        """Write ``counts.csv``: these rows, and after them those of all other finished fields, with their places.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        with self.store.counts.merged(rows, lambda standing: placed_rows(standing, self.source, layout)):
            return

    def write_tables(self, rows: Sequence[Row], layout: Layout) -> None:
        """Write ``counts.csv`` as `write_counts`, and the tables of wells and of the plate with heat maps.

        Raises
        ------
        OutputError
            If one of them cannot be written.
        """
        with self.store.counts.merged(rows, lambda standing: placed_rows(standing, self.source, layout)) as every:
            own = [*rows, *self._own(every[len(rows) :])]
            if own:
                self._write_wells(own, layout)

    def tabulate(self, layout: Layout) -> None:
        """Write every table again with another layout, which is kept there too; no network runs.

        Raises
        ------
        OutputError
            If one of them cannot be written.
        """
        self.keep_layout(layout)
        rows = self._own(placed_rows(self.store.rows(), self.source, layout))
        fields = {folder_name(f): f for f in self.source.plate.fields}
        for row in rows:
            refresh_place(self.root / str(row["folder"]), place_columns(fields[str(row["folder"])], layout))
        failed = self._failed(layout)
        if rows or failed:
            self.write_tables([*failed, *others_than(failed, rows)], layout)

    def tabulate_field(self, place: PlatePlace, folder: Path) -> None:
        """Put the row of one field into ``counts.csv``, and write the tables of the plate again.

        Raises
        ------
        OutputError
            If one of them cannot be written.
        """
        with self.store.counts.updated(plate_row(self.store.row(folder), place.columns)) as every:
            own = [{name: value for name, value in row.items() if value != ""} for row in self._own(every)]
            self._write_wells(own, place.layout)

    def write_into_plate(self) -> None:
        """Write the table of wells into a plate that is OME-Zarr too.

        Raises
        ------
        OutputError
            If the plate cannot be written to.
        """
        from napari_cellvino.io.ome_zarr_results import write_zarr_table

        write_zarr_table(self.source.path, read_table(self.wells_path, as_text=False))

    def _own(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(row for row in rows if row["file"] == str(self.source.path))

    def _failed(self, layout: Layout) -> list[Row]:
        """Return the rows of fields of this plate that failed in the last run, with what their wells hold now."""
        fields = {f.label: f for f in self.source.plate.fields}
        rows = [row for row in self._own(self.store.counts.failures()) if row["position"] in fields]
        first = [{name: row.get(name, "") for name in FIRST_COLUMNS if name != "count"} for row in rows]
        return [plate_row(row, place_columns(fields[str(row["position"])], layout)) for row in first]

    def _reviewed(self, rows: Sequence[Row]) -> dict[Well, float]:
        """Return the share of the cells of each well that a person looked at; wells without cells have none."""
        seen: dict[Well, tuple[int, int]] = {}
        for row in rows:
            well = Well.parse(str(row["well"]))
            before, cells = seen.get(well, (0, 0))
            field = self.store.summary(self.root / str(row["folder"]))
            seen[well] = before + field.reviewed, cells + field.cells
        return {well: looked / cells for well, (looked, cells) in seen.items() if cells}

    def _write_wells(self, rows: Sequence[Row], layout: Layout) -> None:
        """Write ``wells.csv``, ``wells_tidy.csv``, ``plates.csv``, and heat maps of counts and ring ratios."""
        plate = self.source.plate
        table = well_table(rows, plate, layout)
        write_table(self.wells_path, table)
        write_table(self.root / TIDY_NAME, tidy(table))
        write_table(self.root / PLATES_NAME, plate_table(rows, table))
        titles = _titles(table, plate)
        for name in [c for c in table.columns if c == "count" or _is_ratio(str(c))]:
            values = dict(zip(map(Well.parse, table["well"]), _numbers(table[name]), strict=True))
            write_heat_map(self.root / f"heatmap_{name}.png", plate, values, title=titles.get(name, name))


def usual_folder(source: PlateSource) -> Path:
    """Return where results of a plate go unless the user says otherwise: beside it, named like it."""
    path = source.path
    if path.is_file():  # an index: not among the images
        return path.parent.parent / f"{safe_name(source.plate.name)}-cellvino"
    return path.parent / f"{safe_name(path.name.removesuffix('.zarr').removesuffix('.ome'))}-cellvino"


def earlier_pattern(path: Path) -> str:
    """Return the pattern of names by which an earlier run took a folder for a plate; empty where none did."""
    store = ResultStore(path.parent / f"{safe_name(path.name)}-cellvino")
    try:
        pattern = store.recipe().pattern if store.has_recipe else ""
        return pattern if pattern and compile_pattern(pattern).tells_well else ""
    except CellvinoError:  # a recipe of somebody's own
        return ""


def well_rows(rows: Sequence[Row], plate: Plate, layout: Layout) -> dict[Well, dict[str, object]]:
    """Return the rows of the table of wells, without what is not known."""
    import pandas as pd

    if not rows:
        return {}
    records = well_table(rows, plate, layout).to_dict("records")
    return {Well.parse(str(r["well"])): {str(k): v for k, v in r.items() if not pd.isna(v)} for r in records}


def _titles(table: pd.DataFrame, plate: Plate) -> dict[str, str]:
    """Return what heat maps are called, by column: the measure with its unit."""
    columns = {str(column): 1.0 for column in table.columns}
    return {measure.name: measure.heading for measure in measures({Well(0, 0): columns}, plate.channels)}


def _is_ratio(name: str) -> bool:
    return name.startswith("ring_ratio_") and not name.endswith(("_field_mean", "_field_sd"))


def _numbers(values: pd.Series) -> list[float]:
    return values.to_numpy(dtype=float, na_value=float("nan")).tolist()
