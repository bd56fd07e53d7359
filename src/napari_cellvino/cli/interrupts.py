"""Ctrl+C that is not lost: Python drops an exception that comes in a callback, as that of a lock of an import.

A command imports for a second before it runs. A KeyboardInterrupt in that time may come in a callback (of a weak
reference, a destructor, a module in C), where Python prints "Exception ignored" and goes on. So it is remembered, and
raised again at the next place that asks.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """What Ctrl+C did; without a handler of its own where another one is in place."""

    def __init__(self) -> None:
        self._came = False

    @contextmanager
    def remembered(self) -> Iterator[None]:
        """Remember an interrupt until the end of the block."""
        ours = threading.current_thread() is threading.main_thread()
        if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt where one came and nobody heard it."""
        if self._came:
            raise KeyboardInterrupt

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        raise KeyboardInterrupt
