"""A network of OpenVINO for the servers of the tests, as their own environments run it."""

import sys

import numpy as np

sys.modules["openvino_telemetry"] = None  # it would send an event
import openvino as ov  # noqa: E402

TYPES = {"FP16": np.float16, "FP32": np.float32}


class Network:
    """Runs ``model.xml``; types other than its own are cast, as OpenVINO does by itself."""

    def __init__(self, path: str) -> None:
        self._compiled = ov.Core().compile_model(path, "CPU", {"PERFORMANCE_HINT": "LATENCY"})

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(self._compiled(batch.astype(np.float32))[0])
