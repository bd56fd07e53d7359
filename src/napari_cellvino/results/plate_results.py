"""What stands in the folder of results of a plate: read for the grid of wells, and written again for another layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_cellvino.core.errors import OptionError, OutputError
from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.plates.layout import Content, Layout, layout_text, read_layout
from napari_cellvino.plates.well_measures import REVIEWED, Lines
from napari_cellvino.plates.well_table import well_table
from napari_cellvino.results.corrections import content_of
from napari_cellvino.results.counts_table import write_counts
from napari_cellvino.results.folder import (
    Row,
    finished_rows,
    write_text,
)
from napari_cellvino.results.plate_field import folder_name, place_columns, placed_rows, refresh_place
from napari_cellvino.results.plate_tables import WELLS_NAME, write_plate_tables
from napari_cellvino.storage.file_names import safe_name

LAYOUT_NAME = "layout.csv"


@dataclass(frozen=True, slots=True)
class PlateResults:
    """Finished fields of a plate: their rows of ``counts.csv``, what they make of the wells, what the wells hold."""

    rows: tuple[Row, ...] = ()
    lines: Lines = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)


def usual_folder(source: PlateSource) -> Path:
    """Return where results of a plate go unless the user says otherwise: beside it, named like it."""
    path = source.path
    if path.is_file():  # an index: not among the images
        return path.parent.parent / f"{safe_name(source.plate.name)}-cellvino"
    return path.parent / f"{safe_name(path.name.removesuffix('.zarr').removesuffix('.ome'))}-cellvino"


def read_plate_results(
    root: Path, source: PlateSource, layout: Layout | None = None, failed: Sequence[Row] = ()
) -> PlateResults:
    """Return what stands under ``root`` of a plate; with the layout that is kept there, unless another is given.

    ``failed`` are rows of fields that a run could not do; they count as long as nothing stands there of them.

    Raises
    ------
    OptionError
        If the layout there cannot be read.
    """
    layout = kept_layout(root, source.plate) if layout is None else layout
    done = _own(finished_rows(root), source, layout)
    known = {row["position"] for row in done}
    rows = (*done, *(row for row in failed if row["position"] not in known))
    lines = lines_of(rows, source.plate, layout)
    seen = _reviewed(root, done)
    return PlateResults(rows, {w: {**line, REVIEWED: seen.get(w)} for w, line in lines.items()}, layout)


def _own(rows: Sequence[Row], source: PlateSource, layout: Layout) -> tuple[Row, ...]:
    return tuple(row for row in placed_rows(rows, source, layout) if row["file"] == str(source.path))


def lines_of(rows: Sequence[Row], plate: Plate, layout: Layout) -> dict[Well, dict[str, object]]:
    """Return the rows of the table of wells, without what is not known."""
    import pandas as pd

    if not rows:
        return {}
    records = well_table(rows, plate, layout).to_dict("records")
    return {Well.parse(str(r["well"])): {str(k): v for k, v in r.items() if not pd.isna(v)} for r in records}


def _reviewed(root: Path, rows: Sequence[Row]) -> dict[Well, float]:
    """Return the share of the cells of each well that a person looked at; wells without cells have none."""
    seen: dict[Well, tuple[int, int]] = {}
    for row in rows:
        well = Well.parse(str(row["well"]))
        before, cells = seen.get(well, (0, 0))
        looked, held = _looked_at(root / str(row["folder"]))
        seen[well] = before + looked, cells + held
    return {well: looked / cells for well, (looked, cells) in seen.items() if cells}


def _looked_at(folder: Path) -> tuple[int, int]:
    states = [cell.get("review", "unseen") for cell in content_of(folder).get("objects", ())]
    return sum(state != "unseen" for state in states), len(states)


def kept_layout(root: Path, plate: Plate) -> Layout:
    """Return what the wells hold as results under ``root`` tell it: ``layout.csv``, else the table of wells.

    The command line kept no ``layout.csv`` once; the contents of the wells were in the tables only.

    Raises
    ------
    OptionError
        If ``layout.csv`` cannot be read.
    """
    kept = root / LAYOUT_NAME
    if kept.is_file():
        return read_layout(kept, plate)
    try:
        told = read_layout(root / WELLS_NAME, plate)
    except OptionError:  # no such table, or one that a person changed
        return Layout()
    return Layout({well: content for well, content in told.contents.items() if content != Content()})


def keep_layout(root: Path, layout: Layout) -> None:
    """Write what the wells hold to ``layout.csv`` under ``root``; there is none where nothing is known.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if layout:
        write_text(root / LAYOUT_NAME, layout_text(layout))
        return
    try:
        (root / LAYOUT_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{root / LAYOUT_NAME} cannot be removed: {error.strerror}; choose another folder") from error


def tabulate(root: Path, source: PlateSource, layout: Layout) -> None:
    """Write every table under ``root`` again with another layout, which is kept there too; no network runs.

    Raises
    ------
    OutputError
        If one of them cannot be written.
    """
    keep_layout(root, layout)
    every = placed_rows(finished_rows(root), source, layout)
    rows = [row for row in every if row["file"] == str(source.path)]
    fields = {folder_name(f): f for f in source.plate.fields}
    for row in rows:
        refresh_place(root / str(row["folder"]), place_columns(fields[str(row["folder"])], layout))
    if rows:
        write_counts(root, rows, every)
        write_plate_tables(root, rows, source.plate, layout)
