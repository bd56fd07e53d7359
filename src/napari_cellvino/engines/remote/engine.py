"""An engine that has a server run the network.

A server is asked for the package's own test tensors before anything else, and used only if its maps are those of the
package: what it says of a model is not trusted. Pixels are sent as float16 where the server takes them, which is finer
than the bfloat16 that most networks are run in; several tiles are on their way at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import DeviceError, InferenceError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import (
    Engine,
    EngineConnectionError,
    EngineInfo,
    EngineTileError,
    InferenceCancelledError,
)
from napari_cellvino.engines.openvino import as_halves
from napari_cellvino.engines.remote.address import parse_address
from napari_cellvino.engines.remote.connect import open_client
from napari_cellvino.engines.remote.protocol import DTYPES, FILE, ServedModel, Tensor, as_file
from napari_cellvino.model_package import ModelPackage

_logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

INPUT_NAME = "image"  # of the networks of packages; used where a server does not say how it calls it
_KEPT_ON = "what is finished is kept, and the same run goes on from there"


@dataclass(frozen=True, slots=True)
class Limits:
    """Tiles on their way at once, times each is asked for, and seconds to wait.

    ``answer_s`` for an answer without a network, ``first_s`` for a first tile, since a server may load the model when
    it is asked for it, ``least_s`` for any other one, and ``backoff_s`` between attempts, twice as long each time.
    """

    in_flight: int = 4
    attempts: int = 4
    answer_s: float = 5.0
    first_s: float = 60.0
    least_s: float = 10.0
    backoff_s: float = 0.2


@dataclass(frozen=True, slots=True)
class _Way:
    """How numbers are sent: their type, and whether REST has them in binary."""

    datatype: str
    binary: bool = True

    def __str__(self) -> str:
        return self.datatype if self.binary else f"{self.datatype} as JSON"


_WAYS = (_Way("FP16"), _Way("FP32"), _Way("FP32", binary=False))
_AS_FILE = _Way(FILE)  # for servers that say so: others take it for a picture or a text


class ServerEngine(Engine):
    """Runs a package's network on a server that has it.

    Parameters
    ----------
    package
        The model; its test tensors are what a server is checked with.
    address
        Of the server, with or without a model and a version.
    precision
        How far the server may differ.
    limits
        Deadlines and attempts.

    Raises
    ------
    EngineConnectionError
        If the server does not answer.
    DeviceError
        If the address cannot be used, or the server has no such model or one with other weights.
    """

    def __init__(
        self,
        package: ModelPackage,
        address: str,
        precision: Precision = Precision.FAST,
        *,
        limits: Limits = Limits(),
    ) -> None:
        self._package, self._precision, self._limits = package, precision, limits
        self._address = parse_address(address)
        self._model = self._address.model or package.spec.name
        self._client = open_client(self._address, self._model)
        self._pool = ThreadPoolExecutor(limits.in_flight, thread_name_prefix="cellvino-server")
        self._stop: Future[None] = Future()
        self._lock = threading.Lock()
        self._seconds: dict[int, float] = {}
        try:
            self._served = self._describe()
            self._way = self._agree()
        except BaseException:
            self.close()
            raise
        _logger.info("pixels of tiles go to %s", self.place)

    @property
    def place(self) -> str:
        """Where pixels go: the server, and the model there."""
        version = self._address.version or ", ".join(self._served.versions)
        return f"{self._address.server} ({self._model}{f' {version}' if version else ''})"

    def _describe(self) -> ServedModel:
        """Return what the server says of the model; nothing where it only does not say."""
        try:
            return self._persist(self._client.describe, self._limits.answer_s, self._stop)
        except EngineTileError:
            return ServedModel()

    def _agree(self) -> _Way:
        """Return the first way to send numbers that gives the expected maps of the test tensors."""
        batch, expected = self._package.test_tensors()
        allowed = self._package.spec.tolerance.get(self._precision, 0.0)
        differences: list[float] = []
        refusals: list[EngineTileError] = []
        for way in self._ways():
            try:
                maps = self._ask(self._tensor(batch, way), self._limits.first_s, self._stop, way)
            except EngineTileError as error:
                refusals.append(error)
                continue
            differences.append(float(np.sqrt(np.mean((maps.astype(np.float32) - expected) ** 2))))
            if differences[-1] <= allowed:
                return way
        if not differences:
            raise DeviceError(f"{self.place} cannot run its own model: {refusals[-1]}") from refusals[-1]
        raise DeviceError(
            f"{self.place} has other weights than {self._package.label}: on the model's test image its maps differ by "
            f"{min(differences):.3g}, and {allowed:.3g} is allowed for {self._precision}; "
            "choose another model or version there (grpc://host:9000/MODEL/versions/N)"
        )

    def _ways(self) -> list[_Way]:
        """Return the ways to try: what the server says it takes, then the shortest; pixels as they are need float32."""
        ways = [way for way in _WAYS if self._bounded or way.datatype == "FP32"]
        if self._served.datatype == FILE:
            return [_AS_FILE, *ways]
        return sorted(ways, key=lambda way: way.datatype != self._served.datatype)

    def load(self, tile: int) -> EngineInfo:
        """Have the server run a tile of this size, unless that was done before.

        Raises
        ------
        EngineTileError
            If it cannot.
        EngineConnectionError
            If it does not answer.
        """
        with self._lock:
            if tile not in self._seconds:
                self._stop = Future()
                shape = (1, self._package.spec.input_channels, tile, tile)
                blank = self._tensor(np.zeros(shape, np.float32), self._way)
                for _ in range(2):  # the first one compiles
                    started = time.perf_counter()
                    self._ask(blank, self._limits.first_s, self._stop, self._way)
                    self._seconds[tile] = time.perf_counter() - started
        return EngineInfo(self.place, self._precision, f"unknown, sent {self._way}", "Open Inference Protocol 2")

    def seconds(self, tile: int) -> float:
        """Return the time of one tile of a size that was loaded, there and back."""
        return self._seconds[tile]

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the maps (1, M, tile, tile) of a float32 batch (1, C, tile, tile); see `infer_all`."""
        (maps,) = self.infer_all([batch])
        return maps

    def infer_all(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float16]]:
        """Yield the maps (1, M, tile, tile) of each batch, in order; several are on their way at once.

        Raises
        ------
        EngineConnectionError
            If the server does not answer any more, after several attempts.
        EngineTileError
            If it cannot run a tile.
        InferenceError
            If a batch is of another type or size than was loaded.
        InferenceCancelledError
            After `cancel`.
        """
        with self._lock:
            stop = self._stop = Future()
            waiting: deque[Future[NDArray[np.float16]]] = deque()
            try:
                for batch in batches:
                    if len(waiting) == self._limits.in_flight:
                        yield _result(waiting.popleft(), stop)
                    waiting.append(self._submit(batch, stop))
                while waiting:
                    yield _result(waiting.popleft(), stop)
            finally:
                for request in waiting:
                    request.cancel()

    def _submit(self, batch: NDArray[np.float32], stop: Future[None]) -> Future[NDArray[np.float16]]:
        tile, channels = batch.shape[-1], self._package.spec.input_channels
        if batch.dtype != np.float32 or batch.shape != (1, channels, tile, tile) or tile not in self._seconds:
            raise InferenceError(
                f"the network takes float32 (1, {channels}, tile, tile) of a size loaded before, "
                f"not {batch.dtype} {batch.shape}"
            )
        deadline = min(
            self._limits.first_s, max(self._limits.least_s, 20 * self._limits.in_flight * self._seconds[tile])
        )
        return self._pool.submit(self._ask, self._tensor(batch, self._way), deadline, stop, self._way)

    def _tensor(self, batch: NDArray[np.float32], way: _Way) -> Tensor:
        """Return a copy of a batch as it is sent."""
        name = self._served.input_name or INPUT_NAME
        halves = way.datatype == "FP16" or (way.datatype == FILE and self._bounded)
        values = (as_halves(batch) if halves else batch).astype(DTYPES["FP16" if halves else "FP32"], copy=False)
        content = as_file(values) if way.datatype == FILE else values.tobytes()
        return Tensor(name, way.datatype, batch.shape, content)

    @property
    def _bounded(self) -> bool:
        """Whether pixels are normalised to numbers of which float16 keeps more digits than bfloat16 does."""
        return self._package.spec.normalise.method == "percentiles"

    def _ask(self, tensor: Tensor, deadline: float, stop: Future[None], way: _Way) -> NDArray[np.float16]:
        maps = self._persist(lambda seconds: self._client.infer(tensor, seconds, binary=way.binary), deadline, stop)
        spec = self._package.spec
        expected = (1, len(spec.maps), tensor.shape[2] // spec.stride, tensor.shape[3] // spec.stride)
        if maps.shape != expected:
            raise EngineTileError(f"{self.place} gives maps of {maps.shape}, and {self._package.label} {expected}")
        return as_halves(maps)

    def _persist(self, ask: Callable[[float], Answer], deadline: float, stop: Future[None]) -> Answer:
        """Return the answer to a question, which is asked again, with longer patience, where none comes."""
        for attempt in range(self._limits.attempts):
            if stop.done():
                raise InferenceCancelledError("the run was cancelled")
            try:
                return ask(deadline * 2**attempt)
            except EngineConnectionError as error:
                lost = error
                _logger.info("attempt %d of %d: %s", attempt + 1, self._limits.attempts, error)
                wait((stop,), timeout=self._limits.backoff_s * 2**attempt)
        raise EngineConnectionError(f"{lost}, asked {self._limits.attempts} times; {_KEPT_ON}") from lost

    def cancel(self) -> None:
        """Stop a running `infer`; the engine stays usable."""
        with suppress(InvalidStateError):  # cancelled before
            self._stop.set_result(None)

    def close(self) -> None:
        """Let go of the connections."""
        self.cancel()
        self._client.close()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _result(request: Future[NDArray[np.float16]], stop: Future[None]) -> NDArray[np.float16]:
    either: tuple[Future[Any], ...] = (request, stop)
    wait(either, return_when=FIRST_COMPLETED)
    if stop.done():
        raise InferenceCancelledError("the run was cancelled")
    return request.result()
