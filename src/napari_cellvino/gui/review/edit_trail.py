"""Where corrections were made, field by field, and what can still be taken back in saved fields that were left."""

from __future__ import annotations

from napari_cellvino.annotation.history import History
from napari_cellvino.core.image import Origin

KEPT_BYTES = 16_000_000  # of the steps of one field that was left


class EditTrail:
    """The fields that were corrected, the last one last."""

    def __init__(self) -> None:
        self._names: dict[Origin, str] = {}  # what undo would take back
        self._histories: dict[Origin, History] = {}

    def note(self, origin: Origin, name: str) -> None:
        """Take note of what undo would take back in a field; an empty name where that is nothing."""
        self._names.pop(origin, None)
        if name:
            self._names[origin] = name

    def last_elsewhere(self, origin: Origin | None) -> tuple[Origin, str] | None:
        """Return the field that was corrected last other than this one, and what undo would take back there."""
        return next(((field, name) for field, name in reversed(self._names.items()) if field != origin), None)

    def leave(self, origin: Origin, history: History) -> None:
        """Keep the steps of a field that is saved and left."""
        history.set_limit(KEPT_BYTES)
        self._histories[origin] = history

    def come_back(self, origin: Origin) -> History | None:
        """Return the steps of a field that was left, and keep them no longer."""
        return self._histories.pop(origin, None)
