"""A client over gRPC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError, DeviceError
from napari_cellvino.engines.engine import EngineConnectionError, EngineTileError
from napari_cellvino.engines.remote.address import ServerAddress
from napari_cellvino.engines.remote.messages import SERVICE, infer_answer, messages
from napari_cellvino.engines.remote.protocol import Credentials, ServedModel, Tensor, decode, no_answer

_LARGE = (  # maps of a tile are some MB, which HTTP/2 would send in 400 frames, and measure the line meanwhile
    ("grpc.http2.max_frame_size", 2**24 - 1),
    ("grpc.http2.lookahead_bytes", 2**24),
    ("grpc.http2.write_buffer_size", 2**23),
    ("grpc.http2.bdp_probe", 0),
)
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),  # the engine does it, and counts
    ("grpc.enable_http_proxy", 0),  # to the address that the user named, and nowhere else
    ("grpc.use_local_subchannel_pool", 1),
    *_LARGE,
)
_PASSING = (  # RESOURCE_EXHAUSTED is not among them: a message is too long, and a smaller tile may do
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
)
_NO_SUCH = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
)


class GrpcClient:
    """Asks a model of a server over gRPC; see `Client`."""

    def __init__(self, address: ServerAddress, model: str, credentials: Credentials) -> None:
        self._server, self._model, self._version = address.server, model, address.version
        self._channel = _open_channel(address, credentials)
        self._metadata = (("authorization", f"Bearer {credentials.token}"),) if credentials.token else ()
        self._describe = self._method("ModelMetadata", messages()["ModelMetadataResponse"].FromString)
        self._infer = self._method("ModelInfer", infer_answer)

    def _method(self, name: str, unpacked: Callable[[bytes], object]) -> grpc.UnaryUnaryMultiCallable:
        return self._channel.unary_unary(
            SERVICE + name,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=unpacked,
        )

    def describe(self, seconds: float) -> ServedModel:
        """Return what the server says of the model."""
        request = messages()["ModelMetadataRequest"](name=self._model, version=self._version)
        said = self._call(self._describe, request, seconds)
        first = said.inputs[0] if said.inputs else None
        return ServedModel(tuple(said.versions), first.name if first else "", first.datatype if first else "")

    def infer(self, tensor: Tensor, seconds: float, *, binary: bool = True) -> NDArray[np.floating]:
        """Return the first output for an input."""
        made = messages()
        described = made["Tensor"](name=tensor.name, datatype=tensor.datatype, shape=tensor.sent_shape)
        request = made["ModelInferRequest"](
            model_name=self._model, model_version=self._version, inputs=[described], raw_input_contents=[tensor.content]
        )
        answer, raw = self._call(self._infer, request, seconds)
        if not answer.outputs:
            raise EngineTileError(f"{self._server} sent no maps")
        output = answer.outputs[0]
        shape = tuple(output.shape)
        if raw:
            return decode(output.datatype, shape, raw[0])
        return decode("FP32", shape, np.asarray(output.contents.fp32_contents, "<f4").tobytes())

    def _call(self, method: grpc.UnaryUnaryMultiCallable, request: Message, seconds: float) -> Any:  # noqa: ANN401
        try:
            return method(request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._explained(error.code(), error.details() or "") from error
        except ValueError as error:  # the channel was closed meanwhile
            raise EngineConnectionError(f"the connection to {self._server} was closed") from error

    def _explained(self, code: grpc.StatusCode, details: str) -> CellvinoError:
        why = f"{code.name.lower().replace('_', ' ')}: {details[:300]}"
        if code in _PASSING:
            return no_answer(self._server, why)
        if code in _NO_SUCH:
            return DeviceError(f"{self._server} does not offer model {self._model} {self._version} ({why})")
        return EngineTileError(f"{self._server} could not run {self._model} ({why})")

    def close(self) -> None:
        """Close the channel; what still runs is cancelled."""
        self._channel.close()


def _open_channel(address: ServerAddress, credentials: Credentials) -> grpc.Channel:
    if not address.secure:
        return grpc.insecure_channel(address.authority, _OPTIONS)
    trusted = grpc.ssl_channel_credentials(credentials.authority, credentials.key, credentials.certificate)
    return grpc.secure_channel(address.authority, trusted, _OPTIONS)
