"""Keep a list from choosing its first row when it takes the keyboard.

Qt makes the first row the current one when a list that has none gets the focus, unless something made a row the
current one before. The first arrow key then goes to the second row or to the first, as the windows of the desktop
happen to take turns, and what acts on the current row acts without a key or a click.
"""

from __future__ import annotations

from qtpy.QtCore import QEvent, QModelIndex, QObject
from qtpy.QtWidgets import QAbstractItemView


class QuietFocus(QObject):
    """Watches a list or a table; the first arrow key goes to the first row, whenever the focus came."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Tell Qt that no current row is on purpose, before it makes one."""
        if event.type() == QEvent.Type.FocusIn and not self._view.currentIndex().isValid():
            self._view.setCurrentIndex(QModelIndex())
        return False
