"""Every device and precision on one image: how long it takes, and what it changes in the result.

The network is timed inside the run of the whole field, tile by tile, so that both are of the same tiles and the same
moment. A pass is not interrupted: what a listener does with the news would be counted as time of the pass.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.image import Plane, Stack
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Engine, EngineInfo
from napari_cellvino.engines.openvino import list_devices, resolve_device
from napari_cellvino.engines.provider import EngineMaker, open_engine
from napari_cellvino.engines.timed import TimedEngine
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.quality.changes import Changes, compare_cells
from napari_cellvino.results.field_result import finish_field
from napari_cellvino.segmentation.heads import Decoded, check_parameters
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction, decode, infer_maps
from napari_cellvino.segmentation.prepare import project

REFERENCE_DEVICE = "CPU"


@dataclass(frozen=True, slots=True)
class Trial:
    """One device and precision to time."""

    device: str
    precision: Precision


@dataclass(frozen=True, slots=True)
class Timing:
    """What came out of a trial; the figures are 0 where ``problem`` says why it did not run.

    ``ready_s`` is the time to load or compile the network, which the others leave out. ``network_s`` and ``field_s``
    (from pixels in memory to labels and table) are medians over the repeats. ``changes`` are against Exact, None where
    Exact could not be run.
    """

    trial: Trial
    engine_info: EngineInfo | None = None
    ready_s: float = 0.0
    network_s: float = 0.0
    field_s: float = 0.0
    tiles: int = 0
    megapixels: float = 0.0
    count: int = 0
    changes: Changes | None = None
    problem: str = ""

    @property
    def tiles_per_s(self) -> float:
        """Tiles through the network alone per second."""
        return self.tiles / self.network_s if self.network_s else 0.0

    @property
    def megapixels_per_s(self) -> float:
        """Megapixels of the image per second, everything included."""
        return self.megapixels / self.field_s if self.field_s else 0.0


@dataclass(frozen=True, slots=True)
class _Trials:
    pipeline: Pipeline
    repeats: int
    make_engine: EngineMaker


def plan_trials(
    package: ModelPackage, *, device: str | None = None, precision: Precision | None = None
) -> tuple[Trial, ...]:
    """Return all trials that are possible here, or those with the chosen device and precision; Exact comes first.

    Raises
    ------
    DeviceError
        If the chosen device is not on this computer, or the package has no weights for the chosen precision.
    """
    if device is not None:
        resolve_device(device)
    if precision is not None:
        package.weights(precision)
    devices = [device.upper()] if device is not None else [d.name for d in list_devices() if d.name != "AUTO"]
    precisions = [precision] if precision is not None else package.precisions
    trials = [Trial(name, p) for name in devices for p in precisions]
    return tuple(sorted(trials, key=lambda t: (t.precision is not Precision.EXACT, t.device != REFERENCE_DEVICE)))


def compare_trials(
    stack: Stack,
    pipeline: Pipeline,
    trials: Sequence[Trial],
    *,
    repeats: int = 5,
    make_engine: EngineMaker = open_engine,
) -> Generator[Progress | Timing, None, tuple[Timing, ...]]:
    """Yield progress and a timing per trial, and return all timings; its own device and precision do not matter.

    The first Exact trial that runs is what the others are compared with. Where none is asked for, Exact is run once
    on the CPU for that alone.

    Raises
    ------
    OptionError
        At once, if ``repeats`` is below 1.
    ImageValueError
        If the image has no such channel, plane or frame.
    """
    if repeats < 1:
        raise OptionError(f"{repeats} repeats tell nothing; use 1 or more")
    return _compare(stack, trials, _Trials(_of_one_plane(pipeline, stack), repeats, make_engine))


def _of_one_plane(pipeline: Pipeline, stack: Stack) -> Pipeline:
    """Return the pipeline for the middle plane where it joins all: devices compare alike on one."""
    if not pipeline.recipe.z_choice.joined:
        return pipeline
    return pipeline.with_choices(z=f"plane:{stack.shape.z // 2 + 1}")


def _compare(
    stack: Stack, trials: Sequence[Trial], context: _Trials
) -> Generator[Progress | Timing, None, tuple[Timing, ...]]:
    recipe, inputs = context.pipeline.recipe, context.pipeline.package.spec.input_channels
    plane = yield from project(stack, channel=recipe.channel, z=recipe.z_choice, frame=recipe.frame, inputs=inputs)
    reference = None
    if all(trial.precision is not Precision.EXACT for trial in trials):
        reference = _run(plane, Trial(REFERENCE_DEVICE, Precision.EXACT), replace(context, repeats=1))[1]
    timings = []
    for number, trial in enumerate(trials):
        yield Progress("trials", number, len(trials))
        timing, decoded = _run(plane, trial, context)
        if reference is None and trial.precision is Precision.EXACT:
            reference = decoded
        if reference is not None and decoded is not None:
            timing = replace(timing, changes=compare_cells(reference, decoded))
        timings.append(timing)
        yield timing
    return tuple(timings)


def _run(plane: Plane, trial: Trial, context: _Trials) -> tuple[Timing, Decoded | None]:
    """Return the timing of a trial and what it found; a device that fails gives its reason and None."""
    try:
        return _timed(plane, trial, context)
    except (CellvinoError, MemoryError) as error:
        return Timing(trial, problem=str(error) or "not enough memory"), None


def _timed(plane: Plane, trial: Trial, context: _Trials) -> tuple[Timing, Decoded]:
    start = time.perf_counter()
    engine = TimedEngine(context.make_engine(context.pipeline.package, trial.device, trial.precision))
    first = _run_plane(plane, context.pipeline, engine)  # compiles and warms up
    ready = time.perf_counter() - start
    network, whole = [], []
    for _ in range(context.repeats):
        engine.taken.clear()
        start = time.perf_counter()
        _run_plane(plane, context.pipeline, engine)
        whole.append(time.perf_counter() - start)
        network.append(sum(engine.taken))
    height, width = plane.shape
    timing = Timing(
        trial,
        engine_info=first.raw.engine_info,
        ready_s=max(0.0, ready - statistics.median(whole)),
        network_s=statistics.median(network),
        field_s=statistics.median(whole),
        tiles=first.raw.tiles,
        megapixels=height * width / 1e6,
        count=len(first.decoded.objects),
    )
    return timing, first.decoded


def _run_plane(plane: Plane, pipeline: Pipeline, engine: Engine) -> Prediction:
    """Return what the first step finds in a plane, after also measuring it."""
    spec, values = pipeline.package.spec, check_parameters(pipeline.package.spec, pipeline.recipe.parameters)
    raw = finish(infer_maps(plane, spec, engine, diameter_px=pipeline.recipe.diameter_px))
    prediction = Prediction(plane, raw, decode(raw, spec, values), values)
    finish_field(prediction, pipeline)
    return prediction
