"""Tools that draw or click in the picture: the gesture of each, and what it does with the points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Change, Edit
from napari_cellvino.annotation.tools.add import add_drawn, add_from_intensity, add_from_map
from napari_cellvino.annotation.tools.boxes import add_box, move_box, resize_box
from napari_cellvino.annotation.tools.drawing import draw_line, draw_polygon, ids_under
from napari_cellvino.annotation.tools.merge import merge
from napari_cellvino.annotation.tools.outline import redraw
from napari_cellvino.annotation.tools.selection import inside
from napari_cellvino.annotation.tools.split_line import split_by_line
from napari_cellvino.annotation.tools.split_seeds import split_by_seeds
from napari_cellvino.core.errors import CellvinoError, EditError
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.widgets.failure import failure_of

Points = NDArray[np.float64]  # (P, D), px of the label image


class Gesture(Enum):
    """The gesture of a tool; all but the last two also take clicks, which Enter ends."""

    LINE = "line"
    AREA = "area"
    POINTS = "points"
    CLICK = "click"
    BOX = "box"


@dataclass(frozen=True, slots=True)
class PointerTool:
    """One tool; ``use`` makes the edit of what was drawn and returns whether that succeeded."""

    title: str
    key: str
    tip: str
    hint: str
    gesture: Gesture
    use: Callable[[ReviewController, Points], bool]

    @property
    def tooltip(self) -> str:
        """Tooltip: what it does, and its key."""
        return f"{self.tip} ({self.key})"


def _drawn(points: Points) -> tuple[Points, int | None]:
    """Return points in their plane (P, 2), and which plane of a stack that is."""
    return points[:, -2:], round(float(points[0, 0])) if points.shape[1] == 3 else None


def _made(change: Change | None) -> bool:
    return change is not None


def _split_line(reviewer: ReviewController, points: Points) -> bool:
    line, plane = _drawn(points)
    return _made(reviewer.do(lambda a: split_by_line(a, line, plane=plane, whole=reviewer.scope is None)))


def _split_seeds(reviewer: ReviewController, points: Points) -> bool:
    seeds, plane = _drawn(points)
    foreground_probability = reviewer.workspace.cell_map(None) if plane is None else None
    return _made(
        reviewer.do(
            lambda a: split_by_seeds(
                a, seeds, plane=plane, whole=reviewer.scope is None, foreground_probability=foreground_probability
            )
        )
    )


def _add_here(reviewer: ReviewController, points: Points) -> bool:
    place, plane = _drawn(points)
    at = (float(place[-1, 0]), float(place[-1, 1]))

    def edit(annotation: Annotation) -> Edit:
        foreground_probability = reviewer.workspace.cell_map(plane)
        if foreground_probability is not None:
            return add_from_map(annotation, at, foreground_probability, plane=plane)
        pixels = reviewer.workspace.intensity(plane)
        if pixels is None:
            raise EditError("there is neither a map nor an image to grow a cell from; draw its outline instead")
        return add_from_intensity(annotation, at, pixels, plane=plane)

    return _made(reviewer.do(edit))


def _add_drawn(reviewer: ReviewController, points: Points) -> bool:
    outline, plane = _drawn(points)
    return _made(reviewer.do(lambda a: add_drawn(a, draw_polygon(a, outline, plane=plane))))


def _redraw(reviewer: ReviewController, points: Points) -> bool:
    outline, plane = _drawn(points)
    return _made(reviewer.do(lambda a: redraw(a, reviewer.only_one(), draw_polygon(a, outline, plane=plane))))


def _look_for(reviewer: ReviewController, find: Callable[[Annotation], Sequence[int]]) -> bool:
    """Choose what is found, and return whether that is any cell; where nothing can be, say why."""
    try:
        if reviewer.annotation is not None:
            reviewer.select(find(reviewer.annotation))
    except CellvinoError as error:
        reviewer.select(())
        reviewer.editor.say(failure_of(error).message)
    return bool(reviewer.selection)


def _merge_along(reviewer: ReviewController, points: Points) -> bool:
    line, plane = _drawn(points)

    _look_for(reviewer, lambda a: ids_under(a, draw_line(a, line, plane=plane)))
    merged = reviewer.do(lambda a: merge(a, reviewer.selection, plane=reviewer.scope))
    return _made(merged) or reviewer.editor.unsure


def _lasso(reviewer: ReviewController, points: Points) -> bool:
    outline, plane = _drawn(points)

    words = []

    def find(annotation: Annotation) -> tuple[int, ...]:
        found = inside(annotation, outline, plane=plane)
        if not found.ids:
            raise EditError(f"{found}: draw round the middle of the cells")
        words.append(f"Chosen: {found}")
        return found.ids

    chosen = _look_for(reviewer, find)
    reviewer.editor.said = "".join(words)
    reviewer.changed.emit()
    return chosen


def choose_along(reviewer: ReviewController, points: Points) -> None:
    """Choose the cells under a stroke as well."""
    line, plane = _drawn(points)

    _look_for(reviewer, lambda a: [*reviewer.selection, *ids_under(a, draw_line(a, line, plane=plane))])


def _add_box(reviewer: ReviewController, points: Points) -> bool:
    return _made(reviewer.do(lambda a: add_box(a, *_corners(points))))


def _resize_box(reviewer: ReviewController, points: Points) -> bool:
    return _made(reviewer.do(lambda a: resize_box(a, reviewer.only_one(), *_corners(points))))


def _move_box(reviewer: ReviewController, points: Points) -> bool:
    dy, dx = (points[-1] - points[0]).tolist()
    return _made(reviewer.do(lambda a: move_box(a, reviewer.only_one(), (dy, dx))))


def _corners(points: Points) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return first and last point as edges between pixels."""
    (y0, x0), (y1, x1) = (points[[0, -1]] + 0.5).tolist()
    return (y0, x0), (y1, x1)


