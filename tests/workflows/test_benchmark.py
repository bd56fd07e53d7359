"""The comparison of devices and precisions: what is planned, timed, compared, and said of what fails."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from napari_cellvino.core.errors import DeviceError, ImageValueError, OptionError
from napari_cellvino.core.image import ArrayPlanes, Shape, Stack
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.engines.engine import Engine, EngineTileError
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.engines.timed import TimedEngine
from napari_cellvino.quality.changes import Changes
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.workflows.benchmark import Timing, Trial, compare_trials, plan_trials

FAST, EXACT = Precision.FAST, Precision.EXACT


@pytest.fixture(scope="module")
def stack(wells):
    pixels = wells[0][:128, :160]
    return Stack(ArrayPlanes(pixels[None, None, None]), Shape(1, 1, 1, *pixels.shape), pixels.dtype)


def timings_of(stack, package, trials, *, repeats=2, make_engine=None, recipe=None):
    more = {} if make_engine is None else {"make_engine": make_engine}
    news = list(compare_trials(stack, make_pipeline(recipe or Recipe(), [package]), trials, repeats=repeats, **more))
    return [n for n in news if isinstance(n, Timing)], [n for n in news if isinstance(n, Progress)]


def test_trials_are_every_device_and_precision_exact_first(package):
    trials = plan_trials(package)
    assert Trial("CPU", FAST) in trials
    assert trials[0] == Trial("CPU", EXACT)
    assert all(t.device != "AUTO" for t in trials)
    assert {t.precision for t in trials} == set(package.precisions)


def test_choices_leave_fewer_trials(package):
    assert plan_trials(package, device="cpu", precision=FAST) == (Trial("CPU", FAST),)
    assert plan_trials(package, device="AUTO", precision=EXACT) == (Trial("AUTO", EXACT),)
    with pytest.raises(DeviceError, match="TPU"):
        plan_trials(package, device="TPU")
    floats_only = replace(package, spec=package.spec.model_copy(update={"weights": {"float": "model.xml"}}))
    with pytest.raises(DeviceError, match="int8"):
        plan_trials(floats_only, precision=Precision.INT8)


def test_shipped_engine_is_timed(stack, package):
    (exact, fast), progress = timings_of(stack, package, (Trial("CPU", EXACT), Trial("CPU", FAST)))
    assert exact.changes == Changes(0, 0)
    assert fast.changes.added + fast.changes.removed <= 2
    for timing in (exact, fast):
        assert timing.problem == ""
        assert timing.engine_info.device == "CPU"
        assert timing.tiles == 1
        assert timing.megapixels == pytest.approx(128 * 160 / 1e6)
        assert 0 < timing.network_s < timing.field_s
        assert timing.tiles_per_s == pytest.approx(1 / timing.network_s)
        assert timing.count > 0
    assert progress[-1] == Progress("trials", 1, 2)


@dataclass
class Clock:
    """Time that passes only where a test says so."""

    now: float = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("napari_cellvino.workflows.benchmark.time", clock)
    monkeypatch.setattr("napari_cellvino.engines.timed.time", clock)
    return clock


@dataclass
class ActingEngine(Engine):
    """The real engine; by its clock, compiling takes 5 s and a tile 0.5 s. Fast loses the upper part of the image."""

    engine: OpenVinoEngine
    precision: Precision
    clock: Clock
    compiled: bool = False

    def load(self, tile):
        self.clock.now += 0 if self.compiled else 5
        self.compiled = True
        return self.engine.load(tile)

    def infer(self, batch):
        self.clock.now += 0.5
        maps = self.engine.infer(batch)
        if self.precision is FAST:
            maps[:, :, :64] = 0
        return maps


def test_compiling_and_listening_cost_no_time(stack, package, shipped_engine, clock):
    news = compare_trials(
        stack,
        make_pipeline(Recipe(), [package]),
        (Trial("CPU", EXACT),),
        repeats=3,
        make_engine=lambda _package, _device, precision: ActingEngine(shipped_engine, precision, clock),
    )
    timings = []
    for item in news:
        clock.now += 100
        timings += [item] if isinstance(item, Timing) else []
    (timing,) = timings
    assert (timing.ready_s, timing.network_s, timing.field_s, timing.tiles_per_s) == (5, 0.5, 0.5, 2)


def test_what_follows_the_network_counts_for_the_field(stack, package, shipped_engine, clock, monkeypatch):
    def finish(*_):
        clock.now += 0.25

    monkeypatch.setattr("napari_cellvino.workflows.benchmark.finish_field", finish)
    (timing,), _ = timings_of(
        stack,
        package,
        (Trial("CPU", EXACT),),
        make_engine=lambda _package, _device, precision: ActingEngine(shipped_engine, precision, clock),
    )
    assert (timing.network_s, timing.field_s) == (0.5, 0.75)


def test_fast_alone_is_still_compared_with_exact(stack, package, shipped_engine, clock):
    asked = []

    def make(_package, device, precision):
        asked.append((device, precision))
        return ActingEngine(shipped_engine, precision, clock)

    (timing,), _ = timings_of(stack, package, (Trial("CPU", FAST),), repeats=1, make_engine=make)
    assert asked == [("CPU", EXACT), ("CPU", FAST)]
    assert timing.changes.removed > 0


def test_device_that_fails_is_listed_with_its_reason(stack, package, shipped_engine):
    def make(_package, device, _precision):
        if device == "NPU":
            raise DeviceError("the driver is too old")
        if device == "GPU":
            raise EngineTileError("out of device memory")
        return shipped_engine

    trials = (Trial("NPU", EXACT), Trial("CPU", EXACT), Trial("GPU", FAST), Trial("CPU", FAST))
    timings, _ = timings_of(stack, package, trials, repeats=1, make_engine=make)
    assert [t.problem for t in timings] == ["the driver is too old", "", "out of device memory", ""]
    assert timings[0].field_s == timings[0].tiles_per_s == timings[0].megapixels_per_s == 0
    assert timings[3].changes == Changes(0, 0)


def test_without_exact_the_difference_is_unknown(stack, package, shipped_engine):
    def make(_package, _device, precision):
        if precision is EXACT:
            raise MemoryError
        return shipped_engine

    timings, _ = timings_of(stack, package, (Trial("CPU", EXACT), Trial("CPU", FAST)), repeats=1, make_engine=make)
    assert timings[0].problem == "not enough memory"
    assert timings[1].changes is None


def test_impossible_wishes_are_refused(stack, package):
    with pytest.raises(OptionError, match="0 repeats"):
        compare_trials(stack, make_pipeline(Recipe(), [package]), (), repeats=0)
    with pytest.raises(OptionError, match="magic"):
        compare_trials(stack, make_pipeline(Recipe(parameters={"magic": 1.0}), [package]), ())
    with pytest.raises(ImageValueError, match="no channel"):
        finish(compare_trials(stack, make_pipeline(Recipe(channel="7"), [package]), ()))


def test_timed_engine_passes_everything_on(engine):
    timed = TimedEngine(engine)
    facts = timed.load(256)
    batch = np.zeros((1, 1, 256, 256), np.float32)
    assert np.array_equal(timed.infer(batch), engine.infer(batch))
    assert (facts.device, len(timed.taken)) == ("CPU", 1)
    assert timed.seconds(256) == engine.seconds(256)
    timed.cancel()
