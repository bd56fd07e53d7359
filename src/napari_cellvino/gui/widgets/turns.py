"""Calls in later turns of the event loop: what was told before is drawn first, and clicks and keys come between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer


class Turns(QObject):
    """One call in each turn, in the order in which they came."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._calls: deque[Callable[[], object]] = deque()
        self._next = QTimer(self)
        self._next.timeout.connect(self._call)

    def take(self, call: Callable[[], object]) -> None:
        """Make a call in a turn of its own."""
        self._calls.append(call)
        self._next.start(0)

    def stop(self) -> None:
        """Make no call any more."""
        self._calls.clear()
        self._next.stop()

    def _call(self) -> None:
        call = self._calls.popleft()
        if not self._calls:
            self._next.stop()
        call()
