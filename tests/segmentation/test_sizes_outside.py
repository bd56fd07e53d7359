"""A model that seeks a size only where what it finds is small or large: nuclei at low and at high magnification."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_cellvino import segment
from napari_cellvino.core.image import ArrayPlanes, Origin, Shape, Stack
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.model_package import find_package
from napari_cellvino.quality.accuracy import match_field
from napari_cellvino.segmentation.known_sizes import unusual_size
from napari_cellvino.segmentation.normalise import IntensityRange
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.predict_field import notices_of, predict_field
from napari_cellvino.segmentation.rescale import resize_pixels
from napari_cellvino.segmentation.size_search import search_zooms
from napari_cellvino.segmentation.volume import StackMaps

Pixels = NDArray[np.uint16]


@pytest.fixture(scope="module")
def field() -> tuple[Pixels, NDArray[np.int32]]:
    plate = shipped_folder("sample_data") / "plate"
    return tifffile.imread(plate / "A01_s1.ome.tif")[0], tifffile.imread(plate / "labels" / "A01_s1.tif")


def resized(field: tuple[Pixels, NDArray[np.int32]], scale: float) -> tuple[Pixels, NDArray[np.int32]]:
    pixels, labels = field
    shape = tuple(round(side * scale) for side in pixels.shape)
    rows, columns = (((np.arange(n) + 0.5) / scale).astype(int) for n in shape)
    return resize_pixels(pixels[None].astype(np.float32), shape)[0].astype(np.uint16), labels[np.ix_(rows, columns)]


def f1(true: NDArray[np.int32], found: NDArray[np.integer]) -> float:
    cells = match_field(true, found)
    return 2 * cells.matched[0] / (cells.n_true + cells.n_predicted)


@pytest.mark.parametrize(("scale", "zooms"), [(0.4, (2, 3)), (8.0, (0.25,))])
def test_nuclei_that_are_small_or_large_are_seen_at_another_size_which_is_said(field, scale, zooms):
    pixels, true = resized(field, scale)
    found, as_they_are = segment(pixels), segment(pixels, diameter_px=24)
    (said,) = (one for one in found.notices if "times its size" in one)
    assert said.removeprefix("Seen at ").split()[0] in {f"{zoom:g}" for zoom in zooms}
    assert f1(true, found.labels) > max(0.85, f1(true, as_they_are.labels) + 0.1)


def test_nuclei_of_the_usual_size_are_seen_as_they_are(field):
    pixels, _ = field
    found, given = segment(pixels), segment(pixels, diameter_px=24)
    assert not any("times its size" in one for one in found.notices)
    np.testing.assert_array_equal(found.labels, given.labels)


def test_the_size_depends_on_no_slider(field):
    pixels, _ = resized(field, 0.4)
    strict = segment(pixels, parameters={"confidence": 0.9, "smallest": 60})
    usual = segment(pixels)
    assert [n for n in strict.notices if "times" in n] == [n for n in usual.notices if "times" in n]
    np.testing.assert_array_equal(usual.with_parameters(strict.pipeline.values).labels, strict.labels)


def squares(*cells: tuple[int, int]) -> Objects:
    """Return objects of so many px along a side, so far from the upper left corner."""
    box = np.array([(at, at, at + side, at + side) for side, at in cells], np.int32).reshape(-1, 4)
    none = Objects.none()
    areas = np.array([side * side for side, _ in cells], np.int32)
    return replace(none, id=np.arange(1, len(box) + 1), box=box, area_px=areas)


@pytest.mark.parametrize(
    ("cells", "seen_px"),
    [
        ([(7, 20)] * 5, 7.9),
        ([(7, 20)] * 4, None),  # few small ones may be dirt
        ([(7, 20)] * 4 + [(7, 0)], None),  # which the border cuts
        ([(60, 0)], 67.7),
        ([(18, 20), (20, 20), (4, 20)], None),
        ([], None),
    ],
)
def test_what_is_found_tells_whether_another_size_has_to_be_sought(cells, seen_px):
    found, spec = squares(*cells), find_package("nuclei").spec
    assert unusual_size(found, (100, 100), spec) == (None if seen_px is None else pytest.approx(seen_px, abs=0.1))
    assert unusual_size(found, (100, 100), find_package("live-dead").spec) is None


def test_all_planes_of_a_stack_are_seen_at_one_size(field):
    pixels, _ = resized(field, 0.4)
    dim = (pixels.min() + (pixels - pixels.min()) * 0.6).astype(np.uint16)
    planes = np.stack([dim, pixels, pixels, dim])[None, None]
    stack = Stack(ArrayPlanes(planes), Shape(*planes.shape), pixels.dtype, channels=("DAPI",), origin=Origin(path="s"))
    for model, said in (("nuclei", "in all planes"), ("cells", "in all planes")):
        found = finish(predict_field(stack, make_pipeline(Recipe(model=model, z="3d")), EngineProvider()))
        assert isinstance(found.raw, StackMaps)
        assert len({raw.diameter_px for raw in found.raw.planes}) == 1
        assert len({raw.input_shape for raw in found.raw.planes}) == 1
        assert sum(said in one for one in notices_of(found)) == 1


def test_small_cells_are_sought_at_larger_zooms_and_large_ones_at_smaller():
    spec, asked = find_package("nuclei").spec, []

    class Engine:
        def load(self, tile):
            return None

        def infer(self, batch):
            asked.append(batch.shape)
            return np.zeros((1, len(spec.maps), *batch.shape[2:]), np.float16)

    plane, ranges = np.ones((1, 600, 600), np.float32), [IntensityRange(0.0, 2.0)]
    looked = {}
    for seen_px in (None, 8.0, 100.0):
        asked.clear()
        finish(search_zooms(plane, ranges, spec, Engine(), seen_px))
        looked[seen_px] = len(asked)
    assert looked == {None: 5, 8.0: 3, 100.0: 3}
