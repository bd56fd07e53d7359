"""The log of napari-cellvino, kept while the window is open, for the Details at its foot."""

from __future__ import annotations

import logging
from collections import deque

from qtpy.QtCore import QObject, Signal

MOST_LINES = 2_000
ROOT = "napari_cellvino"
_FORMAT = "%(asctime)s  %(levelname)-7s  %(name)s: %(message)s"


class SessionLog(QObject):
    """The latest lines of the log, from whichever thread."""

    added = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self._handler = _Handler(self)
        self._logger = logging.getLogger(ROOT)
        self._level_before = self._logger.level
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self._handler)

    def close(self) -> None:
        """Listen no more."""
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level_before)

    def add(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)
        self.added.emit(line)


class _Handler(logging.Handler):
    """Hands formatted records to a session's log."""

    def __init__(self, log: SessionLog) -> None:
        super().__init__(logging.DEBUG)
        self._log = log
        self.setFormatter(logging.Formatter(_FORMAT, "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record as one line; a traceback takes several."""
        self._log.add(self.format(record))
