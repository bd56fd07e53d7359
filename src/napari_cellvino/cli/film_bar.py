"""Progress of a film on standard error, with frames per second."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import NoReturn, Self

from tqdm import tqdm

from napari_cellvino.core.progress import Progress
from napari_cellvino.service.follow_film import WAITING

SHOWN = (
    "{l_bar}{bar}| {n_fmt} of {total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"  # frames a second, also below 1
)


class FilmBar:
    """A bar on a terminal, nothing in a log; used as a context."""

    def __init__(self, name: str, *, quiet: bool = False) -> None:
        shown = sys.stderr.isatty() and not quiet
        self._last, self._seconds, self._done = time.perf_counter(), 0.0, 0
        self._bar: tqdm[NoReturn] = tqdm(
            desc=name, unit=" frames", leave=False, file=sys.stderr, disable=not shown, bar_format=SHOWN,
            ncols=shutil.get_terminal_size().columns,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    @property
    def rate(self) -> float:
        """Frames per second so far."""
        return self._done / self._seconds if self._seconds > 0 else 0.0

    def report(self, progress: Progress) -> None:
        """Move the bar; waiting for frames takes no time of them."""
        now = time.perf_counter()
        if progress.noun != WAITING:
            self._done, self._seconds = progress.done, self._seconds + now - self._last
        self._last, self._bar.total = now, progress.total
        self._bar.update(progress.done - self._bar.n)
