"""A client over REST: numbers in binary behind the JSON, or in it where a server knows no better."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import DeviceError
from napari_cellvino.engines.engine import EngineConnectionError, EngineTileError
from napari_cellvino.engines.remote.address import ServerAddress
from napari_cellvino.engines.remote.protocol import DTYPES, Credentials, ServedModel, Tensor, decode, no_answer

_LENGTH = "inference-header-content-length"
_ID = "tile"  # there are servers that want one, and give nothing but errors without it
_PASSING = (408, 425, 429, 502, 503, 504)
_NO_SUCH = (401, 403, 404)


class RestClient:
    """Asks a model of a server over REST; see `Client`."""

    def __init__(self, address: ServerAddress, model: str, credentials: Credentials, tls: ssl.SSLContext) -> None:
        version = f"/versions/{address.version}" if address.version else ""
        self._server, self._model = address.server, model
        self._path = f"/v2/models/{model}{version}"
        headers = {"Authorization": f"Bearer {credentials.token}"} if credentials.token else {}
        # The environment may name proxies; what the user named is this address, and no other one.
        self._client = httpx.Client(
            base_url=address.server, headers=headers, verify=tls, trust_env=False, follow_redirects=False
        )

    def describe(self, seconds: float) -> ServedModel:
        """Return what the server says of the model."""
        said = self._json(self._send("GET", self._path, seconds).content)
        inputs = said.get("inputs") or [{}]
        first = inputs[0] if isinstance(inputs, list) and isinstance(inputs[0], dict) else {}
        versions = said.get("versions") or ()
        return ServedModel(tuple(map(str, versions)), str(first.get("name", "")), str(first.get("datatype", "")))

    def infer(self, tensor: Tensor, seconds: float, *, binary: bool = True) -> NDArray[np.floating]:
        """Return the first output for an input."""
        content, headers = _binary_request(tensor) if binary else _json_request(tensor)
        answer = self._send("POST", f"{self._path}/infer", seconds, content, headers)
        length = int(answer.headers.get(_LENGTH, len(answer.content)))
        said, rest = self._json(answer.content[:length]), answer.content[length:]
        try:
            output = said["outputs"][0]
            shape = tuple(map(int, output["shape"]))
            if rest:
                return decode(output["datatype"], shape, rest[: int(output["parameters"]["binary_data_size"])])
            return decode("FP32", shape, np.asarray(output["data"], "<f4").tobytes())
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EngineTileError(f"{self._server} sent no maps that can be read: {error!r}") from error

    def _send(
        self, method: str, path: str, seconds: float, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        try:
            answer = self._client.request(method, path, content=content, headers=headers, timeout=seconds)
        except (httpx.TransportError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile
            why = str(error) or type(error).__name__
            raise no_answer(self._server, why) from error
        if answer.is_success:
            return answer
        why = f"{answer.status_code}: {answer.text[:300]}"
        if answer.status_code in _PASSING:
            raise EngineConnectionError(f"{self._server} does not answer ({why})")
        if answer.status_code in _NO_SUCH:
            raise DeviceError(f"{self._server} does not offer model {self._model} at {path} ({why})")
        raise EngineTileError(f"{self._server} could not run {self._model} ({why})")

    def _json(self, content: bytes) -> dict[str, Any]:
        try:
            said = json.loads(content)
        except ValueError as error:
            raise EngineTileError(f"{self._server} sent no JSON: {content[:60]!r}") from error
        if not isinstance(said, dict):
            raise EngineTileError(f"{self._server} sent JSON of another kind: {content[:60]!r}")
        return said

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _binary_request(tensor: Tensor) -> tuple[bytes, dict[str, str]]:
    described = _described(tensor) | {"parameters": {"binary_data_size": len(tensor.content)}}
    head = json.dumps({"id": _ID, "inputs": [described], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
    return head + tensor.content, headers


def _json_request(tensor: Tensor) -> tuple[bytes, dict[str, str]]:
    values = np.frombuffer(tensor.content, DTYPES[tensor.datatype]).tolist()
    return json.dumps({"id": _ID, "inputs": [_described(tensor) | {"data": values}]}).encode(), {
        "Content-Type": "application/json"
    }


def _described(tensor: Tensor) -> dict[str, object]:
    return {"name": tensor.name, "shape": list(tensor.sent_shape), "datatype": tensor.datatype}
