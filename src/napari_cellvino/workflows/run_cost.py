"""What a run will take: measured on a first tile of this very image and device, and corrected by what runs took.

One tile from the middle of the image goes through the same pipeline. What it took is multiplied: reading by the planes,
the network by the tiles, the rest by the pixels. What that leaves out (joining along z, a crowded corner, other work on
the computer) is learnt: the ratio of what runs took to what was foretold is kept for each model, device and precision.
Of memory only more than was foretold is learnt: less grows where a run finds room that the one before has left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_cellvino.core.image import PlaneReader, Shape, Stack
from napari_cellvino.core.progress import Progress, Stage
from napari_cellvino.core.settings import cache_folder
from napari_cellvino.engines.engine import Engine
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction, estimate, estimate_run
from napari_cellvino.segmentation.predict_field import predict_field, refiner_for
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import zoom_for
from napari_cellvino.segmentation.size_search import searched_px
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.workflows.peak_memory import PeakMemory

QUICK_CHOICES = {"frame", "parameters", "gates", "classifier", "linking"}  # that hardly change what a run takes
KEPT_RUNS = 5  # of each model, device and precision
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class RunCost:
    """Seconds and bytes of memory that a run takes, and the number of earlier runs that corrected them."""

    seconds: float
    bytes: int
    runs: int = 0


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """What a run is expected to take, and what its first tile alone had foretold."""

    cost: RunCost
    foretold: RunCost

    repeated: bool = False  # whether a run on this very image with the same choices took that

    @property
    def basis(self) -> str:
        """What it rests on, as a sentence."""
        if self.repeated:
            return "What the last run on this image took."
        runs = self.cost.runs
        learnt = f", corrected by the last {runs} run{'s' if runs > 1 else ''} with this model" if runs else ""
        return f"Measured on one tile of this image on this device{learnt}."


@dataclass(frozen=True, slots=True)
class TrialTimes:
    """Seconds that the first tile took.

    ``plane`` is for reading one plane, ``tile`` for one tile in the network, ``search`` for the search of the diameter,
    ``area`` for all that grows with the pixels.
    """

    plane: float
    tile: float
    search: float
    area: float

    def extrapolate(self, *, planes: int, tiles: int, areas: float, searched: float) -> float:
        """Return the seconds for so many planes and tiles, and so many times the pixels, also of those searched."""
        return self.search * searched + self.plane * planes + self.tile * tiles + self.area * areas


@dataclass(slots=True)
class _TilePlanes:
    """The pixels of one tile of an image, from one of its planes; notes how long the planes take to be read."""

    planes: PlaneReader
    frame: int
    z: int
    rows: slice
    columns: slice
    clock: Clock
    seconds: float = 0.0
    read: int = 0

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return the pixels (y, x) of a channel ``c``."""
        began = self.clock()
        found = np.asarray(self.planes.plane(t=self.frame, c=c, z=self.z)[self.rows, self.columns])
        self.seconds += self.clock() - began
        self.read += 1
        return found


def measure_cost(
    stack: Stack, pipeline: Pipeline, engines: EngineProvider, *, clock: Clock = time.perf_counter
) -> Generator[Progress, None, RunCost]:
    """Yield progress and return what a run takes, from a run on the tile in the middle; no earlier run is looked at.

    Compiles the networks where they are not yet (call from a thread); what that takes is not part of a run.
    """
    recipe, spec = pipeline.recipe, pipeline.package.spec
    whole = estimate_run(stack.shape, spec, recipe)
    tile, planes = _first_tile(stack, pipeline, whole.tile, clock)
    with PeakMemory() as memory:
        network = _load(pipeline, engines, whole.tile).seconds(whole.tile) * spec.views
        work = predict_field(tile, pipeline.with_choices(frame=1, z="mip"), engines)
        found, first, rest = yield from _timed(work, clock)
    before = max(first - planes.seconds - network, 0.0)
    searched = spec.diameter_px.always_sought and recipe.diameter_px is None
    times = TrialTimes(
        plane=planes.seconds / max(planes.read, 1),
        tile=network,
        search=before if searched else 0.0,
        area=rest + (0.0 if searched else before),
    )
    return _extrapolated(stack, pipeline, found, times, memory.growth, planes.read)


def _timed(
    work: Generator[Progress, None, Prediction], clock: Clock
) -> Generator[Progress, None, tuple[Prediction, float, float]]:
    """Yield progress, and return what is made, the seconds until the first tile was through, and those after it."""
    began = clock()
    first: float | None = None
    with closing(work):
        while True:
            try:
                event = next(work)
            except StopIteration as ended:
                now = clock()
                first = now if first is None else first
                return ended.value, first - began, now - first
            if first is None and event.stage is Stage.INFERENCE:
                first = clock()
            yield event


def _extrapolated(
    stack: Stack, pipeline: Pipeline, found: Prediction, times: TrialTimes, growth: int, read: int
) -> RunCost:
    recipe, spec, shape = pipeline.recipe, pipeline.package.spec, stack.shape
    recipe = recipe.model_copy(update={"diameter_px": _diameter_of(found, pipeline)})
    whole, part = estimate_run(shape, spec, recipe), estimate(found.plane.shape, spec, diameter_px=recipe.diameter_px)
    looked_at = shape.z if recipe.z_choice.joined else 1
    areas = looked_at * shape.y * shape.x / (found.plane.shape[0] * found.plane.shape[1])
    planes = read * (1 if recipe.z_choice.plane else shape.z)
    searched = searched_px((shape.y, shape.x), spec) / searched_px(found.plane.shape, spec)
    seconds = times.extrapolate(planes=planes, tiles=whole.tiles, areas=areas, searched=searched)
    return RunCost(seconds, max(whole.bytes - part.bytes, 0) + max(growth, part.bytes))


