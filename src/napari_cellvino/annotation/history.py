"""Edits that can be taken back and made again, as many as fit into a number of bytes."""

from __future__ import annotations

from collections import deque

from napari_cellvino.annotation.edit import Edit
from napari_cellvino.core.errors import EditError

BYTES = 256_000_000


class History:
    """Two stacks of edits; where they grow beyond ``limit`` bytes, the oldest edits are forgotten."""

    def __init__(self, limit: int = BYTES) -> None:
        self._limit = limit
        self._done: deque[Edit] = deque()
        self._undone: list[Edit] = []
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes of all edits held, about."""
        return self._bytes

    @property
    def next_undo(self) -> Edit | None:
        """The edit that undo would take back."""
        return self._done[-1] if self._done else None

    @property
    def next_redo(self) -> Edit | None:
        """The edit that redo would make again."""
        return self._undone[-1] if self._undone else None

    def did(self, edit: Edit) -> None:
        """Remember an edit; what was undone before it is forgotten. The last edit is kept however large."""
        self._bytes += edit.nbytes - sum(undone.nbytes for undone in self._undone)
        self._undone.clear()
        self._done.append(edit)
        self.fit(self._limit)

    def fit(self, limit: int) -> None:
        """Forget the oldest edits beyond a number of bytes."""
        self._limit = limit
        while self._bytes > limit and len(self._done) > 1:
            self._bytes -= self._done.popleft().nbytes

    def undone(self) -> None:
        """Move the last edit to those that can be made again.

        Raises
        ------
        EditError
            If there is none.
        """
        if not self._done:
            raise EditError("there is nothing to undo")
        self._undone.append(self._done.pop())

    def redone(self) -> None:
        """Move the edit that was undone last back.

        Raises
        ------
        EditError
            If there is none.
        """
        if not self._undone:
            raise EditError("there is nothing to redo")
        self._done.append(self._undone.pop())
