"""Decode the upper rows of a large image's maps while the network still makes the lower ones.

Heads that decode in bands of rows wait for those of the next band; what they find is the same as when all are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Condition

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.threads import begin, used_threads
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads import Decoded, head_for
from napari_cellvino.segmentation.heads.bands import at_once, decode_in_bands


class _NoMoreRowsError(Exception):
    """The network ended before all rows were there; nobody asks for what is decoded of them."""


class _Rows:
    """How many rows are there."""

    def __init__(self) -> None:
        self._there, self._ended, self._changed = 0, False, Condition()

    def reach(self, rows: int) -> None:
        """Note that so many rows are there."""
        with self._changed:
            self._there = rows
            self._changed.notify_all()

    def end(self) -> None:
        """Let those who wait for rows that do not come wait no longer."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, rows: int) -> None:
        """Return once so many rows are there; `_NoMoreRowsError` if they do not come."""
        with self._changed:
            self._changed.wait_for(lambda: self._there >= rows or self._ended)
            if self._there < rows:
                raise _NoMoreRowsError


class DecodingAhead:
    """Decodes maps of a plane at its own size on a thread, with the ``values`` of a head's parameters."""

    def __init__(self, spec: ModelSpec, values: Mapping[str, float]) -> None:
        self.values = values
        self._decode_band = head_for(spec).decode_band
        self._found: Future[Decoded] | None = None
        self._kept: Decoded | None = None

    @contextmanager
    def growing(self, maps: NDArray[np.float16]) -> Iterator[Callable[[int], None]]:
        """Begin with maps (M, Y, X), of which no row is there yet, and yield what is to be told how many rows are."""
        decode_band, rows = self._decode_band, _Rows()
        self._found = self._kept = None
        if decode_band is not None and used_threads() > 1 and not at_once(maps):
            self._found = begin(lambda: decode_in_bands(maps, self.values, decode_band, rows.wait_for))
        try:
            yield rows.reach
        finally:
            rows.end()

    def keep(self, found: Decoded | None) -> None:
        """Keep what was found in the maps with the same values after all; None: these maps are not those of the run."""
        self._found, self._kept = None, found

    def result(self) -> Decoded | None:
        """Return what was decoded, once the network is done; None where nothing was."""
        return self._kept if self._found is None else self._found.result()
