"""Run a model package's own test tensors, to check that it gives the expected output on this computer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.provider import open_engine
from napari_cellvino.model_package import ModelPackage


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """How one precision compares with the expected output: root-mean-square difference over all maps."""

    model: str
    precision: Precision
    device: str
    number_type: str
    difference: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether the difference is allowed."""
        return self.difference <= self.tolerance


def check_model(package: ModelPackage, *, device: str = "AUTO") -> list[ModelCheck]:
    """Return one check per precision of a package, on ``device``.

    Raises
    ------
    DeviceError, InferenceError
        If it does not run there at all.
    """
    batch, expected = package.test_tensors()
    checks = []
    for precision in package.precisions:
        engine = open_engine(package, device, precision)
        info = engine.load(batch.shape[-1])
        difference = float(np.sqrt(np.mean((engine.infer(batch).astype(np.float32) - expected) ** 2)))
        tolerance = package.spec.tolerance.get(precision, 0.0)
        checks.append(ModelCheck(package.label, precision, info.device, info.number_type, difference, tolerance))
    return checks
