"""The engine that ships: the only module that imports OpenVINO at run time.

Measured and kept: static shapes, batch 1, ``LATENCY``; never ``share_inputs`` or ``share_outputs`` (they corrupt
silently and gain nothing). Two requests per tile size: one batch is cut and normalised while the network works on the
other. The compiled model is cached on disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset13 as opset
from numpy.typing import NDArray

from napari_cellvino.core.errors import DeviceError, InferenceError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.core.settings import cache_folder
from napari_cellvino.engines.engine import Device, Engine, EngineInfo, EngineTileError, InferenceCancelledError
from napari_cellvino.model_package import ModelPackage

_logger = logging.getLogger(__name__)

_COMPILING = threading.Lock()
IN_FLIGHT = 2  # requests per tile size: more only wait for each other

_MODES = {Precision.FAST: "PERFORMANCE", Precision.EXACT: "ACCURACY", Precision.INT8: "PERFORMANCE"}


@lru_cache(maxsize=1)
def openvino_core() -> ov.Core:
    """Return the one core of this process, which is never released.

    The CPU plugin of every core sets up a stack for signal handlers (for processors with AMX). When two cores go in
    the order in which they came, the second puts back the stack of the first, which is gone: the next Ctrl+C, or
    child process that ends, kills Python.
    """
    core = ov.Core()
    core.set_property({"ENABLE_MMAP": False})  # else weight files stay open: Windows could not replace a model
    folder = cache_folder() / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        core.set_property({"CACHE_DIR": str(folder)})
    except OSError:
        pass  # no cache, no harm: the first run of a session compiles again
    return core


def compile_network(network: ov.Model | str, device: str, options: Mapping[str, object]) -> ov.CompiledModel:
    """Return a network (or the path of one) compiled for a device, one at a time in this process.

    OpenVINO 2026.4 sets the locale of the process to "C" while it looks into its cache, and then back. Where two
    threads compile, one may put back the "C" of the other, and from then on Python reads files and what programs say as
    ASCII.
    """
    with _COMPILING:
        return openvino_core().compile_model(network, device, dict(options))


def limit_threads(threads: int) -> None:
    """Let networks on the processor use so many threads in this process, on any core: others work beside it."""
    openvino_core().set_property("CPU", {"INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False})


def list_devices() -> tuple[Device, ...]:
    """Return AUTO and every device OpenVINO offers on this computer."""
    devices = [_describe(name) for name in openvino_core().available_devices]
    auto = ", ".join(d.name for d in devices)
    return (Device("AUTO", f"Automatic ({auto})"), *devices)


def resolve_device(name: str) -> str:
    """Return the device string to compile for: AUTO and HETERO lists contain available devices only.

    Raises
    ------
    DeviceError
        If the device is not on this computer.
    """
    available = list(openvino_core().available_devices)
    mode, _, chosen = name.upper().partition(":")
    if mode in {"AUTO", "HETERO", "MULTI"}:
        wanted = chosen.split(",") if chosen else sorted(available, key=_auto_order)
        members = [_member(item, available, name) for item in wanted]
        return members[0] if len(members) == 1 else f"{mode}:{','.join(members)}"
    return _member(name.upper(), available, name)


def _auto_order(name: str) -> tuple[int, str]:
    return ({"GPU": 0, "CPU": 1}.get(name.split(".")[0], 2), name)


def _member(wanted: str, available: list[str], asked: str) -> str:
    for name in available:
        if wanted.strip() in (name, name.split(".")[0]):
            return wanted.strip()
    raise DeviceError(f"there is no device {asked!r} on this computer; choose {' or '.join(('AUTO', *available))}")


def _describe(name: str) -> Device:
    full = _property(name, "FULL_DEVICE_NAME") or name
    able = _property(name, "OPTIMIZATION_CAPABILITIES")
    return Device(name, str(full).strip(), tuple(sorted(map(str, able))) if isinstance(able, list) else ())


def _property(device: str, key: str) -> object:
    try:
        return openvino_core().get_property(device, key)
    except RuntimeError:  # plugins differ in their properties
        return None


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A network compiled for one tile size: its requests, and what runs it."""

    requests: tuple[ov.InferRequest, ...]
    info: EngineInfo


