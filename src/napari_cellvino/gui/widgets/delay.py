"""Calls that wait until signals pause, or that run at most so often while signals go on."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer, QSignalThrottler


def debouncer(parent: QObject, timeout_ms: int, call: Callable[[], object]) -> QSignalDebouncer:
    """Return what calls ``call`` once no ``throttle()`` came for ``timeout_ms``."""
    delay = QSignalDebouncer(parent=parent)
    delay.setTimeout(timeout_ms)
    delay.triggered.connect(call)
    return delay


def throttler(parent: QObject, timeout_ms: int, call: Callable[[], object]) -> QSignalThrottler:
    """Return what calls ``call`` ``timeout_ms`` after a first ``throttle()``, once for all that came until then."""
    delay = QSignalThrottler(QSignalThrottler.EmissionPolicy.Trailing, parent)
    delay.setTimeout(timeout_ms)
    delay.triggered.connect(call)
    return delay
