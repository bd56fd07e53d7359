"""A network of OpenVINO for the servers of the tests, as their own environments run it."""

import sys

import numpy as np

sys.modules["openvino_telemetry"] = None  # it would send an event
import openvino as ov  # noqa: E402

TYPES = {"float16": ov.Type.f16, "float32": ov.Type.f32}


class Network:
    """Runs ``model.xml``, which takes and gives the type of numbers that it is asked with, float16 or float32."""

    def __init__(self, path: str) -> None:
        self._core, self._path = ov.Core(), path
        self._compiled: dict[str, ov.CompiledModel] = {}

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        name = batch.dtype.name
        if name not in self._compiled:
            conversion = ov.preprocess.PrePostProcessor(self._core.read_model(self._path))
            conversion.input().tensor().set_element_type(TYPES[name])
            conversion.output().tensor().set_element_type(TYPES[name])
            options = {"PERFORMANCE_HINT": "LATENCY"}
            self._compiled[name] = self._core.compile_model(conversion.build(), "CPU", options)
        return np.asarray(self._compiled[name](batch)[0])
