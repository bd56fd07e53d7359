"""Progress on standard error: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from tqdm import tqdm

from napari_cellvino.workflows.field_events import HELD_UP
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress
from napari_cellvino.workflows.run_progress import RunProgress

TOLD_EVERY_S = 30.0
MOST_KEPT = 20  # fields that stood already, and are told one by one


class Reporter:
    """Reports the progress of a run; ``files`` is the number of files; ``check`` is called at every event."""

    def __init__(self, files: int, *, quiet: bool = False, check: Callable[[], None] = lambda: None) -> None:
        self.quiet, self._check = quiet, check
        self.files = files
        self.bar: tqdm[NoReturn] | None = None
        self.on_terminal = sys.stderr.isatty() and not quiet
        self._run, self._told = RunProgress(files), time.monotonic()
        self._held_up = ""
        self._kept = 0

    def report(self, item: FieldProgress | FieldOutcome) -> None:
        """Show progress, or the outcome of a field."""
        self._check()
        self.count(item)
        if isinstance(item, FieldProgress):
            self.progress(item)
        else:
            self.field(item)

    def count(self, item: FieldProgress | FieldOutcome) -> None:
        """Take an event in; in a log, say every half minute how fast the run goes and what is left."""
        self._run.take(item)
        if self.quiet or self.on_terminal or time.monotonic() - self._told < TOLD_EVERY_S:
            return
        self._told = time.monotonic()
        if pace := self.pace():
            print(f"{self._run.ended} of {max(self.files, self._run.ended)} fields, {pace}", file=sys.stderr)

    def pace(self) -> str:
        """Return ``32 fields a minute, about 2 min left``; empty while nothing is known."""
        rate, left = self._run.per_minute, self._run.left_s
        if rate is None or left is None:
            return ""
        rest = f", about {span(left)} left" if self._run.ended < self.files else ""
        return f"{rate:.3g} fields a minute{rest}"

    def progress(self, item: FieldProgress) -> None:
        """Move the bar; in a log, say what holds the run up."""
        before, self._held_up = self._held_up, item.progress.noun if item.progress.noun in HELD_UP else ""
        if not self.on_terminal:
            if self._held_up and self._held_up != before and not self.quiet:
                print(self._held_up, file=sys.stderr)
            return
        if self.bar is None:
            self.bar = tqdm(leave=False, file=sys.stderr, bar_format="{desc} {bar:20} {n_fmt}/{total_fmt} {unit}")
        pace = f" · {self.pace()}" if self._run.ended else ""
        self.bar.set_description(f"{item.number}/{max(self.files, item.number)} {item.name}{pace}", refresh=False)
        self.bar.unit = item.progress.noun
        self.bar.total, self.bar.n = item.progress.total, item.progress.done
        self.bar.refresh()

    def field(self, outcome: FieldOutcome) -> None:
        """Print the outcome of a field."""
        if outcome.kept and not outcome.notices and not self.quiet:
            self._kept += 1
            if self._kept > MOST_KEPT:
                return
        self._close()
        if self.quiet:
            return
        if outcome.failed:
            print(f"{outcome.name}: failed: {outcome.row['error']}", file=sys.stderr)
            return
        how = "kept from an earlier run" if outcome.kept else f"{outcome.seconds:.2f} s"
        print(f"{outcome.name}: {_found(outcome)} ({how})", file=sys.stderr)
        for notice in outcome.notices:
            print(f"  {notice}", file=sys.stderr)

    def end(self, done: Sequence[FieldOutcome]) -> None:
        """Print the totals."""
        self._close()
        if self.quiet:
            return
        if self._kept > MOST_KEPT:
            print(f"and {self._kept - MOST_KEPT:,} more, kept from an earlier run", file=sys.stderr)
        failed = sum(d.failed for d in done)
        total = " and ".join(totals(done)) or "nothing"
        print(f"{total} in {len(done) - failed} of {len(done)} fields", file=sys.stderr)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def span(seconds: float) -> str:
    """Return a time as ``40 s``, ``7 min`` or ``3.2 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _found(outcome: FieldOutcome) -> str:
    """Return how many cells and spots a field has, of what was sought."""
    return " and ".join(totals([outcome])) or "nothing was sought"


def totals(done: Sequence[FieldOutcome]) -> list[str]:
    """Return the sums of the cells and the spots of fields, of what was sought."""
    whole = [d for d in done if not d.failed]
    found = [cells(sum(d.count for d in whole))] if any(d.sought_cells for d in whole) or not whole else []
    spots = [int(float(str(d.row["spots"]))) for d in whole if d.row.get("spots") not in (None, "")]
    return [*found, *([f"{sum(spots):,} spot{'s' * (sum(spots) != 1)}"] if spots else [])]


def cells(number: int) -> str:
    """Return ``1 cell`` or ``1,204 cells``."""
    return f"{number:,} cell{'s' * (number != 1)}"
