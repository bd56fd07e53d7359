"""What strokes and outlined cells say, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.segmentation import find_boundaries

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.training.teach.strokes import HOW, StrokeKind, Strokes
from napari_cellvino.training.teach.taught_graph import BACKGROUND, BETWEEN, CELL

NO_CLASS = -1
RIM = 2.0  # px inside an outline that nobody draws to the pixel
AROUND = np.ones((3, 3), bool)


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """Pixels that somebody said something of: ``yx`` (N, 2), and for each its kind, class and stroke (N,).

    ``kinds`` are those of a learner, ``classes`` count from 0, -1 where none was said; pixels of one stroke, or of one
    outlined cell, have one number in ``strokes``.
    """

    yx: NDArray[np.intp]
    kinds: NDArray[np.intp]
    classes: NDArray[np.intp]
    strokes: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.yx)

    def count(self, kind: int) -> int:
        """Return the number of strokes of a kind."""
        return len(np.unique(self.strokes[self.kinds == kind]))

    @property
    def counts(self) -> tuple[int, int, int]:
        """The numbers of strokes of cells, of background, and of what lies between cells."""
        return self.count(CELL), self.count(BACKGROUND), self.count(BETWEEN)


def painted(strokes: Strokes) -> Painted:
    """Return what strokes on a plane (Y, X) say; strokes count before outlined cells where both lie on a pixel."""
    held = enumerate(ndi.find_objects(strokes.kinds), 1)
    parts = [_of_value(strokes.kinds, value, part) for value, part in held if part is not None]
    if strokes.cells is not None:
        parts += _of_cells(strokes.cells, strokes.kinds)
    return joined([part for part in parts if len(part)])


def joined(parts: Sequence[Painted]) -> Painted:
    """Return all pixels, with the strokes of each part numbered after those before."""
    if not parts:
        none = np.zeros(0, np.intp)
        return Painted(np.zeros((0, 2), np.intp), none, none, none)
    first, strokes = 0, []
    for part in parts:
        strokes.append(part.strokes + first)
        first += int(part.strokes.max(initial=-1)) + 1
    yx, kinds, classes = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("yx", "kinds", "classes")
    )
    return Painted(yx, kinds, classes, np.concatenate(strokes))


def check_painted(found: Painted) -> None:
    """Raise TrainingDataError unless cells and background were painted."""
    if not len(found):
        raise TrainingDataError(f"nothing is painted in the stroke files: {HOW}")
    missing = [name for name, kind in (("cells", CELL), ("background", BACKGROUND)) if not found.count(kind)]
    if missing:
        raise TrainingDataError(
            f"no stroke lies on {' and '.join(missing)}; paint some there too, a model learns from both ({HOW})"
        )


def typical_diameter(cells: Sequence[NDArray[np.integer]]) -> float | None:
    """Return the diameter in px of a disc of the median area of outlined cells; None without any."""
    areas = np.concatenate([np.zeros(0, np.intp), *(np.bincount(labels.reshape(-1))[1:] for labels in cells)])
    areas = areas[areas > 0]
    return float(np.sqrt(4 / np.pi * np.median(areas))) if len(areas) else None


def _of_value(kinds: NDArray[np.uint8], value: int, part: tuple[slice, slice]) -> Painted:
    """Return what strokes of a value say, all of which lie in a part of the plane."""
    pieces, _ = ndi.label(kinds[part] == value, AROUND)
    yx = np.argwhere(pieces > 0)
    kind = {StrokeKind.BACKGROUND: BACKGROUND, StrokeKind.BETWEEN: BETWEEN}.get(StrokeKind(min(value, 4)), CELL)
    own = value - StrokeKind.FIRST_CLASS if value >= StrokeKind.FIRST_CLASS else NO_CLASS
    return _painted(yx + [axis.start for axis in part], kind, own, pieces[tuple(yx.T)] - 1)


def _of_cells(cells: NDArray[np.integer], kinds: NDArray[np.uint8]) -> list[Painted]:
    """Return the insides of outlined cells, and the lines on which two of them touch."""
    edge = find_boundaries(cells, mode="inner")
    deep = ndi.distance_transform_edt((cells > 0) & ~edge)
    free = kinds == StrokeKind.NOTHING
    inside = free & (deep > 0) & (deep >= np.minimum(RIM, _deepest(cells, deep)))
    yx = np.argwhere(inside)
    owners = np.unique(cells[inside], return_inverse=True)[1]
    touching = np.argwhere(free & (cells > 0) & edge & _near_other(cells))
    lines = cells[tuple(touching.T)].astype(np.intp)
    return [
        _painted(yx, CELL, NO_CLASS, owners),
        _painted(touching, BETWEEN, NO_CLASS, np.unique(lines, return_inverse=True)[1]),
    ]


def _deepest(cells: NDArray[np.integer], deep: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each pixel the largest depth in its cell: small cells have no pixel deeper than a rim."""
    count = int(cells.max(initial=0))
    deepest = np.zeros(count + 1)
    np.maximum.at(deepest, cells.reshape(-1), deep.reshape(-1))
    return np.asarray(deepest[cells])


def _near_other(cells: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which pixels have another cell beside them."""
    none = int(cells.max(initial=0)) + 1
    lowest = ndi.minimum_filter(np.where(cells > 0, cells.astype(np.int64), none), 3)
    return np.asarray(ndi.maximum_filter(cells, 3) != lowest)


def _painted(yx: NDArray[np.intp], kind: int, own: int, strokes: NDArray[np.integer]) -> Painted:
    every = np.ones(len(yx), np.intp)
    return Painted(yx, kind * every, own * every, strokes.astype(np.intp))
