"""Where the result of one field of a plate goes, and the tables that change with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.analysis.plate_layout import Layout
from napari_cellvino.analysis.ring import WIDTH
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.jobs.counts_table import COUNTS_NAME, read_rows, update_counts
from napari_cellvino.jobs.field import FieldResult
from napari_cellvino.jobs.plate_field import folder_name, place_columns, placed, plate_row, plate_ticket
from napari_cellvino.jobs.plate_tables import write_plate_tables
from napari_cellvino.jobs.results import Row, Ticket
from napari_cellvino.plate import FieldOfView


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

    def ticket(self, ticket: Ticket) -> Ticket:
        """Return what a result of the field is known again by."""
        return plate_ticket(ticket, self.source, self.field, self.ring_px)

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
