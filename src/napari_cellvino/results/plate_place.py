"""A field of a plate: its folder, what its tables have beside those of any image, by what its result is known again."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Origin
from napari_cellvino.core.plate import FieldOfView
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.measure.columns import column_names
from napari_cellvino.measure.counts import counted
from napari_cellvino.measure.rings import WIDTH, ring_means
from napari_cellvino.plates.layout import COLUMNS, Layout
from napari_cellvino.results.counts_table import cell_text
from napari_cellvino.results.field_result import FieldResult
from napari_cellvino.results.schema import FIRST_COLUMNS, OBJECTS_NAME, SMALLER_TILE, ResultKey, Row
from napari_cellvino.storage.csv_table import open_rows, read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

RING_PX = (1, 100)  # the widths that are possible


@dataclass(frozen=True, slots=True)
class PlateChoices:
    """What a run over a plate needs beside the recipe.

    ``ring_px`` is the width of the ring around each object. With ``labels_back``, label images are written into a plate
    that is OME-Zarr. With ``replace``, results made with other choices are made anew; those made with these are kept,
    unless every field is to be done ``again``. Without ``keeps_layout``, ``layout.csv`` is left to who started the run,
    and may be written meanwhile.
    """

    layout: Layout = field(default_factory=Layout)
    ring_px: int = WIDTH
    labels_back: bool = False
    replace: bool = False
    again: bool = False
    keeps_layout: bool = True


def plate_result_key(result_key: ResultKey, source: PlateSource, field: FieldOfView, ring_px: int) -> ResultKey:
    """Return the key of a field: its result depends on all files of the field, and on the width of the ring."""
    stats = [path.stat() for path in source.files(field)]
    recipe = _with_ring(result_key.recipe, ring_px)
    newest = max((s.st_mtime_ns for s in stats), default=0)
    return replace(result_key, size=sum(s.st_size for s in stats), modified_ns=newest, recipe=recipe)


def ring_width_of(key: ResultKey, recipe: Recipe) -> int | None:
    """Return the width in px of the ring that a result of a plate was measured with; None if no width gives its key."""
    made = recipe.fingerprint()
    return next((width for width in range(RING_PX[0], RING_PX[1] + 1) if _with_ring(made, width) == key.recipe), None)


def rekeyed(key: ResultKey, before: Recipe, after: Recipe) -> ResultKey | None:
    """Return the key of a result with another recipe in the place of its own; None if ``before`` does not give it."""
    planned, *tile = key.recipe.partition(SMALLER_TILE)
    if planned == before.fingerprint():
        return replace(key, recipe="".join((after.fingerprint(), *tile)))
    width = ring_width_of(replace(key, recipe=planned), before)
    return None if width is None else replace(key, recipe="".join((_with_ring(after.fingerprint(), width), *tile)))


def _with_ring(fingerprint: str, ring_px: int) -> str:
    return hashlib.sha256(f"{fingerprint} ring {ring_px}".encode()).hexdigest()


def field_origin(source: PlateSource, field: FieldOfView) -> Origin:
    """Return where the pixels of a field of a plate come from, at no time point in particular."""
    return Origin(str(source.path), field.label, source.plate.name, field.well.name, field.name)


def folder_name(field: FieldOfView) -> str:
    """Return the name of a field's folder of results, ``B02_f1``, as every system takes it."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", field.label)


def place_columns(field: FieldOfView, layout: Layout) -> dict[str, object]:
    """Return well, row, column and field, and what the well holds."""
    well = field.well
    place = {"well": well.name, "row": well.letters, "column": well.column + 1, "field": field.name}
    return place | layout.columns(well)


def placed(result: FieldResult, columns: Mapping[str, object], segmented: int | None, ring_px: int) -> FieldResult:
    """Return a result with place and ring ratios in its table, and means and medians over its cells in its counts.

    ``segmented`` is the channel in which the cells were found, None where it was a mixture of all.
    """
    ratios = ring_ratios(result, segmented, ring_px)
    table = _with_first(result.table.assign(**ratios), columns)
    kept = counted(table)
    names = column_names(result.plane.channels, empty="channel")
    averages = {name: float(kept[name].mean()) for name in [*(f"mean_{n}" for n in names), *ratios]}
    medians = {f"median_{name}": float(kept[f"mean_{name}"].median()) for name in names}
    return replace(result, table=table, counts=result.counts | averages | medians)


