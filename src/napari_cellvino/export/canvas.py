"""Puts objects that other programs describe one by one into a label image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.export.fields import Cell, Cells, cells_of
from napari_cellvino.export.rings import Points, fill_rings


class Canvas:
    """A label image (Y, X) or (Z, Y, X) that fills up; where objects overlap, the first keeps the pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.labels = np.zeros(shape, np.int32)
        self._cells: dict[int, Cell] = {}

    def rings(self, cell: Cell, rings: Sequence[Points], z: int = 0) -> None:
        """Add what lies inside polygons (K, 2) of x, y in plane ``z`` (from 0, of a stack)."""
        points = np.concatenate([np.asarray(ring, np.float64) for ring in rings])
        (x0, y0), (x1, y1) = np.floor(points.min(0)), np.ceil(points.max(0))
        height, width = self.labels.shape[-2:]
        top, left = max(int(y0), 0), max(int(x0), 0)
        window = (max(min(int(y1), height) - top, 0), max(min(int(x1), width) - left, 0))
        if math.prod(window) == 0:
            self._cells.setdefault(cell.id, cell)
            return
        moved = [np.asarray(ring, np.float64) - (left, top) for ring in rings]
        self.mask(cell, fill_rings(moved, window), (top, left), z)

    def mask(self, cell: Cell, mask: NDArray[np.bool_], corner: tuple[int, int] = (0, 0), z: int = 0) -> None:
        """Add a mask (H, W) whose first pixel lies at ``corner`` (y, x)."""
        self._cells.setdefault(cell.id, cell)
        plane = self.labels if self.labels.ndim == 2 else self.labels[z]
        under = plane[corner[0] : corner[0] + mask.shape[0], corner[1] : corner[1] + mask.shape[1]]
        under[mask & (under == 0)] = cell.id

    def pixels(self, cell: Cell, y: NDArray[np.intp], x: NDArray[np.intp]) -> None:
        """Add pixels of a plane, all within the image."""
        self._cells.setdefault(cell.id, cell)
        free = self.labels[y, x] == 0
        self.labels[y[free], x[free]] = cell.id

    def cells(self, classes: tuple[str, ...] = (), notices: tuple[str, ...] = ()) -> Cells:
        """Return what was added; objects without a pixel of their own are left out, and a notice says how many."""
        return labelled(self.labels, tuple(self._cells.values()), classes, notices)


def labelled(
    labels: NDArray[np.int32], cells: Sequence[Cell], classes: Sequence[str] = (), notices: tuple[str, ...] = ()
) -> Cells:
    """Return labels with what is known of their objects: boxes from the pixels, those without a pixel left out."""
    known = {cell.id: cell for cell in cells}
    shown = tuple(replace(known.get(cell.id, cell), box=cell.box) for cell in cells_of(labels))
    hidden = len(known.keys() - {cell.id for cell in shown})
    if hidden:
        notices = (*notices, f"{hidden} object(s) have no pixel of their own, or lie beyond the image: left out")
    kinds = tuple(dict.fromkeys([*classes, *(cell.kind for cell in shown)]))
    return Cells(labels, shown, kinds or ("cell",), notices)
