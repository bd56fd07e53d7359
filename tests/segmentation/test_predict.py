from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.recipe import Precision
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.engine import Engine, EngineInfo, EngineTileError
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.quality.accuracy import match_field, summarise
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.predict import decode, estimate, infer_maps
from napari_cellvino.segmentation.raw_maps import RawMaps


@pytest.fixture(scope="module")
def package() -> ModelPackage:
    return find_package("nuclei")


@pytest.fixture(scope="module")
def engine(package: ModelPackage) -> OpenVinoEngine:
    return OpenVinoEngine(package, device="CPU", precision=Precision.EXACT)


@pytest.fixture(scope="module")
def well() -> np.ndarray:
    return tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[0]


def plane_of(pixels: np.ndarray) -> Plane:
    return Plane(pixels[None], pixels[None])


def finish(running: object) -> RawMaps:
    while True:
        try:
            next(running)  # type: ignore[call-overload]
        except StopIteration as finished:
            return finished.value


def count(pixels: np.ndarray, package: ModelPackage, engine: OpenVinoEngine, diameter: float | None = None) -> int:
    raw = finish(infer_maps(plane_of(pixels), package.spec, engine, diameter_px=diameter))
    return len(decode(raw, package.spec, check_parameters(package.spec, {})).objects)


class CountingEngine(Engine):
    """The real engine behind a seam that counts tiles and can fail on large ones."""

    def __init__(self, engine: OpenVinoEngine, largest: int = 10_000) -> None:
        self.engine, self.largest, self.calls = engine, largest, 0

    def seconds(self, tile: int) -> float:
        return self.engine.seconds(tile)

    def load(self, tile: int) -> EngineInfo:
        if tile > self.largest:
            raise EngineTileError(f"no room for {tile} px")
        return self.engine.load(tile)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        self.calls += 1
        return self.engine.infer(batch)

    def cancel(self) -> None:
        self.engine.cancel()


def test_progress_counts_tiles(package: ModelPackage, engine: OpenVinoEngine, well: np.ndarray) -> None:
    large = np.tile(well, (5, 3))
    seen = []
    running = infer_maps(plane_of(large), package.spec, engine)
    while True:
        try:
            seen.append(next(running))
        except StopIteration as finished:
            raw = finished.value
            break
    assert [p.done for p in seen] == list(range(1, seen[-1].total + 1))
    assert raw.tiles == len(seen) > 1
    assert raw.maps.shape == (3, *large.shape)


def test_thresholds_touch_no_network(package: ModelPackage, engine: OpenVinoEngine, well: np.ndarray) -> None:
    counting = CountingEngine(engine)
    raw = finish(infer_maps(plane_of(well), package.spec, counting))
    calls = counting.calls
    counts = [
        len(decode(raw, package.spec, check_parameters(package.spec, {"confidence": c})).objects)
        for c in (0.0, 0.9, 0.99)
    ]
    assert counting.calls == calls
    assert counts[0] >= counts[1] > counts[2]


def test_tiled_and_whole_agree(package: ModelPackage, engine: OpenVinoEngine) -> None:
    stack = tifffile.imread(shipped_folder("sample_data") / "nuclei_stack.ome.tif").max(0)
    values = check_parameters(package.spec, {})
    labels = []
    for tile in (512, 256):
        spec = package.spec.model_copy(update={"tile": tile})
        labels.append(decode(finish(infer_maps(plane_of(stack), spec, engine)), spec, values).labels)
    assert summarise([match_field(*labels)]).f1_50 > 0.97


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (3, 5), (17, 2), (257, 255)])
def test_any_size_runs(shape: tuple[int, int], package: ModelPackage, engine: OpenVinoEngine) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    raw = finish(infer_maps(plane_of(pixels), package.spec, engine))
    assert raw.maps.shape == (3, *shape)
    assert decode(raw, package.spec, check_parameters(package.spec, {})).labels.shape == shape


