"""Where the wells of a plate lie in a widget, and which of them lies under the mouse.

left
┌──┬─────────────┐
│  │ 1  2  3  4  │ top
├──┼─────────────┤
│A │ □  □  □  □  │
│B │ □  □  □  □  │   each well takes a square of `side` px
└──┴─────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRectF

from napari_cellvino.core.plate import Plate, Well

LEFT, TOP = 24.0, 18.0  # px of the letters and numbers
LARGEST = 44.0  # px per well


@dataclass(frozen=True, slots=True)
class GridGeometry:
    """Rows and columns of ``side`` px each."""

    rows: int
    columns: int
    side: float

    @classmethod
    def fit(cls, plate: Plate, width: float) -> GridGeometry:
        """Return the grid of a plate that fills a width."""
        return cls(plate.rows, plate.columns, min(LARGEST, max(4.0, (width - LEFT - 2) / plate.columns)))

    @property
    def height(self) -> float:
        """Height of letters and wells."""
        return TOP + self.rows * self.side + 2

    def cell(self, well: Well) -> QRectF:
        """Return the square of a well, with the gap to the next."""
        return QRectF(LEFT + well.column * self.side, TOP + well.row * self.side, self.side, self.side)

    def square(self, well: Well) -> QRectF:
        """Return the part of a well's square that is painted."""
        gap = 0.5 if self.side < 10 else 1.0
        return self.cell(well).adjusted(gap, gap, -gap, -gap)

    def well_at(self, point: QPointF) -> Well | None:
        """Return the place under a point, or None beside the grid."""
        column, row = int((point.x() - LEFT) // self.side), int((point.y() - TOP) // self.side)
        inside = 0 <= row < self.rows and 0 <= column < self.columns
        return Well(row, column) if inside else None

    def line_at(self, point: QPointF) -> frozenset[Well]:
        """Return the places of the row or column whose letter or number lies under a point; all of them at the corner.

        There are none where the point is beside those.
        """
        column, row = int((point.x() - LEFT) // self.side), int((point.y() - TOP) // self.side)
        on_letters, on_numbers = 0 <= point.x() < LEFT, 0 <= point.y() < TOP
        rows = range(self.rows) if on_numbers else [row] if on_letters and 0 <= row < self.rows else []
        columns = range(self.columns) if on_letters else [column] if on_numbers and 0 <= column < self.columns else []
        return frozenset(Well(r, c) for r in rows for c in columns)

    def wells_in(self, band: QRectF) -> frozenset[Well]:
        """Return the places that a rectangle touches."""
        first = int((band.left() - LEFT) // self.side), int((band.top() - TOP) // self.side)
        last = int((band.right() - LEFT) // self.side), int((band.bottom() - TOP) // self.side)
        rows = range(max(0, first[1]), min(self.rows, last[1] + 1))
        columns = range(max(0, first[0]), min(self.columns, last[0] + 1))
        return frozenset(Well(r, c) for r in rows for c in columns)


def between(first: Well, last: Well) -> frozenset[Well]:
    """Return the places of the rectangle between two wells."""
    rows, columns = sorted((first.row, last.row)), sorted((first.column, last.column))
    return frozenset(Well(r, c) for r in range(rows[0], rows[1] + 1) for c in range(columns[0], columns[1] + 1))
