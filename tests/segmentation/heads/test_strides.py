"""Networks with a grid coarser than the image, tile by tile, against one inference of the whole image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import BACKGROUND, CELL_PX, field, write_finder

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.segmentation.heads import Decoded, check_parameters, head_for
from napari_cellvino.segmentation.predict import decode, estimate, infer_maps
from napari_cellvino.segmentation.tiling import cut_tile, plan_tiles


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[int, ModelPackage]:
    folder = tmp_path_factory.mktemp("strides")
    strides = {1: (True, 1), 4: (True, 1), 16: (False, 3)}
    return {
        stride: open_package(write_finder(folder / f"s{stride}", stride=stride, sized=sized, channels=channels))
        for stride, (sized, channels) in strides.items()
    }


def engine_of(package: ModelPackage) -> OpenVinoEngine:
    return OpenVinoEngine(package, device="CPU", precision=Precision.EXACT)


def plane_of(pixels: np.ndarray) -> Plane:
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    return Plane(pixels, pixels)


def found(package: ModelPackage, pixels: np.ndarray, diameter: float | None = None) -> Decoded:
    raw = finish(infer_maps(plane_of(pixels), package.spec, engine_of(package), diameter_px=diameter))
    return decode(raw, package.spec, check_parameters(package.spec, {}))


def whole(package: ModelPackage, pixels: np.ndarray) -> np.ndarray:
    """Return the maps of one inference on the image, mirrored at its ends up to a square."""
    stride, height, width = package.spec.stride, *pixels.shape
    side = -(-max(height, width) // 64) * 64
    square = np.pad(pixels, ((0, side - height), (0, side - width)), mode="symmetric").astype(np.float32)
    engine = engine_of(package)
    engine.load(side)
    batch = np.broadcast_to(square, (1, package.spec.input_channels, side, side))
    return engine.infer(np.ascontiguousarray(batch))[0][:, : -(-height // stride), : -(-width // stride)]


@pytest.mark.parametrize("stride", [1, 4, 16])
@pytest.mark.parametrize("shape", [(624, 832), (301, 417)])
def test_tiles_stitched_are_the_whole(stride: int, shape: tuple[int, int], packages: dict[int, ModelPackage]) -> None:
    package = packages[stride]
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    raw = finish(infer_maps(plane_of(pixels), package.spec, engine_of(package)))
    assert raw.tiles > 1
    assert raw.maps.shape == (len(package.spec.maps), -(-shape[0] // stride), -(-shape[1] // stride))
    beyond = -(-8 // stride)  # map px that see beyond the image, where tiles end and the whole goes on mirrored
    inside = (slice(None), *(slice(0, n // stride - beyond) for n in shape))
    np.testing.assert_allclose(raw.maps[inside], whole(package, pixels)[inside], atol=2e-3)
    plan = estimate(shape, package.spec)
    assert (plan.tile, plan.tiles) == (raw.tile, raw.tiles)


@pytest.mark.parametrize("stride", [4, 16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (3, 5), (17, 2), (271, 259)])
def test_any_size_runs(stride: int, shape: tuple[int, int], packages: dict[int, ModelPackage]) -> None:
    decoded = found(packages[stride], np.full(shape, BACKGROUND, np.uint8))
    assert decoded.labels is None
    assert len(decoded.objects) == 0


@given(
    height=st.integers(1, 900), width=st.integers(1, 900), stride=st.sampled_from([2, 4, 8, 16]),
    tile=st.sampled_from([256, 320]), halo=st.sampled_from([0, 16, 48]),
)  # fmt: skip
def test_every_grid_cell_is_covered_once_and_by_its_own_pixels(
    height: int, width: int, stride: int, tile: int, halo: int
) -> None:
    rows, columns = -(-height // stride), -(-width // stride)
    seen = np.zeros((rows, columns), int)
    where = np.arange(height)[:, None] * width + np.arange(width)
    for row, column in plan_tiles(rows, columns, tile=tile // stride, halo=halo // stride):
        seen[row.core_start : row.core_stop, column.core_start : column.core_stop] += 1
        part = cut_tile(where[None], row, column, stride)[0]
        assert part[0, 0] == row.start * stride * width + column.start * stride
        assert max(part.shape) <= tile
    assert (seen == 1).all()


def test_cells_are_found_where_they_are(packages: dict[int, ModelPackage]) -> None:
    living, dead = [(30.0, 40.0), (200.0, 90.0), (280.0, 400.0)], [(100.0, 300.0), (250.0, 20.0)]
    objects = found(packages[4], field((301, 417), living, dead)).objects
    truth = sorted([(y, x, 0) for y, x in living] + [(y, x, 1) for y, x in dead])
    assert objects.class_index.tolist() == [number for *_, number in truth]
    np.testing.assert_allclose(objects.centroid, [place[:2] for place in truth], atol=2.5)
    np.testing.assert_array_equal(objects.box[:, 2:] - objects.box[:, :2], CELL_PX)


def test_a_diameter_scales_boxes_and_the_assumed_one_is_taken_without(packages: dict[int, ModelPackage]) -> None:
    package = packages[4]
    enlarged = np.kron(field((150, 200), [(30, 40), (100, 150)]), np.ones((2, 2), np.uint8))
    objects = found(package, enlarged, diameter=2 * CELL_PX).objects
    np.testing.assert_allclose(objects.centroid, [[60.5, 80.5], [200.5, 300.5]], atol=5)
    np.testing.assert_array_equal(objects.box[:, 2:] - objects.box[:, :2], 2 * CELL_PX)
    diameter = package.spec.diameter_px.model_copy(update={"assumed": 2.0 * CELL_PX})
    spec = package.spec.model_copy(update={"diameter_px": diameter})
    raw = finish(infer_maps(plane_of(enlarged), spec, engine_of(package)))
    np.testing.assert_array_equal(decode(raw, spec, check_parameters(spec, {})).objects.box, objects.box)
    with pytest.raises(OptionError, match="is too far from the model's"):
        found(package, enlarged, diameter=1e6)


def test_three_channels_are_the_colours_or_one_channel_three_times(packages: dict[int, ModelPackage]) -> None:
    package = packages[16]
    grey = field((100, 120), [(40, 40)])
    raw = [
        finish(infer_maps(plane_of(pixels), package.spec, engine_of(package)))
        for pixels in (grey, np.stack([grey] * 3), np.stack([grey, grey * 0 + 100, grey]))
    ]
    np.testing.assert_array_equal(raw[0].maps, raw[1].maps)
    assert raw[2].maps[0].max() == pytest.approx(raw[0].maps[0].max() * 2 / 3, rel=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maps": ("living", "offset_y", "offset_x")}, "maps.*instead of"),
        ({"task": "instances"}, "task 'instances' instead of 'detection'"),
        ({"classes": ("cell",)}, "maps"),
    ],
)
def test_maps_that_do_not_fit_the_head_are_refused(
    change: dict[str, object], words: str, packages: dict[int, ModelPackage]
) -> None:
    with pytest.raises(ModelPackageError, match=f"does not fit its head 'grid': .*{words}"):
        head_for(packages[4].spec.model_copy(update=change))
