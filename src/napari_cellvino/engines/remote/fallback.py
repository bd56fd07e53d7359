"""An engine that goes on with a device of this computer where a server does not answer."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.engines.engine import Engine, EngineConnectionError, EngineInfo

_logger = logging.getLogger(__name__)


class FallbackEngine(Engine):
    """Runs tiles on a server, and from the first that gets no answer on a device of this computer.

    Parameters
    ----------
    server
        The address, for the record.
    remote
        Makes the engine of the server; it may raise `EngineConnectionError`.
    local
        Makes that of this computer, if it is needed; ``left`` is true from then on.
    """

    def __init__(self, server: str, remote: Callable[[], Engine], local: Callable[[], Engine]) -> None:
        self.server, self._make_local = server, local
        self.left = False
        try:
            self._engine = remote()
        except EngineConnectionError as error:
            self._engine = self._local_after(error)

    def _local_after(self, error: EngineConnectionError) -> Engine:
        _logger.warning("going on without the server: %s", error)
        self.left = True
        return self._make_local()

    def _leave(self, error: EngineConnectionError) -> None:
        self._engine.close()
        self._engine = self._local_after(error)

    def load(self, tile: int) -> EngineInfo:
        """Make ready for tiles of this size; the device says where a server was left."""
        try:
            info = self._engine.load(tile)
        except EngineConnectionError as error:
            self._leave(error)
            info = self._engine.load(tile)
        if not self.left:
            return info
        return replace(info, device=f"{info.device}, as {self.server} did not answer")

    def seconds(self, tile: int) -> float:
        """Return the time of one tile of a size that was loaded."""
        return self._engine.seconds(tile)

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the maps of a batch."""
        (maps,) = self.infer_all([batch])
        return maps

    def infer_all(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float16]]:
        """Yield the maps of each batch in order; those that a server left unanswered are run here."""
        source = iter(batches)
        unanswered: deque[NDArray[np.float32]] = deque()
        if not self.left:
            try:
                for maps in self._engine.infer_all(_kept(source, unanswered)):
                    unanswered.popleft()
                    yield maps
                return
            except EngineConnectionError as error:
                self._leave(error)
        if unanswered:
            self._engine.load(unanswered[0].shape[-1])
        yield from self._engine.infer_all(chain(list(unanswered), source))

    def cancel(self) -> None:
        """Stop a running `infer`."""
        self._engine.cancel()

    def close(self) -> None:
        """Let go of what runs the network; a server that was left is asked again by a new engine only."""
        self._engine.close()


def _kept(source: Iterator[NDArray[np.float32]], kept: deque[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield batches, of which copies are kept until they are answered."""
    for batch in source:
        kept.append(batch.copy())
        yield batch
