"""Engines come from one place, are kept while they are used, and are let go of at the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from napari_cellvino.core.errors import DeviceError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Engine, EngineConnectionError, EngineInfo, InferenceCancelledError
from napari_cellvino.engines.provider import EngineProvider, open_engine
from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.predict import decode, infer_maps


@dataclass(eq=False)
class Recorded(Engine):
    """An engine of which only the calls count."""

    name: tuple[str, str, Precision]
    calls: list[str] = field(default_factory=list)

    def load(self, tile):
        return EngineInfo("none", Precision.EXACT, "f32", "none")

    def cancel(self):
        self.calls.append("cancel")

    def close(self):
        self.calls.append("close")


@pytest.fixture(scope="module")
def packages():
    return [find_package(name) for name in ("nuclei", "live-dead", "cell-contour")]


def make(package, device, precision):
    return Recorded((package.spec.name, device, precision))


def test_an_engine_is_made_once_for_each_model_device_and_precision(packages):
    provider = EngineProvider(make)
    first = provider.engine(packages[0], "CPU")
    assert provider.engine(packages[0], "CPU") is first
    assert provider.engine(packages[0], "CPU", Precision.EXACT) is not first
    assert provider.engine(packages[0], "CPU") is first


def test_the_last_two_are_kept(packages):
    provider = EngineProvider(make)
    first, second = (provider.engine(package) for package in packages[:2])
    provider.engine(packages[2])
    assert provider.engine(packages[1]) is second
    assert provider.engine(packages[0]) is not first
    assert first.calls == [], "somebody may still be using it"


def test_leaving_closes_what_is_held_and_cancel_reaches_all(packages):
    with EngineProvider(make) as provider:
        held = [provider.engine(package) for package in packages[:2]]
        provider.cancel()
    assert [engine.calls for engine in held] == [["cancel", "close"]] * 2


def test_device_that_is_not_there_is_named(packages):
    with EngineProvider() as provider, pytest.raises(DeviceError, match="TPU"):
        provider.engine(packages[0], "TPU")


@pytest.mark.parametrize("device", ["AUTO", "cpu"])
def test_what_every_computer_has_is_checked_without_an_engine(packages, device, monkeypatch):
    monkeypatch.setattr("napari_cellvino.engines.openvino.OpenVinoEngine", None)  # would fail where one is made
    with EngineProvider() as engines:
        engines.check(packages[0], device, Precision.FAST)
        lacking = replace(packages[0], spec=packages[0].spec.model_copy(update={"weights": {"float": "model.xml"}}))
        with pytest.raises(DeviceError, match="has no int8 weights"):
            engines.check(lacking, device, Precision.INT8)


def test_a_device_that_not_every_computer_has_is_checked_by_an_engine(packages):
    with EngineProvider() as engines, pytest.raises(DeviceError, match="NPU9"):
        engines.check(packages[0], "NPU9", Precision.FAST)


def test_several_tiles_in_flight_give_the_same_maps_in_order(packages):
    engine = open_engine(packages[0], "CPU", Precision.EXACT)
    engine.load(128)
    tiles = np.random.default_rng(0).random((7, 1, 1, 128, 128), np.float32)
    buffer = np.zeros((1, 1, 128, 128), np.float32)

    def overwriting():
        for tile in tiles:
            buffer[:] = tile
            yield buffer

    together = list(engine.infer_all(overwriting()))
    one_by_one = [engine.infer(tile) for tile in tiles]
    np.testing.assert_array_equal(together, one_by_one)


def test_an_engine_serves_again_after_a_run_was_left_or_cancelled(packages):
    engine = open_engine(packages[0], "CPU", Precision.EXACT)
    engine.load(128)
    tiles = np.random.default_rng(0).random((5, 1, 1, 128, 128), np.float32)
    expected = engine.infer(tiles[4])
    running = engine.infer_all(iter(tiles))
    next(running)
    running.close()
    np.testing.assert_array_equal(engine.infer(tiles[4]), expected)
    running = engine.infer_all(iter(tiles))
    next(running)
    engine.cancel()
    with pytest.raises(InferenceCancelledError):
        list(running)
    np.testing.assert_array_equal(engine.infer(tiles[4]), expected)
    engine.close()
    engine.load(128)
    np.testing.assert_array_equal(engine.infer(tiles[4]), expected)


class Unplugged(Recorded):
    """An engine whose server went away."""

    def infer(self, batch):
        self.calls.append(f"infer {batch.shape[-1]}")
        raise EngineConnectionError("bench-2 does not answer")


def test_a_lost_connection_is_told_and_no_smaller_tile_is_tried(packages):
    from tests.segmentation.test_predict import finish, plane_of

    engine = Unplugged(("nuclei", "server", Precision.FAST))
    plane = plane_of(np.random.default_rng(0).integers(0, 500, (512, 512)).astype(np.uint16))
    with pytest.raises(EngineConnectionError, match="bench-2"):
        finish(infer_maps(plane, packages[0].spec, engine))
    assert len(engine.calls) == 1


def test_more_tiles_than_requests_are_stitched_as_by_one_request(packages):
    from tests.segmentation.test_predict import finish, plane_of

    class OneByOne(Recorded):
        def __init__(self, engine):
            self.engine = engine

        def load(self, tile):
            return self.engine.load(tile)

        def infer(self, batch):
            return self.engine.infer(batch)

    spec = packages[0].spec
    engine = open_engine(packages[0], "CPU", Precision.EXACT)
    plane = plane_of(np.random.default_rng(1).integers(0, 900, (1100, 2100)).astype(np.uint16))
    raws = [finish(infer_maps(plane, spec, one)) for one in (engine, OneByOne(engine))]
    assert raws[0].tiles > 2
    np.testing.assert_array_equal(raws[0].maps, raws[1].maps)
    labels = [decode(raw, spec, check_parameters(spec, {})).label_image() for raw in raws]
    np.testing.assert_array_equal(*labels)
