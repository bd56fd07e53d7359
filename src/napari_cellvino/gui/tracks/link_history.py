"""With which options the tracks of a film are linked: undo and redo of linking again take them back and forth."""

from __future__ import annotations

from napari_cellvino.annotation import EditAction
from napari_cellvino.core.link_options import LinkOptions


class LinkHistory:
    """The options of each linking that is in effect, and of those that were undone."""

    def __init__(self, options: LinkOptions) -> None:
        self._before = options
        self._done: list[LinkOptions] = []
        self._undone: list[LinkOptions] = []

    @property
    def options(self) -> LinkOptions:
        """Those that the tracks are linked with now."""
        return self._done[-1] if self._done else self._before

    def take(self, step: EditAction, wanted: LinkOptions) -> None:
        """Take in that the cells were linked again, with ``wanted`` options, or that this was undone or redone."""
        if step is EditAction.DO:
            self._done.append(wanted)
            self._undone.clear()
        elif step is EditAction.UNDO and self._done:
            self._undone.append(self._done.pop())
        elif step is EditAction.REDO and self._undone:
            self._done.append(self._undone.pop())
