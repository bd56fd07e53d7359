"""What has become of a run so far, taken from its events."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome


@dataclass(slots=True)
class RunProgress:
    """Counts of a run over ``total`` fields.

    ``now`` is the name of the field under way and ``number`` its number, from 1. ``kept`` are fields that an earlier
    run had finished, ``cells`` the cells of all that are done.
    """

    total: int
    started: float = field(default_factory=time.perf_counter)
    now: str = ""
    number: int = 1
    ended: int = 0
    kept: int = 0
    failed: int = 0
    cells: int = 0
    seconds: float = 0.0
    traceback: str = ""
    _first_s: float | None = None  # when the first field that was not kept began

    def take(self, event: RunEvent) -> None:
        """Take an event in."""
        if not isinstance(event, FieldOutcome):
            self.now, self.number = event.name, event.number
            self._first_s = self._first_s or time.perf_counter()
            return
        self.ended += 1
        self.kept += event.kept
        self.failed += event.failed
        self.traceback = self.traceback or event.traceback
        self.cells += event.count

    def end(self) -> None:
        """Take note that the run is over."""
        self.now, self.seconds = "", time.perf_counter() - self.started

    @property
    def left_s(self) -> float | None:
        """Seconds left, by what the fields took so far; None while nothing is known."""
        made = self.ended - self.kept
        if made < 1 or self._first_s is None:
            return None
        return (time.perf_counter() - self._first_s) / made * (self.total - self.ended)
