"""Which share of what this processor can do in bf16 the shipped network's convolutions reach.

Both sides are timed by OpenVINO's own profiling, layer by layer. The peak is the best of three single layers that are
made for it (large, square, nothing to reorder), run in turn with the network: the same threads, caches and neighbours.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import find_package

GOAL_PERCENT = 40.0
LAYERS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul")
RUN_AS = (*LAYERS, "Deconvolution", "FullyConnected")  # what OpenVINO's profiling calls them


@dataclass(slots=True)
class Profiled:
    """A compiled network with ``layers`` layers that count, their operations, and the seconds they took, per run."""

    request: ov.InferRequest
    batch: NDArray[np.float32]
    layers: int
    operations: float
    taken: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Infer once and note the seconds; names are no help, since what is fused takes the name of either."""
        self.request.infer({0: self.batch})
        times = [p.real_time.total_seconds() for p in self.request.profiling_info if p.node_type in RUN_AS]
        if len(times) != self.layers:
            raise NotMeasuredError(f"OpenVINO runs {len(times)} layers where the network has {self.layers}")
        self.taken.append(sum(times))

    @property
    def rate(self) -> float:
        """Operations per second, of the median run."""
        return self.operations / statistics.median(self.taken)


def measure_peak(asked: Asked) -> list[Figure]:
    """Return the share of the bf16 peak inside the convolutions of the nuclei network at its tile.

    Raises
    ------
    NotMeasuredError
        If this processor does not calculate in bf16, or OpenVINO splits or joins layers that are counted.
    """
    core = ov.Core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise NotMeasuredError("this processor does not calculate in bf16")
    package = find_package("nuclei")
    model = core.read_model(package.weights(Precision.FAST))
    model.reshape([1, package.spec.input_channels, package.spec.tile, package.spec.tile])
    network = _profiled(core, model)
    largest = {"conv 512, 32²": _convolution(512, 32), "conv 512, 64²": _convolution(512, 64), "2048³": _matmul(2048)}
    alone = {name: _profiled(core, made) for name, made in largest.items()}
    for profiled in (network, *alone.values()):
        profiled.run()
        profiled.taken.clear()
    for _ in range(asked.repeats):
        for profiled in (network, *alone.values()):
            profiled.run()
    peak = max(profiled.rate for profiled in alone.values())
    return [
        Figure("convolutions, share of the bf16 peak", 100 * network.rate / peak, "%", least=GOAL_PERCENT),
        Figure("convolutions of the network", network.rate / 1e9, "GFLOP/s"),
        Figure("  their time", 1000 * statistics.median(network.taken), "ms"),
        *(Figure(f"layer of its own, {name}", profiled.rate / 1e9, "GFLOP/s") for name, profiled in alone.items()),
    ]


def _profiled(core: ov.Core, model: ov.Model) -> Profiled:
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16", "PERF_COUNT": True}
    shape = list(model.input(0).shape)
    request = core.compile_model(model, "CPU", options).create_infer_request()
    batch = np.random.default_rng(0).random(shape, np.float32)
    layers = [op for op in model.get_ops() if op.get_type_name() in LAYERS]
    return Profiled(request, batch, len(layers), sum(map(_operations, layers)))


def _operations(op: ov.Node) -> float:
    """Return the multiplications and additions of a layer of batch 1."""
    seen, weights = (op.input_value(i).get_shape() for i in (0, 1))
    if op.get_type_name() == "MatMul":
        return float(2 * np.prod(seen) * weights[-1])
    placed = seen if op.get_type_name() == "ConvolutionBackpropData" else op.output(0).get_shape()
    return float(2 * np.prod(placed[2:]) * np.prod(weights))


def _convolution(channels: int, side: int) -> ov.Model:
    image = ops.parameter([1, channels, side, side], np.float32)
    kernel = np.random.default_rng(1).random((channels, channels, 3, 3), np.float32) - 0.5
    layer = ops.convolution(image, ops.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1])
    return ov.Model([layer], [image])


def _matmul(side: int) -> ov.Model:
    rows = ops.parameter([side, side], np.float32)
    columns = ops.constant(np.random.default_rng(1).random((side, side), np.float32) - 0.5)
    return ov.Model([ops.matmul(rows, columns, False, False)], [rows])
