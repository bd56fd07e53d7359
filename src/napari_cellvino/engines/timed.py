"""An engine that notes how long the network takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.engines.engine import Engine, EngineInfo


@dataclass(slots=True)
class TimedEngine(Engine):
    """An engine that runs one batch after the other and notes the seconds of each in ``taken``."""

    engine: Engine
    taken: list[float] = field(default_factory=list)

    def seconds(self, tile: int) -> float:
        """Return the time of one tile of a size that was loaded."""
        return self.engine.seconds(tile)

    def load(self, tile: int) -> EngineInfo:
        """Make ready for tiles of this size."""
        return self.engine.load(tile)

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the maps of a batch."""
        start = time.perf_counter()
        maps = self.engine.infer(batch)
        self.taken.append(time.perf_counter() - start)
        return maps

    def cancel(self) -> None:
        """Stop a running `infer`."""
        self.engine.cancel()

    def close(self) -> None:
        """Let go of the compiled network."""
        self.engine.close()
