"""Benchmark of devices and precisions on one image: run times, and changes in the result.

The network is timed tile by tile inside the run of the whole field, so that both times are of the same tiles. A repeat
yields no progress in between: the time of a listener would be counted.
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
from napari_cellvino.engines.provider import EngineMaker, list_devices, open_engine
from napari_cellvino.engines.timed import TimedEngine
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.quality.changes import Changes, compare_cells
from napari_cellvino.results.field_result import finish_field
from napari_cellvino.segmentation.decode_ahead import DecodingAhead
from napari_cellvino.segmentation.heads import Decoded
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
    """Result of a trial; the figures are 0 where it failed, with the reason in ``problem``.

    ``ready_s`` is the time to load or compile the network, which the other times exclude. ``network_s`` and ``field_s``
    (from pixels in memory to labels and table) are medians over the repeats. ``changes`` compare with Exact, None
    where Exact could not be run.
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
        """Tiles per second, network only."""
        return self.tiles / self.network_s if self.network_s else 0.0

    @property
    def megapixels_per_s(self) -> float:
        """Megapixels of the image per second, for the whole run."""
        return self.megapixels / self.field_s if self.field_s else 0.0


@dataclass(frozen=True, slots=True)
class _TrialContext:
    pipeline: Pipeline
    repeats: int
    make_engine: EngineMaker


def plan_trials(
    package: ModelPackage, *, device: str | None = None, precision: Precision | None = None
) -> tuple[Trial, ...]:
    """Return all trials possible on this computer, or those of a device and precision; Exact comes first.

    Raises
    ------
    DeviceError
        If the chosen device is not on this computer, or the package has no weights for the chosen precision.
    """
    if device is not None:
        from napari_cellvino.engines.openvino import resolve_device  # OpenVINO, only for trials

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
    """Yield progress and a timing per trial, and return all timings; device and precision of ``pipeline`` are ignored.

    The reference for changes is the first Exact trial that runs. If there is none, Exact is run once on the CPU as
    reference only.

    Raises
    ------
    OptionError
        At once, if ``repeats`` is below 1.
    ImageValueError
        If the image has no such channel, plane or frame.
    """
    if repeats < 1:
        raise OptionError(f"{repeats} repeats tell nothing; use 1 or more")
    return _compare(stack, trials, _TrialContext(_single_plane(pipeline, stack), repeats, make_engine))


def _single_plane(pipeline: Pipeline, stack: Stack) -> Pipeline:
    """Return the pipeline for the middle plane if it stitches in 3D: one plane is enough to compare devices."""
    if not pipeline.recipe.z_choice.joined:
        return pipeline
    return pipeline.with_choices(z=f"plane:{stack.shape.z // 2 + 1}")


def _compare(
    stack: Stack, trials: Sequence[Trial], context: _TrialContext
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


def _run(plane: Plane, trial: Trial, context: _TrialContext) -> tuple[Timing, Decoded | None]:
    """Return the timing and the objects of a trial; a failed trial has its reason and None."""
    try:
        return _timed(plane, trial, context)
    except (CellvinoError, MemoryError) as error:
        return Timing(trial, problem=str(error) or "not enough memory"), None


def _timed(plane: Plane, trial: Trial, context: _TrialContext) -> tuple[Timing, Decoded]:
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
    """Return the prediction of the first step for a plane; measuring is done too, for its time."""
    spec, values = pipeline.package.spec, pipeline.values
    ahead = DecodingAhead(spec, values)
    raw = finish(infer_maps(plane, spec, engine, diameter_px=pipeline.recipe.diameter_px, ahead=ahead))
    prediction = Prediction(plane, raw, ahead.result() or decode(raw, spec, values), values)
    finish_field(prediction, pipeline)
    return prediction
