"""The second stage: outlines of what a detection model found, with real networks."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import CELL_PX, field, write_finder, write_outliner

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.engine import InferenceCancelledError
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, find_package, open_package
from napari_cellvino.segmentation.crops import centre_in_tile, crop_around
from napari_cellvino.segmentation.heads import Decoded, check_parameters, head_parameters
from napari_cellvino.segmentation.predict import decode, estimate, infer_maps
from napari_cellvino.segmentation.refine import MaskRefiner, check_refiner, crop_sides, infer_masks, outline_cells

SHAPE = (150, 210)
LIVING = [(20.0, 30.0), (60.0, 64.0), (60.0, 76.0), (1.0, 120.0), (149.0, 209.0)]
DEAD = [(100.0, 40.0), (75.0, 180.0)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelPackage, ModelPackage]:
    folder = tmp_path_factory.mktemp("models")
    return open_package(write_finder(folder / "finder")), open_package(write_outliner(folder / "outliner"))


@pytest.fixture
def refiner(models: tuple[ModelPackage, ModelPackage]) -> MaskRefiner:
    return MaskRefiner(models[1], OpenVinoEngine(models[1], device="CPU"))


@pytest.fixture
def plane() -> Plane:
    pixels = field(SHAPE, LIVING, DEAD)[None]
    return Plane(pixels, pixels)


def cells_at(centres: list[tuple[float, float]], size: float = CELL_PX) -> Decoded:
    """Return boxes as a perfect finder gives them."""
    middle = np.array(centres)
    box = np.concatenate([middle - size / 2, middle + size / 2], 1)
    n = len(centres)
    found = Objects.found(
        score=np.linspace(0.6, 0.9, n), box=box, centroid=middle, area_px=np.full(n, 144), class_index=np.arange(n) % 2
    )
    return Decoded(None, found)


def test_outlines_are_the_cells_and_classes_stay(plane: Plane, refiner: MaskRefiner) -> None:
    found = cells_at(LIVING + DEAD)
    news = []
    masks = finish(infer_masks(plane, found.objects, refiner), news.append)
    assert [(n.noun, n.done, n.total) for n in news] == [("cells", k, 7) for k in range(1, 8)]
    decoded = outline_cells(found, masks, SHAPE, 0.5)
    assert decoded.left_out == 0
    labels, cells = decoded.label_image(), plane.pixels[0] != 100
    assert (labels[cells] > 0).all()
    assert (labels[~cells] > 0).sum() < 10  # where two touch, closing fills the nook between them
    np.testing.assert_array_equal(decoded.objects.class_index, found.objects.class_index)
    np.testing.assert_array_equal(decoded.objects.score, found.objects.score)
    assert labels[60, 60] == 2
    assert labels[60, 80] == 3  # they touch
    np.testing.assert_allclose(decoded.objects.centroid[0], LIVING[0], atol=0.1)


def test_what_is_known_is_not_asked_again(plane: Plane, refiner: MaskRefiner, monkeypatch: pytest.MonkeyPatch) -> None:
    known = finish(infer_masks(plane, cells_at(LIVING).objects, refiner))
    asked = []
    infer_all = refiner.engine.infer_all
    counted = lambda batches: infer_all(asked.append(1) or batch for batch in batches)  # noqa: E731
    monkeypatch.setattr(refiner.engine, "infer_all", counted)
    again = finish(infer_masks(plane, cells_at(LIVING[:3]).objects, refiner, known=known))
    assert asked == []
    more = finish(infer_masks(plane, cells_at(LIVING + DEAD).objects, refiner, known=again))
    assert len(asked) == len(DEAD)
    at_once = finish(infer_masks(plane, cells_at(LIVING + DEAD).objects, refiner))
    pair = [outline_cells(cells_at(LIVING + DEAD), masks, SHAPE, 0.5).label_image() for masks in (more, at_once)]
    np.testing.assert_array_equal(*pair)


def test_outlines_follow_the_level_without_the_network(plane: Plane, refiner: MaskRefiner) -> None:
    found = cells_at(LIVING)
    masks = finish(infer_masks(plane, found.objects, refiner))
    areas = [outline_cells(found, masks, SHAPE, level).objects.area_px.sum() for level in (0.05, 0.5, 0.95)]
    assert areas[0] >= areas[1] >= areas[2] > 0


def test_cells_without_an_outline_are_counted_as_left_out(plane: Plane, refiner: MaskRefiner) -> None:
    found = cells_at([(120.0, 120.0), LIVING[0]])
    decoded = outline_cells(found, finish(infer_masks(plane, found.objects, refiner)), SHAPE, 0.5)
    assert (len(decoded.objects), decoded.left_out) == (1, 1)
    assert decoded.objects.score == found.objects.score[1]


def test_none_found_is_no_outline(plane: Plane, refiner: MaskRefiner) -> None:
    found = Decoded(None, Objects.none())
    decoded = outline_cells(found, finish(infer_masks(plane, found.objects, refiner)), SHAPE, 0.5)
    assert not decoded.label_image().any()


def test_boxes_resize_the_crops(refiner: MaskRefiner) -> None:
    large = np.kron(field((80, 90), [(30, 40)]), np.ones((3, 3), np.uint8))[None]
    found = cells_at([(91.0, 121.0)], 3 * CELL_PX)
    masks = finish(infer_masks(Plane(large, large), found.objects, refiner))
    labels = outline_cells(found, masks, large.shape[1:], 0.5).label_image()
    truth = large[0] != 100
    assert ((labels > 0) & truth).sum() / ((labels > 0) | truth).sum() > 0.9


def test_the_mean_side_of_a_box_becomes_the_reference(refiner: MaskRefiner) -> None:
    spec = refiner.package.spec
    boxes = np.array([[0, 0, CELL_PX, CELL_PX], [0, 0, 3 * CELL_PX, CELL_PX], [5, 5, 5, 5]], np.int32)
    assert crop_sides(boxes, spec).tolist() == [spec.tile, 2 * spec.tile, 1]


def test_cancel_ends_between_cells(plane: Plane, refiner: MaskRefiner, monkeypatch: pytest.MonkeyPatch) -> None:
    running = infer_masks(plane, cells_at(LIVING).objects, refiner)
    next(running)
    refiner.engine.cancel()
    with pytest.raises(InferenceCancelledError):
        next(running)


def test_models_of_the_wrong_kind_are_named(models: tuple[ModelPackage, ModelPackage]) -> None:
    finder, masks = (package.spec for package in models)
    nuclei = find_package("nuclei").spec
    check_refiner(finder, masks)
    with pytest.raises(OptionError, match="nuclei.*--outline outliner"):
        check_refiner(nuclei, masks)
    with pytest.raises(OptionError, match="nuclei.*single cells"):
        check_refiner(finder, nuclei)
    assert [p.name for p in head_parameters(finder, masks)] == ["confidence", "overlap", "outline"]
    with pytest.raises(OptionError, match="'outline'.*confidence, overlap"):
        check_parameters(finder, {"outline": 0.5})


@pytest.mark.parametrize("shape", [(64, 64), (50, 50), (33, 64), (21, 40)])
def test_the_cell_in_the_middle_of_a_small_image(shape: tuple[int, int], refiner: MaskRefiner) -> None:
    pixels = field(shape, [(shape[0] // 2, shape[1] // 2)])[None]
    spec = refiner.package.spec
    raw = finish(infer_maps(Plane(pixels, pixels), spec, refiner.engine))
    decoded = decode(raw, spec, check_parameters(spec, {}))
    np.testing.assert_array_equal(decoded.label_image() > 0, pixels[0] != 100)
    assert (estimate(shape, spec).tile, estimate(shape, spec).tiles) == (64, 1)


def test_a_larger_image_is_refused_with_the_way_to_go(refiner: MaskRefiner) -> None:
    pixels = np.zeros((1, 60, 65), np.uint8)
    with pytest.raises(ImageValueError, match=r"64 px.*65 × 60 px.*--outline"):
        finish(infer_maps(Plane(pixels, pixels), refiner.package.spec, refiner.engine))


def test_boxes_are_no_outlines() -> None:
    with pytest.raises(ImageValueError, match="boxes.*outlines"):
        cells_at(LIVING).label_image()


@pytest.mark.parametrize(("y", "x"), [(5, 5), (0, 0), (-30, 4), (9, 40), (5, 11)])
def test_crops_are_mirrored_beyond_the_edge(y: int, x: int) -> None:
    pixels = np.arange(2 * 10 * 12).reshape(2, 10, 12)
    framed = np.pad(pixels, ((0, 0), (60, 60), (60, 60)), mode="symmetric")
    np.testing.assert_array_equal(crop_around(pixels, y, x, 8), framed[:, y + 56 : y + 64, x + 56 : x + 64])


@pytest.mark.parametrize("shape", [(7, 8), (8, 7), (1, 1), (8, 8)])
def test_an_image_lies_in_the_middle_of_its_crop(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).random((1, *shape))
    crop, (y, x) = centre_in_tile(pixels, 8)
    np.testing.assert_array_equal(crop[:, y : y + shape[0], x : x + shape[1]], pixels)
    assert abs(2 * y + shape[0] - 8) <= 1
    assert abs(2 * x + shape[1] - 8) <= 1
