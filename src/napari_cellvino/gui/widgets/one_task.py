"""A controller that does one piece of work at a time: what is under way, and why the last one failed."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_cellvino.gui.widgets.failure import Failure, failure_of


class OneTask(QObject):
    """Panels draw ``working`` (empty at rest) and ``failure`` when `changed` says so."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.working = ""
        self.failure: Failure | None = None

    def _stop(self) -> None:
        """Come to rest, with nothing made."""
        self.working = ""
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        self._stop()
