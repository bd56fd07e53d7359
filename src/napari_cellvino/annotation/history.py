"""The undo and redo stacks, limited in memory."""

from __future__ import annotations

from collections import deque

from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.event import EditAction
from napari_cellvino.core.errors import EditError

BYTES = 256_000_000


class EditsInEffect:
    """Which edits are in effect, by the number of the step that made them; it knows them also where they were dropped.

    To take back an edit from before the first step is a change of its own.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._numbers: list[int] = []
        self._undone: list[int] = []

    @property
    def state(self) -> tuple[int, ...]:
        """The numbers of the edits in effect, in their order."""
        return tuple(self._numbers)

    def take(self, step: EditAction) -> None:
        """Take in one step."""
        self._steps += 1
        if step is EditAction.UNDO and self._numbers:
            self._undone.append(self._numbers.pop())
        elif step is EditAction.REDO and self._undone:
            self._numbers.append(self._undone.pop())
        else:
            self._undone.clear()
            self._numbers.append(self._steps)


def steps_between(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Return how many edits lie between two states: those of one that are not in the other."""
    common = next((n for n, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))
    return len(a) + len(b) - 2 * common


class History:
    """Undo and redo stacks; beyond ``limit`` bytes, the oldest edits are dropped."""

    def __init__(self, limit: int = BYTES) -> None:
        self._limit = limit
        self._done: deque[Edit] = deque()
        self._undone: list[Edit] = []
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Approximate memory of all edits in bytes."""
        return self._bytes

    @property
    def next_undo(self) -> Edit | None:
        """The edit that undo would revert, or None."""
        return self._done[-1] if self._done else None

    @property
    def next_redo(self) -> Edit | None:
        """The edit that redo would apply, or None."""
        return self._undone[-1] if self._undone else None

    def push(self, edit: Edit) -> None:
        """Add an edit and clear the redo stack. The last edit is kept even beyond the limit."""
        self._bytes += edit.nbytes - sum(undone.nbytes for undone in self._undone)
        self._undone.clear()
        self._done.append(edit)
        self.set_limit(self._limit)

    def set_limit(self, limit: int) -> None:
        """Set the limit in bytes and drop the oldest edits beyond it."""
        self._limit = limit
        while self._bytes > limit and len(self._done) > 1:
            self._bytes -= self._done.popleft().nbytes

    def mark_undone(self) -> None:
        """Move the last edit to the redo stack.

        Raises
        ------
        EditError
            If there is none.
        """
        if not self._done:
            raise EditError("there is nothing to undo")
        self._undone.append(self._done.pop())

    def mark_redone(self) -> None:
        """Move the edit undone last back to the undo stack.

        Raises
        ------
        EditError
            If there is none.
        """
        if not self._undone:
            raise EditError("there is nothing to redo")
        self._done.append(self._undone.pop())
