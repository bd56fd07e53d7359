"""Notices that a panel has left its window: a viewer's session ends with its last panel."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget


class PanelLeaving(QObject):
    """Tells once, with the panel's id, that it was taken out (napari unparents what it removes), or died with it."""

    def __init__(self, panel: QWidget, leave: Callable[[int], None]) -> None:
        super().__init__(panel)
        self._leave, self._panel_id = leave, id(panel)
        self._docked = panel.parent() is not None
        panel.installEventFilter(self)
        panel_id = self._panel_id
        panel.destroyed.connect(lambda: leave(panel_id))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Leave when the panel has no parent any more."""
        if event.type() == QEvent.Type.ParentChange:
            if watched.parent() is not None:
                self._docked = True
            elif self._docked:
                watched.removeEventFilter(self)
                self._leave(self._panel_id)
                watched.deleteLater()
        return False