@pytest.mark.parametrize(
    "change",
    [
        lambda x: (x // 2).astype(np.uint16),
        lambda x: x.astype(np.uint16) * 2,
        lambda x: x.astype(np.float64) / 4095,
        lambda x: x.astype(np.int32) - 500,
        lambda x: np.where(np.random.default_rng(0).random(x.shape) < 0.01, 4095, x),
    ],
    ids=["half", "double", "float", "signed", "salt"],
)
def test_intensity_changes_keep_the_count(
    change: Callable[[np.ndarray], np.ndarray], package: ModelPackage, engine: OpenVinoEngine, well: np.ndarray
) -> None:
    native = count(well, package, engine)
    assert native > 30
    assert abs(count(change(well), package, engine) - native) <= 0.05 * native


def test_a_diameter_makes_scale_unimportant(package: ModelPackage, engine: OpenVinoEngine, well: np.ndarray) -> None:
    native = count(well, package, engine, 13)
    enlarged = np.kron(well, np.ones((3, 3), well.dtype))
    raw = finish(infer_maps(plane_of(enlarged), package.spec, engine, diameter_px=39))
    assert raw.maps.shape == (3, *enlarged.shape)
    assert abs(count(enlarged, package, engine, 39) - native) <= 0.1 * native


@pytest.mark.parametrize("level", [0, 300])
def test_constant_and_noise_fields_are_empty(level: int, package: ModelPackage, engine: OpenVinoEngine) -> None:
    rng = np.random.default_rng(0)
    field = np.full((256, 256), 100) if level == 0 else rng.normal(level, 10, (256, 256))
    assert count(field.astype(np.uint16), package, engine) <= 2


def test_smaller_tiles_when_large_ones_do_not_run(
    package: ModelPackage, engine: OpenVinoEngine, well: np.ndarray
) -> None:
    large = np.tile(well, (2, 2))
    raw = finish(infer_maps(plane_of(large), package.spec, CountingEngine(engine, largest=300)))
    assert raw.tile == 256
    assert raw.smaller_tile == 256
    assert raw.notices[0].startswith("Tiles of 512 px did not run (no room for 512 px); went on with 256 px, which may")
    with pytest.raises(EngineTileError, match="no room for 128 px"):
        finish(infer_maps(plane_of(large), package.spec, CountingEngine(engine, largest=100)))


def test_smaller_tiles_for_lack_of_memory_are_told(
    package: ModelPackage, engine: OpenVinoEngine, well: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, large = package.spec, np.tile(well, (2, 2))
    little = 2 * (spec.bytes_fixed + 400**2 * spec.bytes_per_pixel)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=little))
    raw = finish(infer_maps(plane_of(large), spec, engine))
    assert (raw.tile, raw.smaller_tile) == (256, 256)
    assert "Tiles of 512 px did not run (memory is short); went on with 256 px" in raw.notices[0]


def test_wrong_channel_number_is_named(package: ModelPackage, engine: OpenVinoEngine) -> None:
    pixels = np.zeros((2, 8, 8), np.uint8)
    with pytest.raises(ImageValueError, match=r"1 channel.*\(2, 8, 8\)"):
        finish(infer_maps(Plane(pixels, pixels), package.spec, engine))


def test_estimate_counts_the_tiles_of_a_run(package: ModelPackage, engine: OpenVinoEngine, well: np.ndarray) -> None:
    large = np.tile(well, (3, 2))
    raw = finish(infer_maps(plane_of(large), package.spec, engine))
    plan = estimate(large.shape, package.spec)
    assert (plan.tile, plan.tiles) == (raw.tile, raw.tiles)
    assert plan.bytes > raw.maps.nbytes


@pytest.mark.parametrize("diameter", [0.01, 1e6])
def test_a_hopeless_diameter_is_refused(diameter: float, package: ModelPackage, engine: OpenVinoEngine) -> None:
    with pytest.raises(OptionError, match="give 1.5 to 384 px"):
        finish(infer_maps(plane_of(np.ones((9, 9))), package.spec, engine, diameter_px=diameter))
