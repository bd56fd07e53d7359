"""What a run takes is measured on one tile, and learnt from earlier runs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.size_search import searched_px
from napari_cellvino.workflows.run_cost import RunCost, RunsOfImage, TrialTimes, corrected, keep_run, measure_cost


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[EngineProvider]:
    monkeypatch.setenv("CELLVINO_CACHE", str(tmp_path))
    with EngineProvider() as provider:
        yield provider


class CountedPlanes:
    """Pixels that count how often they are read."""

    def __init__(self, stack: Stack) -> None:
        self.planes, self.read = stack.planes, []

    def plane(self, *, t: int, c: int, z: int):
        self.read.append((t, c, z))
        return self.planes.plane(t=t, c=c, z=z)


def test_each_part_grows_with_what_it_is_done_for():
    times = TrialTimes(plane=0.5, tile=0.25, search=2, area=0.125)
    assert times.extrapolate(planes=8, tiles=4, areas=16, searched=3) == 6 + 4 + 1 + 2


def test_a_search_for_the_diameter_grows_until_its_windows_are_full():
    spec = make_pipeline(Recipe(model="cells")).package.spec
    small, large, larger = (searched_px((side, side), spec) for side in (256, 1024, 8192))
    assert 4 < large / small < 48  # three of four quarters, each up to four times the pixels, at each zoom
    assert searched_px((16_384, 16_384), spec) == larger


def test_one_tile_of_the_plane_in_the_middle_is_run(engines):
    pixels = np.random.default_rng(0).integers(0, 4000, (7, 600, 600), np.uint16)
    stack, pipeline = Stack.from_array(pixels, axes="ZYX"), make_pipeline(Recipe())
    counted = CountedPlanes(stack)
    ticks = iter(range(1000))  # a clock whose every look takes a second
    cost = finish(measure_cost(Stack(counted, stack.shape, stack.dtype), pipeline, engines, clock=lambda: next(ticks)))
    assert counted.read == [(0, 0, 3)]
    assert cost.seconds >= 7  # a maximum projection reads seven planes
    assert cost.bytes > 600 * 600 * 2


def test_what_runs_took_corrects_what_comes_next(engines):
    pipeline, foretold = make_pipeline(Recipe()), RunCost(2.0, 100)
    assert corrected(foretold, pipeline) == foretold
    for seconds in (4.0, 6.0, 60.0):
        keep_run(foretold, RunCost(seconds, 150), pipeline)
    assert corrected(foretold, pipeline) == RunCost(6.0, 150, runs=3)
    exact = make_pipeline(Recipe(precision="exact"))
    assert corrected(foretold, exact) == foretold
    keep_run(foretold, RunCost(1.0, 20), exact)  # in room that the tile had left: no run takes less for that
    assert corrected(foretold, exact) == RunCost(1.0, 100, runs=1)


def test_a_run_that_is_repeated_takes_what_the_last_one_took(engines):
    runs, pipeline, foretold = RunsOfImage(), make_pipeline(Recipe()), RunCost(2.0, 100)
    stack, other = (Stack.from_array(np.zeros((9, 9), np.uint16), axes="YX") for _ in range(2))
    assert runs.expected(stack, pipeline) is None
    runs.keep(foretold, RunCost(9.0, 300), stack, pipeline)
    expected = runs.keep(foretold, RunCost(5.0, 200), stack, pipeline)
    slid = pipeline.with_choices(parameters={"confidence": 0.7})
    assert expected == runs.expected(stack, slid)
    assert (expected.cost, expected.foretold) == (RunCost(5.0, 200), foretold)
    assert runs.expected(stack, make_pipeline(Recipe(diameter_px=9))) is None
    assert corrected(foretold, pipeline) == RunCost(7.0, 250, runs=2), "other images learn from them as before"
    assert runs.expected(other, pipeline) is None
    runs.forget(other.planes)
    assert runs.expected(stack, slid) == expected
    runs.forget(stack.planes)  # closed: nothing holds its pixels
    assert runs.expected(stack, slid) is None
