"""What both transports of the Open Inference Protocol have in common: tensors, and what a client does.

References
----------
https://github.com/open-inference/open-inference-protocol
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError, DeviceError
from napari_cellvino.engines.engine import EngineConnectionError, EngineTileError

DTYPES: dict[str, np.dtype[np.floating]] = {"FP16": np.dtype("<f2"), "FP32": np.dtype("<f4")}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as it is sent: values in order of rows, little-endian."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    content: bytes


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What a server says of a model; all of it may be empty, and none of it is trusted."""

    versions: tuple[str, ...] = ()
    input_name: str = ""
    datatype: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files of certificates (PEM) and a token, from the environment; empty where there are none."""

    token: str = ""
    authority: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None


class Client(Protocol):
    """Asks one model of one server, from any thread.

    Each call raises `EngineConnectionError` where the server does not answer in time, which may pass; `DeviceError`
    where it has no such model or lets us not in; and `EngineTileError` where it answers that it cannot.
    """

    def describe(self, seconds: float) -> ServedModel:
        """Return what the server says of the model."""
        ...

    def infer(self, tensor: Tensor, seconds: float, *, binary: bool = True) -> NDArray[np.floating]:
        """Return the first output for an input; ``binary`` is how REST sends numbers."""
        ...

    def close(self) -> None:
        """Let go of connections; what still runs fails."""
        ...


def no_answer(server: str, why: str) -> CellvinoError:
    """Return why a server does not answer: for now, or because its certificate is not trusted, which does not pass."""
    if "certificate" in why.lower():
        return DeviceError(
            f"the certificate of {server} is not trusted ({why}); name the file of the authority that signed it in "
            "CELLVINO_SERVER_CA"
        )
    return EngineConnectionError(f"{server} does not answer ({why})")


def decode(datatype: str, shape: tuple[int, ...], content: bytes) -> NDArray[np.floating]:
    """Return the values of a tensor that was received.

    Raises
    ------
    EngineTileError
        If it is of a type that is not known, or of another length than its shape says.
    """
    dtype = DTYPES.get(datatype)
    if dtype is None:
        raise EngineTileError(f"the server gives maps as {datatype or 'an unnamed type'}; FP16 and FP32 are known")
    try:
        return np.frombuffer(content, dtype).reshape(shape)
    except ValueError as error:
        raise EngineTileError(f"the server sent {len(content)} bytes for maps of {shape} {datatype}") from error
