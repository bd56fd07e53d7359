"""The interface to what runs a network: batches in, arrays out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import InferenceError
from napari_cellvino.core.recipe import Precision


class InferenceCancelledError(InferenceError):
    """The run was cancelled inside the network."""


class EngineTileError(InferenceError):
    """The device could not run a tile of this size (most often: out of memory); a smaller one may run."""


class EngineConnectionError(InferenceError):
    """The server that runs the network cannot be reached; a smaller tile would not help."""

    passes = True


@dataclass(frozen=True, slots=True)
class Device:
    """A device that can be chosen: its name for commands, its full name, what it is good at."""

    name: str
    full_name: str
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What really ran: devices, the precision asked for and the number type used, and the runtime's version."""

    device: str
    precision: Precision
    number_type: str
    runtime: str


NO_DEVICE = "none"  # of what no network found
NO_ENGINE = EngineInfo(NO_DEVICE, Precision.EXACT, "none", "none")


class Engine(Protocol):
    """Runs one network on one device; made for one worker thread, `cancel` excepted.

    Classes that inherit from it run one batch after the other and have nothing to let go of.
    """

    def load(self, tile: int) -> EngineInfo:
        """Make ready for tiles of this size (compile); quick when it already is."""
        ...

    def seconds(self, tile: int) -> float:
        """Return the time of one tile of a size that was loaded, measured then or when it is first asked for."""
        ...

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the maps (1, M, tile, tile) of a batch (1, C, tile, tile) of a size that was loaded."""
        ...

    def infer_all(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float16]]:
        """Yield the maps of each batch in order; an engine may ask for the next ones while it works on one.

        A batch may be overwritten as soon as the next is asked for.
        """
        return map(self.infer, batches)

    def cancel(self) -> None:
        """Stop a running `infer`, from any thread: it raises `InferenceCancelledError`. Nothing else is touched."""
        ...

    def close(self) -> None:
        """Let go of the compiled network, where there is one; it is compiled again when the engine is used again."""
        return
