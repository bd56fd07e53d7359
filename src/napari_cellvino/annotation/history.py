"""The undo and redo stacks, limited in memory."""

from __future__ import annotations

from collections import deque

from napari_cellvino.annotation.edit import Edit
from napari_cellvino.core.errors import EditError

BYTES = 256_000_000


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