class OpenVinoEngine(Engine):
    """Runs a package's network on a device; models are compiled once per tile size."""

    def __init__(self, package: ModelPackage, *, device: str = "AUTO", precision: Precision = Precision.FAST) -> None:
        package.check_key()
        self._package, self._weights = package, package.weights(precision)
        self._channels = package.spec.input_channels
        self._precision = precision
        self._device = resolve_device(device)
        self._compiled: dict[int, _Compiled] = {}
        self._seconds: dict[int, float] = {}
        self._running: tuple[ov.InferRequest, ...] = ()
        self._cancelled = False
        self._lock = threading.Lock()

    def load(self, tile: int) -> EngineInfo:
        """Compile for tiles of ``tile`` px, unless that was done before.

        Nothing is run to warm up: that takes longer than it saves of the first tile.

        Raises
        ------
        EngineTileError
            If the device refuses a network of this size.
        """
        with self._lock:
            if tile not in self._compiled:
                self._compiled[tile] = self._compile(tile)
            return self._compiled[tile].info

    def seconds(self, tile: int) -> float:
        """Return the time of one tile of a size that was loaded, measured when it is first asked for.

        Raises
        ------
        EngineTileError
            If the device fails.
        """
        with self._lock:
            if tile not in self._seconds:
                self._seconds[tile] = self._measured(tile)
            return self._seconds[tile]

    def _measured(self, tile: int) -> float:
        """Run an empty tile twice (the first inference costs extra) and return the seconds of the second."""
        seconds, empty = 0.0, np.zeros((1, self._channels, tile, tile), np.float32)
        try:
            for _ in range(2):
                start = time.perf_counter()
                self._compiled[tile].requests[0].infer({0: empty})
                seconds = time.perf_counter() - start
        except (RuntimeError, MemoryError) as error:
            raise self._failure(error) from error
        return seconds

    def _compile(self, tile: int) -> _Compiled:
        try:
            model = self._read_network()
            model.reshape([1, self._channels, tile, tile])
            options = {"PERFORMANCE_HINT": "LATENCY", "EXECUTION_MODE_HINT": _MODES[self._precision]}
            if self._package.spec.encryption is not None:
                options["CACHE_DIR"] = ""  # what OpenVINO caches has the weights in the clear
            compiled = compile_network(model, self._device, options)
            requests = tuple(compiled.create_infer_request() for _ in range(IN_FLIGHT))
        except (RuntimeError, MemoryError) as error:
            raise EngineTileError(
                f"{self._device} cannot run {self._weights.parent.name} on tiles of {tile} px: {_first_line(error)}"
            ) from error
        info = _info(compiled, self._precision)
        name = self._weights.parent.name
        _logger.debug("compiled %s for tiles of %d px on %s, %s", name, tile, info.device, info.number_type)
        return _Compiled(requests, info)

    def _read_network(self) -> ov.Model:
        """Return the network with its outputs in float16, as maps are kept: OpenVINO converts faster than numpy."""
        encrypted = self._package.spec.encryption is not None
        files = self._package.decrypted(self._precision) if encrypted else (self._weights,)
        network = _with_parted_maps(openvino_core().read_model(*files))
        conversion = ov.preprocess.PrePostProcessor(network)
        for number in range(len(network.outputs)):
            conversion.output(number).tensor().set_element_type(ov.Type.f16)
        return conversion.build()

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the maps (1, M, tile, tile) of a float32 batch (1, C, tile, tile).

        Raises
        ------
        InferenceError
            If the batch is of another type or size than was loaded (OpenVINO would cast silently).
        InferenceCancelledError
            After `cancel`.
        EngineTileError
            If the device fails.
        """
        (maps,) = self.infer_all([batch])
        return maps

    def infer_all(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float16]]:
        """Yield the maps (1, M, tile, tile) of each batch, in order; all are of one size that was loaded.

        A batch may be overwritten as soon as the next is asked for. The errors are those of `infer`.
        """
        with self._lock:
            self._cancelled = False
            waiting: deque[ov.InferRequest] = deque()
            free: list[ov.InferRequest] = []
            try:
                for batch in batches:
                    if not self._running:
                        self._running = self._requests_for(batch)
                        free = list(self._running)
                    if not free:
                        yield self._maps(waiting[0])
                        free.append(waiting.popleft())
                    request = free.pop()
                    self._start(request, batch)
                    waiting.append(request)
                while waiting:
                    yield self._maps(waiting[0])
                    waiting.popleft()
            finally:
                self._running = ()
                _await(waiting)

    def _requests_for(self, batch: NDArray[np.float32]) -> tuple[ov.InferRequest, ...]:
        tile = batch.shape[-1]
        if batch.dtype != np.float32 or batch.shape != (1, self._channels, tile, tile) or tile not in self._compiled:
            raise InferenceError(
                f"the network takes float32 (1, {self._channels}, tile, tile) with a tile of "
                f"{' or '.join(map(str, self._compiled)) or 'a size loaded before'}, not {batch.dtype} {batch.shape}"
            )
        return self._compiled[tile].requests

    def _start(self, request: ov.InferRequest, batch: NDArray[np.float32]) -> None:
        if self._cancelled:
            raise InferenceCancelledError("the run was cancelled")
        try:
            request.start_async({0: np.ascontiguousarray(batch)})
        except (RuntimeError, MemoryError) as error:
            raise self._failure(error) from error

    def _maps(self, request: ov.InferRequest) -> NDArray[np.float16]:
        """Return what a request that was started gives, once it is ready."""
        try:
            request.wait()
            parts = [tensor.data for tensor in request.output_tensors]
            maps = np.array(parts[0]) if len(parts) == 1 else np.concatenate(parts, axis=1)
        except (RuntimeError, MemoryError) as error:
            raise self._failure(error) from error
        if self._cancelled:
            raise InferenceCancelledError("the run was cancelled")
        return maps

    def _failure(self, error: Exception) -> InferenceError:
        if self._cancelled:
            return InferenceCancelledError("the run was cancelled")
        return EngineTileError(f"{self._device} failed on a tile: {_first_line(error)}")

    def cancel(self) -> None:
        """Stop a running `infer`; the engine stays usable."""
        running = self._running
        if running:
            self._cancelled = True
            for request in running:
                request.cancel()

    def close(self) -> None:
        """Let go of the compiled networks."""
        self.cancel()
        with self._lock:
            self._compiled.clear()


def _with_parted_maps(network: ov.Model) -> ov.Model:
    """Return a network with one output for each part of its maps, where joining them is the last that it does.

    That takes OpenVINO a twelfth of the time of the whole network on a processor, and NumPy nearly none.
    """
    (result,) = network.get_results()
    last = result.input_value(0).get_node()
    if last.get_type_name() != "Concat" or last.get_attributes()["axis"] != 1:
        return network
    return ov.Model(
        [value.get_node().output(value.get_index()) for value in last.input_values()], network.get_parameters()
    )


def save_for_servers(weights: Path, out: Path, *, halves: bool) -> None:
    """Write a network (IR), with the very same weights, that gives float16, and takes it too where ``halves``."""
    conversion = ov.preprocess.PrePostProcessor(openvino_core().read_model(weights))
    if halves:
        conversion.input().tensor().set_element_type(ov.Type.f16)
    conversion.output().tensor().set_element_type(ov.Type.f16)
    ov.save_model(conversion.build(), out, compress_to_fp16=False)


def _await(requests: Iterable[ov.InferRequest]) -> None:
    """Wait for requests whose results are not needed any more, so that they can be started again."""
    for request in requests:
        try:
            request.wait()
        except RuntimeError:  # cancelled or failed: already reported by the request before
            continue


def _info(compiled: ov.CompiledModel, precision: Precision) -> EngineInfo:
    devices = compiled.get_property("EXECUTION_DEVICES")
    device = ",".join(devices) if isinstance(devices, (list, tuple)) else str(devices)
    try:
        number = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    except RuntimeError:  # AUTO over several devices has no such property
        number = "unknown"
    number = {"dynamic": "f32"}.get(number, number)  # what OpenVINO calls the model's own type
    number = "i8" if precision is Precision.INT8 else number
    return EngineInfo(device, precision, number, f"openvino {ov.__version__.split('-')[0]}")


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def as_halves(values: NDArray[np.floating]) -> NDArray[np.float16]:
    """Return values (…) as float16, to the bit as NumPy rounds them in twenty times the time."""
    if values.dtype == np.float16:
        return values.astype(np.float16, copy=False)
    request = _to_halves().create_infer_request()
    request.infer({0: np.ascontiguousarray(values, np.float32).reshape(-1)})
    return np.array(request.output_tensors[0].data).reshape(values.shape)


@lru_cache(maxsize=1)
def _to_halves() -> ov.CompiledModel:
    values = opset.parameter([-1], np.float32)
    network = ov.Model([opset.convert(values, "f16")], [values])
    return compile_network(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "CACHE_DIR": ""})


def load_plain_network(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what runs a small network (IR) of one input and one output on the processor, in float32.

    Raises
    ------
    InferenceError
        If OpenVINO cannot load it.
    """
    try:
        compiled = compile_network(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    except RuntimeError as error:
        raise InferenceError(f"{path} cannot be loaded by OpenVINO: {error}") from error
    return lambda batch: np.array(compiled.create_infer_request().infer(batch)[0], np.float32)