def _diameter_of(found: Prediction, pipeline: Pipeline) -> float | None:
    """Return the diameter in px that the run on a tile took: that of the recipe, or the one that it found."""
    return pipeline.recipe.diameter_px or (found.raw.diameter_px if isinstance(found.raw, RawMaps) else None)


def _first_tile(stack: Stack, pipeline: Pipeline, tile: int, clock: Clock) -> tuple[Stack, _TilePlanes]:
    recipe, shape = pipeline.recipe, stack.shape
    side = max(int(tile / zoom_for(pipeline.package.spec, recipe.diameter_px)), 1)
    height, width = min(side, shape.y), min(side, shape.x)
    top, left = (shape.y - height) // 2, (shape.x - width) // 2
    z = (recipe.z_choice.plane or shape.z // 2 + 1) - 1
    rows, columns = slice(top, top + height), slice(left, left + width)
    planes = _TilePlanes(stack.planes, recipe.frame - 1, z, rows, columns, clock)
    return replace(stack, planes=planes, shape=Shape(1, shape.c, 1, height, width)), planes


def _load(pipeline: Pipeline, engines: EngineProvider, tile: int) -> Engine:
    """Compile the networks and return the one that finds cells."""
    engine = engines.engine(pipeline.package, pipeline.recipe.device, pipeline.recipe.precision)
    engine.load(tile)
    if pipeline.refine is not None:
        refiner = refiner_for(pipeline, engines)
        refiner.engine.load(refiner.package.spec.tile)
    return engine


class RunsOfImage:
    """What runs on one image took, by their choices: the next one is foretold by the last, not by a tile measured anew.

    On a computer with eight times as much to do as it has cores, runs took 0.8 to 1.3 of what the one before them took,
    and 0.55 to 1.8 of what another tile foretold.
    """

    def __init__(self) -> None:
        self._planes: PlaneReader | None = None
        self._known: dict[str, RunEstimate] = {}

    def keep(self, foretold: RunCost, taken: RunCost, stack: Stack, pipeline: Pipeline) -> RunEstimate:
        """Keep what a run took, for others with this model too, and return what the next one is expected to take."""
        keep_run(foretold, taken, pipeline)
        if stack.planes is not self._planes:
            self._planes, self._known = stack.planes, {}
        self._known[_choices(pipeline)] = expected = RunEstimate(taken, foretold, repeated=True)
        return expected

    def expected(self, stack: Stack, pipeline: Pipeline) -> RunEstimate | None:
        """Return what a run takes, if there was one on this image with the same choices."""
        return self._known.get(_choices(pipeline)) if stack.planes is self._planes else None

    def forget(self, planes: PlaneReader | None) -> None:
        """Let go of an image."""
        if planes is self._planes:
            self._planes, self._known = None, {}


def _choices(pipeline: Pipeline) -> str:
    """Return what the cost of a run on one image depends on."""
    return " ".join((*pipeline.models, pipeline.recipe.model_dump_json(exclude=QUICK_CHOICES)))


class _Ratios(BaseModel):
    """What runs of one kind took over what was foretold, the newest last."""

    model_config = ConfigDict(frozen=True)

    seconds: tuple[float, ...] = ()
    bytes: tuple[float, ...] = ()


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)

    runs: dict[str, _Ratios] = {}


def corrected(cost: RunCost, pipeline: Pipeline) -> RunCost:
    """Return what a run takes in the light of earlier runs with this model, device and precision."""
    known = _kept().runs.get(_kind(pipeline), _Ratios())
    if not known.seconds:
        return cost
    more = max(1.0, median(known.bytes))
    return RunCost(cost.seconds * median(known.seconds), round(cost.bytes * more), runs=len(known.seconds))


def keep_run(foretold: RunCost, taken: RunCost, pipeline: Pipeline) -> None:
    """Keep what a run took against what its first tile had foretold; where that cannot be written, it is forgotten."""
    kept, kind = _kept(), _kind(pipeline)
    before = kept.runs.get(kind, _Ratios())
    ratios = _Ratios(
        seconds=(*before.seconds, taken.seconds / max(foretold.seconds, 1e-3))[-KEPT_RUNS:],
        bytes=(*before.bytes, taken.bytes / max(foretold.bytes, 1))[-KEPT_RUNS:],
    )
    text = _Kept(runs=kept.runs | {kind: ratios}).model_dump_json(indent=1)
    with suppress(OSError), atomic_path(cache_folder() / "run_costs.json") as part:
        part.write_text(text, encoding="utf-8")


def _kept() -> _Kept:
    try:
        return _Kept.model_validate_json((cache_folder() / "run_costs.json").read_bytes())
    except (OSError, ValidationError):
        return _Kept()


def _kind(pipeline: Pipeline) -> str:
    recipe = pipeline.recipe
    way = "3d" if recipe.z_choice.joined else "2d"
    return " ".join((*(sha256[:16] for sha256 in pipeline.models), recipe.device, recipe.precision, way))
