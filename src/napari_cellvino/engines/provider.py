"""The only place that makes engines: one provider for a run, a window or a worker, which lets go of them at its end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import Self

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Device, Engine
from napari_cellvino.model_package import ModelPackage

KEPT = 2  # engines that are kept compiled: a model that finds cells, and one that outlines them

EngineMaker = Callable[[ModelPackage, str, Precision], Engine]


def open_engine(package: ModelPackage, device: str = "AUTO", precision: Precision = Precision.FAST) -> Engine:
    """Return an OpenVINO engine for a model.

    Raises
    ------
    DeviceError
        If the device or the precision is not there.
    """
    from napari_cellvino.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(package, device=device, precision=precision)


def list_devices() -> tuple[Device, ...]:
    """Return AUTO and the devices of this computer."""
    from napari_cellvino.engines.openvino import list_devices as offered

    return offered()


class EngineProvider:
    """Makes engines and keeps the last ones, since compiling a network takes longer than running it.

    Parameters
    ----------
    make
        Makes an engine of a model, a device and a precision; by default `open_engine`.
    kept
        Engines that are kept compiled.
    """

    def __init__(self, make: EngineMaker = open_engine, *, kept: int = KEPT) -> None:
        self._make, self._kept = make, kept
        self._held: OrderedDict[tuple[str, str, Precision], Engine] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def engine(self, package: ModelPackage, device: str = "AUTO", precision: Precision = Precision.FAST) -> Engine:
        """Return the engine for a model on a device; the same one as before where it is still held.

        Raises
        ------
        DeviceError
            If the device or the precision is not there.
        """
        key = (package.sha256, device, precision)
        if key not in self._held:
            self._held[key] = self._make(package, device, precision)
        self._held.move_to_end(key)
        while len(self._held) > self._kept:
            self._held.popitem(last=False)  # who still uses it keeps a reference
        return self._held[key]

    def cancel(self) -> None:
        """Stop running inferences, from any thread: the run raises `InferenceCancelledError`."""
        for engine in list(self._held.values()):
            engine.cancel()

    def close(self) -> None:
        """Stop running inferences and release all engines; the provider makes new ones when asked again."""
        while self._held:
            self._held.popitem()[1].close()
