"""A network of OpenVINO for the servers of the tests, as their own environments run it."""

import sys

import numpy as np

sys.modules["openvino_telemetry"] = None  # it would send an event
import openvino as ov  # noqa: E402  (after the line above)

TYPES = {"float16": ov.Type.f16, "float32": ov.Type.f32}


class Network:
    """Runs ``model.xml``, which takes and gives the type of numbers that it is asked with, float16 or float32."""

    def __init__(self, path: str) -> None:
        self._core, self._path = ov.Core(), path
        self._requests: dict[tuple[str, tuple[int, ...]], ov.InferRequest] = {}

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return the maps, which stay until the next batch."""
        request = self._request(batch.dtype.name, batch.shape)
        request.infer({0: batch})
        return request.output_tensors[0].data

    def _request(self, name: str, shape: tuple[int, ...]) -> ov.InferRequest:
        if (name, shape) not in self._requests:
            network = self._core.read_model(self._path)
            network.reshape(list(shape))
            conversion = ov.preprocess.PrePostProcessor(network)
            conversion.input().tensor().set_element_type(TYPES[name])
            conversion.output().tensor().set_element_type(TYPES[name])
            compiled = self._core.compile_model(conversion.build(), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
            self._requests[name, shape] = compiled.create_infer_request()
        return self._requests[name, shape]
