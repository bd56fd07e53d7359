"""What can be done in a review: its key, its button and what it does, in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept, exclude, reject, set_class
from napari_cellvino.annotation.tools.merge import merge
from napari_cellvino.gui.reviewer import Reviewer


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; ``keys`` are as Qt writes them, the first is shown."""

    title: str
    keys: tuple[str, ...]
    tip: str
    run: Callable[[Reviewer], None]

    @property
    def words(self) -> str:
        """Tooltip: what it does, and its key."""
        return f"{self.tip} ({self.keys[0]})"


def _accept(reviewer: Reviewer) -> None:
    reviewer.do(lambda annotation: accept(annotation, reviewer.selection), onward=True)


def _reject(reviewer: Reviewer) -> None:
    reviewer.do(lambda annotation: reject(annotation, reviewer.selection), onward=True)


def _exclude(reviewer: Reviewer) -> None:
    records = reviewer.annotation.records if reviewer.annotation is not None else {}
    chosen = [records[id_] for id_ in reviewer.selection]
    excluded = not (chosen and all(record.excluded for record in chosen))
    reviewer.do(lambda annotation: exclude(annotation, reviewer.selection, excluded=excluded))


def _delete(reviewer: Reviewer) -> None:
    reviewer.do(lambda annotation: delete(annotation, reviewer.selection), onward=True)


def _merge(reviewer: Reviewer) -> None:
    insisted = reviewer.unsure
    reviewer.do(lambda annotation: merge(annotation, reviewer.selection, apart=insisted))


PREVIOUS = Action("◀", ("Shift+N",), "Go back to the cell before", lambda reviewer: reviewer.step(-1))
NEXT = Action("▶", ("N",), "Go to the next cell that nobody looked at", lambda reviewer: reviewer.step(1))
ACCEPT = Action("Accept", ("A",), "The chosen cells are right as they are; go on to the next", _accept)
REJECT = Action("Reject", ("R",), "The chosen ones are no cells; they stay, and are not counted", _reject)
EXCLUDE = Action("Exclude", ("Q",), "Leave the chosen cells out of the counts, or take them in again", _exclude)
DELETE = Action("Delete", ("D",), "Take the chosen cells away; another run does not bring them back", _delete)
MERGE = Action("Merge", ("G",), "Make one cell of those chosen; choose several with Shift+click", _merge)
UNDO = Action("Undo", ("Ctrl+Z",), "Take the last edit back, painting included", lambda reviewer: reviewer.undo())
REDO = Action("Redo", ("Ctrl+Shift+Z",), "Make again what was undone", lambda reviewer: reviewer.redo())

WALK = (PREVIOUS, ACCEPT, REJECT, EXCLUDE, NEXT)
SHAPE = (DELETE, MERGE)
HISTORY = (UNDO, REDO)


def class_action(number: int) -> Action:
    """Return the action that gives the chosen cells the class of a number, counted from 1."""

    def run(reviewer: Reviewer) -> None:
        reviewer.do(lambda annotation: set_class(annotation, reviewer.selection, number - 1))

    return Action(f"Class {number}", (f"Shift+{number}",), f"Give the chosen cells class {number}", run)


CLASSES = tuple(class_action(number) for number in range(1, 10))
ALL = (*WALK, *SHAPE, *HISTORY, *CLASSES)
