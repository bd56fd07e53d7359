"""Where the result of one field of a plate goes, and the tables that change with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.plate import FieldOfView
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.plates.layout import Layout
from napari_cellvino.results.counts_table import COUNTS_NAME, read_rows, update_counts
from napari_cellvino.results.field_result import FieldResult
from napari_cellvino.results.folder import ResultKey, Row
from napari_cellvino.results.plate_field import folder_name, place_columns, placed, plate_result_key, plate_row
from napari_cellvino.results.plate_tables import write_plate_tables


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

    def finish(self, result: FieldResult) -> FieldResult:
        """Return a measured result with well, ring ratios and means over its cells."""
        return placed(result, place_columns(self.field, self.layout), self.segmented, self.ring_px)

    def tabulate(self, root: Path, row: Row) -> None:
        """Put the row of the field into ``counts.csv`` under ``root``, and write the tables of the plate again.

        Raises
        ------
        OutputError
            If one of them cannot be written.
        """
        update_counts(root, plate_row(row, place_columns(self.field, self.layout)))
        rows = [dict(known) for known in read_rows(root / COUNTS_NAME) if known["file"] == str(self.source.path)]
        write_plate_tables(
            root, [{k: v for k, v in r.items() if v != ""} for r in rows], self.source.plate, self.layout
        )