def ring_ratios(result: FieldResult, segmented: int | None, width: int) -> dict[str, NDArray[np.float64]]:
    """Return ``ring_ratio_<channel>`` (N,) of each channel other than the one that was segmented.

    That is the mean inside the object over the mean in the ring around it; NaN where the ring has no pixel or is dark.
    There is none where objects are boxes or volumes, or were found in a mixture of channels.
    """
    plane, labels, objects = result.plane, result.annotation.labels, result.annotation.objects
    others = [n for n in range(len(plane.channels)) if n != segmented]
    if labels is None or labels.ndim != 2 or segmented is None or not others:
        return {}
    rings = ring_means(labels, objects.id, plane.pixels[others], width=width)
    names = column_names(plane.channels, empty="channel")
    ratios: dict[str, NDArray[np.float64]] = {}
    for n, ring in zip(others, rings, strict=True):
        inside = result.table[f"mean_{names[n]}"].to_numpy(dtype=np.float64)
        ratios[f"ring_ratio_{names[n]}"] = np.divide(inside, ring, out=np.full(len(ring), np.nan), where=ring > 0)
    return ratios


def plate_row(row: Row, columns: Mapping[str, object]) -> Row:
    """Return a row of ``counts.csv`` with the place of its field behind the first columns."""
    first = {name: row[name] for name in FIRST_COLUMNS if name in row} | dict(columns)
    return first | {name: value for name, value in row.items() if name not in first}


def placed_rows(rows: Sequence[Row], source: PlateSource, layout: Layout) -> list[Row]:
    """Return rows of finished fields, those of this plate with their places and before the others."""
    known = {folder_name(f): f for f in source.plate.fields}
    own = [row for row in rows if row["file"] == str(source.path) and row["folder"] in known]
    ours = [plate_row(row, place_columns(known[str(row["folder"])], layout)) for row in own]
    return [*ours, *(row for row in rows if row not in own)]


def refresh_place(folder: Path, columns: Mapping[str, object]) -> None:
    """Write the place, and what the well holds, into the table of a field that an earlier run finished."""
    path, texts = folder / OBJECTS_NAME, {name: cell_text(value) for name, value in columns.items()}
    if _says(path, texts):
        return
    table = read_table(path)
    bare = table.drop(columns=[name for name in (*columns, *COLUMNS) if name in table])
    fresh = _with_first(bare, texts)
    if not fresh.equals(table):
        write_table(path, fresh)


def _says(path: Path, texts: Mapping[str, str]) -> bool:
    """Return whether a table has these columns before all others, with one text each, and no further ones of a well.

    Reading it for that takes a tenth of the time of reading all of it into a frame.
    """
    try:
        with open_rows(path, texts) as (names, rows):
            first, rest = list(names[: len(texts)]), names[len(texts) :]
            return first == list(texts) and not set(rest) & {*texts, *COLUMNS} and all(row == texts for row in rows)
    except (OSError, ValueError, csv.Error):  # told by those who read all of it
        return False


def _with_first(table: pd.DataFrame, columns: Mapping[str, object]) -> pd.DataFrame:
    """Return a table with columns of one value each before its own."""
    import pandas as pd

    values = {name: [value] * len(table) for name, value in columns.items()}
    return pd.concat([pd.DataFrame(values, index=table.index), table], axis=1)


@dataclass(frozen=True, slots=True)
class PlatePlace:
    """A field of a plate, what its wells hold, and in which channel (from 0; None: a mixture) its cells were found."""

    source: PlateSource
    field: FieldOfView
    layout: Layout
    segmented: int | None
    ring_px: int = WIDTH

    def folder(self, root: Path) -> Path:
        """Return the folder of the field under ``root``."""
        return root / folder_name(self.field)

    def result_key(self, result_key: ResultKey) -> ResultKey:
        """Return what a result of the field is known again by."""
        return plate_result_key(result_key, self.source, self.field, self.ring_px)

    @property
    def columns(self) -> dict[str, object]:
        """Well, row, column and field, and what the well holds."""
        return place_columns(self.field, self.layout)

    def finish(self, result: FieldResult) -> FieldResult:
        """Return a measured result with well, ring ratios and means over its cells."""
        return placed(result, self.columns, self.segmented, self.ring_px)
