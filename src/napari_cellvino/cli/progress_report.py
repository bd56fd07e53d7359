"""Progress on standard error: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress


class Reporter:
    """Reports the progress of a run; ``files`` is the number of files."""

    def __init__(self, files: int, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.files = files
        self.bar: tqdm[NoReturn] | None = None
        self.on_terminal = sys.stderr.isatty() and not quiet

    def report(self, news: FieldProgress | FieldOutcome) -> None:
        """Show progress, or the outcome of a field."""
        if isinstance(news, FieldProgress):
            self.progress(news)
        else:
            self.field(news)

    def progress(self, news: FieldProgress) -> None:
        """Move the bar."""
        if not self.on_terminal:
            return
        if self.bar is None:
            self.bar = tqdm(leave=False, file=sys.stderr, bar_format="{desc} {bar:20} {n_fmt}/{total_fmt} {unit}")
        self.bar.set_description(f"{news.number}/{max(self.files, news.number)} {news.name}", refresh=False)
        self.bar.unit = news.progress.noun
        self.bar.total, self.bar.n = news.progress.total, news.progress.done
        self.bar.refresh()

    def field(self, news: FieldOutcome) -> None:
        """Print the outcome of a field."""
        self._close()
        if self.quiet:
            return
        name = Path(str(news.row["file"])).name + (f" {news.row['position']}" if news.row["position"] else "")
        if news.failed:
            print(f"{name}: failed: {news.row['error']}", file=sys.stderr)
            return
        how = "kept from an earlier run" if news.kept else f"{news.seconds:.2f} s"
        print(f"{name}: {cells(news.row['count'])} ({how})", file=sys.stderr)
        for notice in news.notices:
            print(f"  {notice}", file=sys.stderr)

    def end(self, done: Sequence[FieldOutcome]) -> None:
        """Print the totals."""
        self._close()
        if self.quiet:
            return
        failed = sum(d.failed for d in done)
        total = sum(int(str(d.row["count"])) for d in done if not d.failed)
        print(f"{cells(total)} in {len(done) - failed} of {len(done)} fields", file=sys.stderr)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def cells(count: object) -> str:
    """Return ``1 cell`` or ``1,204 cells``."""
    number = int(str(count))
    return f"{number:,} cell{'s' * (number != 1)}"
