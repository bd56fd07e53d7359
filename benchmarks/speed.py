"""How long a field takes beside its network, and beside the same network run by torch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from benchmarks.scenes import in_memory, nuclei_field
from napari_cellvino.core.compiled import get_ready
from napari_cellvino.core.image import Stack
from napari_cellvino.core.memory import keep_memory
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.engines.timed import TimedEngine
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.results.field_result import finish_field
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.predict import Prediction, decode, infer_maps
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.workflows.process_start import collecting_seldom

GOAL_NETWORK = 1.35
GOAL_TORCH = 0.25

Batch = NDArray[np.float32]


@dataclass(slots=True)
class Recorder(TimedEngine):
    """An engine that also keeps the batches it was given."""

    batches: list[Batch] = field(default_factory=list)

    def infer(self, batch: Batch) -> NDArray[np.float16]:
        """Return the maps of a batch."""
        self.batches.append(batch.copy())
        return self.engine.infer(batch)


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds of one field, pixels in memory to labels and table."""

    network: float
    tiling: float  # projection of the one plane, normalising, cutting and stitching
    decoding: float
    measuring: float

    @property
    def whole(self) -> float:
        """All of it."""
        return self.network + self.tiling + self.decoding + self.measuring


def measure_speed(repeats: int) -> list[Figure]:
    """Return the figures of a 1024 x 1024 uint16 field with the shipped network, Fast, on the automatic device."""
    keep_memory()  # as every run does
    package, stack = find_package("nuclei"), in_memory(nuclei_field())
    engine = OpenVinoEngine(package)
    recorder = Recorder(engine)
    _field(stack, package, recorder)
    torch = _torch_network(package, recorder.batches)
    by_torch = [] if torch is None else [_seconds(torch) for _ in range(repeats)]
    stages, alone = _measure(stack, package, engine, recorder.batches, repeats)
    figures = _figures(stages, alone, by_torch, len(recorder.batches))
    if get_ready():
        stages, alone = _measure(stack, package, engine, recorder.batches, repeats)
        again = _figures(stages, alone, [], len(recorder.batches))
        figures += [replace(figure, name=f"with Numba: {figure.name.strip()}") for figure in again]
    return figures


def _measure(
    stack: Stack, package: ModelPackage, engine: OpenVinoEngine, batches: list[Batch], repeats: int
) -> tuple[list[Stages], float]:
    """Return the stages of each repeat, and the median seconds of the network alone between them."""
    stages, alone = [], []
    with collecting_seldom():  # as every run does
        for _ in range(repeats):
            stages.append(_field(stack, package, TimedEngine(engine)))
            alone.append(_seconds(lambda: [engine.infer(batch) for batch in batches]))
    return stages, statistics.median(alone)


def _figures(stages: list[Stages], alone: float, by_torch: list[float], tiles: int) -> list[Figure]:
    whole = statistics.median(s.whole for s in stages)
    names = ("network", "tiling", "decoding", "measuring")
    shares = {name: statistics.median(getattr(s, name) for s in stages) for name in names}
    figures = [
        Figure("field / network alone", whole / alone, "x", GOAL_NETWORK),
        Figure("whole field", 1000 * whole, "ms"),
        Figure(f"network alone, {tiles} tiles", 1000 * alone, "ms"),
        *(Figure(f"  {name} in the field", 1000 * seconds, "ms") for name, seconds in shares.items()),
        Figure("decoding, share of the field", 100 * shares["decoding"] / whole, "%"),
    ]
    if by_torch:
        network = statistics.median(by_torch)
        with_torch = whole - shares["network"] + network
        figures += [
            Figure("field / field with torch f32", whole / with_torch, "x", GOAL_TORCH),
            Figure("network alone, torch f32", 1000 * network, "ms"),
        ]
    return figures


def _field(stack: Stack, package: ModelPackage, engine: TimedEngine) -> Stages:
    """Return how long the stages of one field took."""
    pipeline = make_pipeline(Recipe(), [package])
    start = time.perf_counter()
    values = pipeline.values
    plane = finish(project(stack))
    # At its own size, as it is: a run decodes what it looks at for that once.
    raw = finish(infer_maps(plane, package.spec, engine, diameter_px=package.spec.diameter_px.reference))
    maps_there = time.perf_counter()
    prediction = Prediction(plane, raw, decode(raw, package.spec, values), values)
    decoded = time.perf_counter()
    finish_field(prediction, pipeline)
    network = sum(engine.taken)
    return Stages(network, maps_there - start - network, decoded - maps_there, time.perf_counter() - decoded)


def _torch_network(package: ModelPackage, batches: list[Batch]) -> Callable[[], object] | None:
    """Return a call that runs the batches through the same layers in torch f32, or None without torch.

    The weights are random: a package holds them only in folded form, and the time does not depend on them.
    """
    try:
        import torch

        from napari_cellvino.training.fit.fit import build_network
        from napari_cellvino.training.shipped.models import shipped_plan
    except ImportError:
        return None
    network = build_network(shipped_plan(package.spec.name)).eval()
    _check_same_size(package, sum(p.numel() for p in network.parameters()))
    tensors = [torch.from_numpy(batch) for batch in batches]

    def run() -> object:
        with torch.inference_mode():
            return [network(tensor) for tensor in tensors]

    run()
    return run


def _check_same_size(package: ModelPackage, parameters: int) -> None:
    """Raise RuntimeError unless the package's f16 weights are about as many as the torch network's."""
    from napari_cellvino.core.recipe import Precision

    shipped = package.weights(Precision.FAST).with_suffix(".bin").stat().st_size / 2
    if not 0.9 < shipped / parameters < 1.3:
        raise RuntimeError(f"the package has {shipped:,.0f} weights, the torch network {parameters:,}: not the same")


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
