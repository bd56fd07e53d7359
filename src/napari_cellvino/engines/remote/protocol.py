"""What both transports of the Open Inference Protocol have in common: tensors, and what a client does.

References
----------
https://github.com/open-inference/open-inference-protocol
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError, DeviceError
from napari_cellvino.engines.engine import EngineConnectionError, EngineTileError

DTYPES: dict[str, np.dtype[np.floating]] = {"FP16": np.dtype("<f2"), "FP32": np.dtype("<f4")}
FILE = "BYTES"
"""A tensor of one element, a file of NumPy (.npy): for servers that make a Python number of each value of any other."""

_COUNT = 4  # bytes before an element of BYTES that say how long it is
_LONGEST_HEAD = 2**17  # bytes before the numbers of a file: more than its version 1 has


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of ``shape`` as it is sent: values in order of rows, little-endian, or a file that has them."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    content: bytes

    @property
    def sent_shape(self) -> tuple[int, ...]:
        """The shape that a server is told."""
        return (1,) if self.datatype == FILE else self.shape


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


def decode(datatype: str, shape: tuple[int, ...], content: bytes | memoryview) -> NDArray[np.floating]:
    """Return the values of a tensor that was received.

    Raises
    ------
    EngineTileError
        If it is of a type that is not known, or of another length than its shape says.
    """
    try:
        if datatype == FILE:
            return _from_file(content)
        return np.frombuffer(content, DTYPES[datatype]).reshape(shape)
    except KeyError:
        known = ", ".join(DTYPES)
        raise EngineTileError(
            f"the server gives maps as {datatype or 'an unnamed type'}; {known} and files of NumPy are known"
        ) from None
    except ValueError as error:
        raise EngineTileError(f"the server sent {len(content)} bytes for maps of {shape} {datatype}") from error


def as_file(values: NDArray[np.floating]) -> bytes:
    """Return values as the content of a tensor of `FILE`."""
    head = io.BytesIO()
    npy.write_array_header_1_0(head, npy.header_data_from_array_1_0(values))
    length = head.tell() + values.nbytes
    return b"".join((length.to_bytes(_COUNT, "little"), head.getvalue(), np.ascontiguousarray(values).data))


def _from_file(content: bytes | memoryview) -> NDArray[np.floating]:
    stream = io.BytesIO(content[:_LONGEST_HEAD])
    stream.seek(_COUNT)
    if npy.read_magic(stream) != (1, 0):
        raise ValueError("another version")
    shape, by_columns, dtype = npy.read_array_header_1_0(stream)
    if by_columns or dtype not in DTYPES.values():
        raise ValueError("another type or order of numbers")
    return np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape)
