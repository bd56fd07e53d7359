"""What stands beside the fields of a plate: tables of the wells and of the plate, and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.figures.plate_heat_map import write_heat_map
from napari_cellvino.plates.layout import Layout
from napari_cellvino.plates.plate_table import plate_table
from napari_cellvino.plates.well_measures import measures
from napari_cellvino.plates.well_table import tidy, well_table
from napari_cellvino.results.folder import Row
from napari_cellvino.storage.csv_table import write_table

if TYPE_CHECKING:
    import pandas as pd

WELLS_NAME = "wells.csv"
TIDY_NAME = "wells_tidy.csv"
PLATES_NAME = "plates.csv"


def write_plate_tables(root: Path, rows: Sequence[Row], plate: Plate, layout: Layout) -> pd.DataFrame:
    """Write ``wells.csv``, ``wells_tidy.csv``, ``plates.csv``, heat maps of counts and ring ratios; return the wells.

    Raises
    ------
    OutputError
        If one of them cannot be written.
    """
    table = well_table(rows, plate, layout)
    write_table(root / WELLS_NAME, table)
    write_table(root / TIDY_NAME, tidy(table))
    write_table(root / PLATES_NAME, plate_table(rows, table))
    titles = _titles(table, plate)
    for name in [c for c in table.columns if c == "count" or _is_ratio(str(c))]:
        values = dict(zip(map(Well.parse, table["well"]), _numbers(table[name]), strict=True))
        write_heat_map(root / f"heatmap_{name}.png", plate, values, title=titles.get(name, name))
    return table


def write_into_plate(plate: Path, root: Path) -> None:
    """Write the table of wells under ``root`` into an OME-Zarr plate too.

    Raises
    ------
    OutputError
        If the plate cannot be written to.
    """
    import pandas as pd

    from napari_cellvino.io.ome_zarr_results import write_zarr_table

    write_zarr_table(plate, pd.read_csv(root / WELLS_NAME))


def _titles(table: pd.DataFrame, plate: Plate) -> dict[str, str]:
    """Return what heat maps are called, by column: the measure with its unit."""
    columns = {str(column): 1.0 for column in table.columns}
    return {measure.name: measure.heading for measure in measures({Well(0, 0): columns}, plate.channels)}


def _is_ratio(name: str) -> bool:
    return name.startswith("ring_ratio_") and not name.endswith(("_field_mean", "_field_sd"))


def _numbers(values: pd.Series) -> list[float]:
    return values.to_numpy(dtype=float, na_value=float("nan")).tolist()
