"""How much memory a piece of work takes, watched from a thread beside it."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import psutil

EVERY_S = 0.02


class PeakMemory:
    """Watches the resident memory of this process while a block runs; other threads of the process count as well."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._peak = self._now()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cellvino memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        """Bytes of the peak above what there was at first."""
        return max(self._peak, self._now()) - self._before

    def _now(self) -> int:
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._end.wait(EVERY_S):
            self._peak = max(self._peak, self._now())
