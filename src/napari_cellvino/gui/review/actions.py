"""What a key or a button does at once in a review, in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from napari_cellvino.annotation import Annotation, Edit
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept, reject, set_class, turn_excluded
from napari_cellvino.annotation.tools.merge import merge
from napari_cellvino.annotation.tools.outline import fill_holes, grow, shrink, smooth
from napari_cellvino.annotation.tools.planes import fill_planes
from napari_cellvino.annotation.tools.split_seeds import split_at_waist
from napari_cellvino.gui.review.review_controller import ReviewController


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; the key is as Qt writes it."""

    title: str
    key: str
    tip: str
    run: Callable[[ReviewController], None]

    @property
    def tooltip(self) -> str:
        """Tooltip: what it does, and its key."""
        return f"{self.tip} ({self.key})"


def _accept(reviewer: ReviewController) -> None:
    reviewer.do(lambda annotation: accept(annotation, reviewer.selection), onward=True)


def _reject(reviewer: ReviewController) -> None:
    reviewer.do(lambda annotation: reject(annotation, reviewer.selection), onward=True)


def _exclude(reviewer: ReviewController) -> None:
    reviewer.do(lambda annotation: turn_excluded(annotation, reviewer.selection))


def _delete(reviewer: ReviewController) -> None:
    reviewer.do(lambda annotation: delete(annotation, reviewer.selection, plane=reviewer.scope), onward=True)


def _merge(reviewer: ReviewController) -> None:
    insisted = reviewer.editor.unsure
    reviewer.do(lambda annotation: merge(annotation, reviewer.selection, plane=reviewer.scope, apart=insisted))


def _reshape(tool: Callable[..., Edit]) -> Callable[[ReviewController], None]:
    def run(reviewer: ReviewController) -> None:
        def edit(annotation: Annotation) -> Edit:
            return tool(annotation, reviewer.only_one(), plane=reviewer.scope)

        reviewer.do(edit)

    return run


def _fill_planes(reviewer: ReviewController) -> None:
    reviewer.do(lambda annotation: fill_planes(annotation, reviewer.only_one()))


PREVIOUS = Action("◀", "Shift+N", "Go back to the cell before", lambda reviewer: reviewer.step(-1))
NEXT = Action("▶", "N", "Go to the next cell that was not reviewed", lambda reviewer: reviewer.step(1))
ACCEPT = Action("Accept", "A", "The chosen cells are right as they are; go on to the next", _accept)
REJECT = Action("Reject", "R", "The chosen ones are no cells; they stay, crossed out, and are not counted", _reject)
EXCLUDE = Action(
    "Exclude",
    "Q",
    "Leave the chosen cells out of the counts, with a line through them, or take them in again",
    _exclude,
)
DELETE = Action("Delete", "D", "Take the chosen cells away; another run does not bring them back", _delete)
MERGE = Action("Merge", "G", "Make one cell of those chosen, or of those a line is drawn across", _merge)
WAIST = Action("Shape", "T", "Split the chosen cell where it has a waist", _reshape(split_at_waist))
FILL = Action("Fill", "H", "Fill the holes of the chosen cell", _reshape(fill_holes))
SMOOTH = Action("Round", "Shift+H", "Round off the outline of the chosen cell", _reshape(smooth))
GROW = Action("Grow", ".", "Add a pixel all round the chosen cell; neighbours stay as they are", _reshape(grow))
SHRINK = Action("Shrink", ",", "Take a pixel away all round the chosen cell", _reshape(shrink))
PLANES = Action("Planes", "Shift+F", "Draw the chosen cell in the planes it misses between two", _fill_planes)
UNDO = Action("Undo", "Ctrl+Z", "Take the last edit back, painting included", lambda reviewer: reviewer.undo())
REDO = Action("Redo", "Ctrl+Shift+Z", "Make again what was undone", lambda reviewer: reviewer.editor.redo())

DELETE_BOX = replace(DELETE, tip="Take the chosen boxes away; another run does not bring them back")

REVIEWING = (PREVIOUS, ACCEPT, REJECT, EXCLUDE, NEXT)
FOR_OUTLINES = (DELETE, MERGE, WAIST, FILL, SMOOTH, GROW, SHRINK)
HISTORY = (UNDO, REDO)


def class_action(number: int) -> Action:
    """Return the action that gives the chosen cells the class of a number, counted from 1."""

    def run(reviewer: ReviewController) -> None:
        reviewer.do(lambda annotation: set_class(annotation, reviewer.selection, number - 1))

    return Action(f"Class {number}", f"Shift+{number}", f"Give the chosen cells class {number}", run)


CLASSES = tuple(class_action(number) for number in range(1, 10))
