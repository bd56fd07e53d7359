"""The only place that makes engines: one provider for a run, a window or a worker, which lets go of them at its end."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from types import TracebackType
from typing import Self

from napari_cellvino.core.errors import DeviceError
from napari_cellvino.core.lean_imports import import_without
from napari_cellvino.core.recipe import Precision
from napari_cellvino.core.settings import load_settings
from napari_cellvino.core.threads import limit_threads as limit_together
from napari_cellvino.engines.engine import Device, Engine
from napari_cellvino.engines.remote.address import is_address, parse_address
from napari_cellvino.model_package import ModelPackage

EVERYWHERE = ("AUTO", "CPU")  # devices that every computer has
OF_DRIVERS = ("/dev/dri", "/dev/accel", "/dev/dxg", "/dev/nvidiactl")  # on Linux, of GPUs and NPUs, also in WSL
KEPT = 2  # engines that are kept compiled: a model that finds cells, and one that outlines them

EngineMaker = Callable[[ModelPackage, str, Precision], Engine]


def load_openvino() -> None:
    """Import OpenVINO without its converter of models, which takes half of the time; that is imported when called."""
    import_without("openvino", "openvino.tools.ovc")
    openvino = sys.modules["openvino"]
    if not hasattr(openvino, "convert_model"):
        vars(openvino)["convert_model"] = _convert_model  # which OpenVINO left out, for want of its converter


def _convert_model(*given: object, **options: object) -> object:
    """Do as OpenVINO's function, for others in this process: nothing of ours calls it."""
    from importlib import import_module

    return import_module("openvino.tools.ovc").convert_model(*given, **options)


def open_engine(package: ModelPackage, device: str = "AUTO", precision: Precision = Precision.FAST) -> Engine:
    """Return an OpenVINO engine for a model.

    Raises
    ------
    DeviceError
        If the device or the precision is not there.
    """
    load_openvino()
    from napari_cellvino.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(package, device=device, precision=precision)


def open_server(package: ModelPackage, address: str, precision: Precision = Precision.FAST) -> Engine:
    """Return an engine that has a server run a model; the server is checked with the model's test tensors.

    Raises
    ------
    DeviceError
        If the address cannot be used, or the server has no such model or one with other weights.
    EngineConnectionError
        If the server does not answer.
    """
    from napari_cellvino.engines.remote.engine import ServerEngine

    return ServerEngine(package, address, precision)


def list_devices() -> tuple[Device, ...]:
    """Return AUTO and the devices of this computer."""
    load_openvino()
    from napari_cellvino.engines.openvino import list_devices as offered

    return offered()


def has_only_processor() -> bool:
    """Return whether networks can run on the processor alone.

    Where no driver of another device has made its files, OpenVINO is not asked: to load it takes a fifth of a start.
    """
    if sys.platform == "linux" and not any(map(os.path.exists, OF_DRIVERS)):
        return True
    return {device.name for device in list_devices()} <= set(EVERYWHERE)


def limit_threads(threads: int) -> None:
    """Let networks on the processor, and what is made of their maps, use so many threads in this process."""
    load_openvino()
    from napari_cellvino.engines.openvino import limit_threads as limit

    limit(threads)
    limit_together(threads)


def list_servers(model: str) -> tuple[Device, ...]:
    """Return the servers in the settings, each with what it has of a model; they are asked for it, and sent nothing.

    Raises
    ------
    OptionError
        If the settings cannot be understood.
    """
    servers = load_settings().servers
    if not servers:
        return ()
    from napari_cellvino.engines.remote.offered import describe_server

    return tuple(describe_server(address, model) for address in servers)


class EngineProvider:
    """Makes engines and keeps the last ones, since compiling a network takes longer than running it.

    Parameters
    ----------
    make
        Makes an engine of a model, a device and a precision; by default `open_engine`.
    kept
        Engines that are kept compiled.
    servers
        Addresses of servers that pixels may go to, besides those of the settings: a recipe alone sends none anywhere.
    fallback
        Device of this computer that goes on where a server does not answer; by default that of the settings, or none.
    """

    def __init__(
        self, make: EngineMaker = open_engine, *, kept: int = KEPT, servers: Sequence[str] = (), fallback: str = ""
    ) -> None:
        self._make, self._kept = make, kept
        self._servers, self._fallback = tuple(servers), fallback
        self._held: OrderedDict[tuple[str, str, Precision], Engine] = OrderedDict()
        self._lock = Lock()

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
            If the device or the precision is not there, or it is a server that the user did not name.
        EngineConnectionError
            If a server does not answer.
        """
        key = (package.sha256, device, precision)
        with self._lock:
            if key not in self._held:
                make = self._make_remote if is_address(device) else self._make
                self._held[key] = make(package, device, precision)
            self._held.move_to_end(key)
            while len(self._held) > self._kept:
                self._held.popitem(last=False)  # who still uses it keeps a reference
            return self._held[key]

    def check(self, package: ModelPackage, device: str, precision: Precision) -> None:
        """Check that an engine can be made; none is for what every computer has, which takes a quarter of a start.

        Raises
        ------
        DeviceError, EngineConnectionError
            As `engine`.
        """
        if self._make is not open_engine or device.upper() not in EVERYWHERE:
            self.engine(package, device, precision)
            return
        package.check_key()
        package.weights(precision)

    def _make_remote(self, package: ModelPackage, address: str, precision: Precision) -> Engine:
        settings = load_settings()
        server = parse_address(address).server
        named = (*self._servers, *settings.servers, *(settings.device,) * is_address(settings.device))
        if server not in {parse_address(one).server for one in named}:
            raise DeviceError(
                f"pixels would go to {server}, which is not among your servers",
                remedy="add it to the servers in the settings if you trust it, or choose another device",
                command=f"name it yourself (--engine {address}), or choose another device (--device AUTO)",
            )
        fallback = self._fallback or settings.server_fallback
        if not fallback:
            return open_server(package, address, precision)
        from napari_cellvino.engines.openvino import resolve_device
        from napari_cellvino.engines.remote.fallback import FallbackEngine

        resolve_device(fallback)  # a missing device is said now, not when the server goes
        return FallbackEngine(
            server, lambda: open_server(package, address, precision), lambda: self._make(package, fallback, precision)
        )

    def left_server(self, device: str) -> str:
        """Return the server that a device stands for and that is gone on without; empty where none was left."""
        if not is_address(device):
            return ""
        from napari_cellvino.engines.remote.fallback import FallbackEngine

        held = [engine for (_, name, _), engine in list(self._held.items()) if name == device]
        return next((e.server for e in held if isinstance(e, FallbackEngine) and e.left), "")

    def ask_again(self, device: str) -> None:
        """Let the server that a device stands for be asked again by the next run."""
        with self._lock:
            for key in [key for key in self._held if key[1] == device]:
                self._held.pop(key).close()

    def cancel(self) -> None:
        """Stop running inferences, from any thread: the run raises `InferenceCancelledError`."""
        for engine in list(self._held.values()):
            engine.cancel()

    def close(self) -> None:
        """Stop running inferences and release all engines; the provider makes new ones when asked again."""
        while self._held:
            self._held.popitem()[1].close()