SPLIT = PointerTool(
    "Split", "S", "Split a cell by a line drawn across it", "Draw a line across the cell", Gesture.LINE, _split_line
)
SEEDS = PointerTool(
    "Seeds", "W", "Split a cell by a click in each of its parts",
    "Click once in each part of the cell, then press Enter", Gesture.POINTS, _split_seeds,
)  # fmt: skip
ADD = PointerTool(
    "Add", "K", "Add a cell that was missed, by a click on it",
    "Click on the cell that was missed", Gesture.CLICK, _add_here,
)  # fmt: skip
DRAW = PointerTool(
    "Draw", "Shift+K", "Add a cell by drawing its outline",
    "Draw round the cell, or click at its corners and press Enter", Gesture.AREA, _add_drawn,
)  # fmt: skip
OUTLINE = PointerTool(
    "Outline", "O", "Draw the outline of the chosen cell anew",
    "Draw the new outline, or click at its corners and press Enter", Gesture.AREA, _redraw,
)  # fmt: skip
LASSO = PointerTool(
    "Lasso", "Shift+L", "Choose all cells in a drawn outline, to delete or mark them at once",
    "Draw round the cells to choose", Gesture.AREA, _lasso,
)  # fmt: skip
MERGE_ALONG = PointerTool(
    "Merge", "G", "Make one cell of those under a line", "Draw a line across the cells to join", Gesture.LINE,
    _merge_along,
)  # fmt: skip
ADD_BOX = PointerTool(
    "Add", "K", "Add a box that was missed", "Drag from one corner of the cell to the other", Gesture.BOX, _add_box
)
MOVE_BOX = PointerTool("Move", "W", "Move the chosen box", "Drag the chosen box to its place", Gesture.LINE, _move_box)
RESIZE_BOX = PointerTool(
    "Resize", "O", "Give the chosen box other corners", "Drag from one corner of the cell to the other", Gesture.BOX,
    _resize_box,
)  # fmt: skip

FOR_OUTLINES = (SPLIT, SEEDS, ADD, DRAW, OUTLINE, LASSO)
FOR_BOXES = (ADD_BOX, MOVE_BOX, RESIZE_BOX)
