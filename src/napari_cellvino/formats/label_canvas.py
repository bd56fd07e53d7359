"""Puts what other programs say of an image into a label image of its size, or says why it does not fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.formats.contours import Points, fill_rings
from napari_cellvino.formats.field import STACKED, Cell, Cells, Labels, MisfitError, cells_of

LARGEST = np.iinfo(np.int32).max


class LabelCanvas:
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


def fitting_labels(path: Path, pixels: NDArray[Any], shape: tuple[int, ...]) -> Labels:
    """Return the label image in ``path`` as int32 of ``shape``; leading axes of length 1 are passed over.

    Raises
    ------
    MisfitError
        If it has another size.
    ImageValueError
        If its pixels are no labels.
    """
    while pixels.ndim > len(shape) and len(pixels) == 1:
        pixels = pixels[0]
    if pixels.dtype.kind not in "bui":
        raise ImageValueError(f"{path} holds {pixels.dtype} pixels, which are no labels; those are whole numbers")
    if pixels.shape != tuple(shape):
        raise MisfitError(path, pixels.shape, shape)
    low, high = (int(pixels.min()), int(pixels.max())) if pixels.size else (0, 0)
    if low < 0 or high > LARGEST:
        raise ImageValueError(f"{path} has the label {low if low < 0 else high}; ids go from 1 to {LARGEST}")
    return pixels.astype(np.int32)


def check_flat(path: Path, kind: str, shape: tuple[int, ...]) -> None:
    """Raise ImageValueError where a format that has no z is to hold the masks of a whole stack."""
    if len(shape) != 2:
        raise ImageValueError(
            f"{path}: {kind} holds one plane, but the masks of a whole stack {tuple(shape)} are asked for",
            remedy=f"choose the one plane that these lie on, or give the stack as {STACKED}",
            command=f"say which plane these lie on (--z plane:K), or give the stack as {STACKED}",
        )


def planes_of_areas(path: Path, named: Sequence[int | None], shape: tuple[int, ...]) -> list[int]:
    """Return the plane (from 0) that each area of a file lies on, where ``named`` is what the file says.

    In an image of one plane it does not matter which one they name, as long as it is the same.

    Raises
    ------
    MisfitError
        If areas of several planes are to lie on one, those of one plane in a stack, or some beyond its last.
    ImageValueError
        If only some say on which plane of a stack they lie.
    """
    planes = [plane for plane in named if plane is not None]
    size, count = tuple(shape[-2:]), max(planes, default=0) + 1
    if len(shape) == 2:
        if len(set(planes)) > 1:
            raise MisfitError(path, (count, *size), shape)
        return [0] * len(named)
    if (named and not planes) or count > shape[0]:
        raise MisfitError(path, (count, *size) if planes else size, shape)
    if len(planes) < len(named):
        silent = len(named) - len(planes)
        raise ImageValueError(f"{path}: {silent} of {len(named)} areas do not say which plane of the stack they lie on")
    return planes


def single_planes_notice(unknown: int, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return what to say of areas in a stack that do not tell which object they are part of."""
    if not unknown or len(shape) == 2:
        return ()
    return (f"{unknown} area(s) do not say which cell they belong to: each is a cell of its own plane",)
