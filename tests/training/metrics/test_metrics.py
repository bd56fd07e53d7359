"""Judges on maps drawn by hand: no network is needed to know what they must say."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.training.data.cell_crops import cut_cells
from napari_cellvino.training.data.datasets import LabelledImage, TrueBoxes
from napari_cellvino.training.data.true_cells import true_cells
from napari_cellvino.training.metrics.metrics import metrics_for

FACTS = EngineInfo("CPU", Precision.FAST, "bf16", "openvino")
SIDE, STRIDE = 64, 4


def spec_of(task: str, head: str, maps: tuple[str, ...], classes: tuple[str, ...], **more: object) -> ModelSpec:
    facts = {
        "name": "drawn", "title": "", "version": "1", "description": "", "licence": "", "task": task,
        "head": {"name": head}, "maps": maps, "classes": classes, "tile": SIDE, "halo": 0, "bytes_per_pixel": 1,
        "diameter_px": {"reference": 10, "smallest": 5, "largest": 30}, "tolerance": {}, "weights": {}, "sha256": {},
    }  # fmt: skip
    return ModelSpec.model_validate(facts | more)


def grid_spec(*, sized: bool, classes: tuple[str, ...] = ("living", "dead")) -> ModelSpec:
    maps = (*classes, "offset_y", "offset_x", *(("height", "width") if sized else ()))
    return spec_of("detection", "grid", maps, classes, stride=STRIDE)


def raw_maps(maps: np.ndarray) -> RawMaps:
    return RawMaps(maps.astype(np.float16), FACTS, SIDE, 1, (SIDE, SIDE), (SIDE, SIDE))


def grid_maps(spec: ModelSpec, *cells: tuple[int, int, int, float, float]) -> RawMaps:
    """Maps with boxes given as (class, row, column, score, size) in the middles of grid cells."""
    maps = np.zeros((len(spec.maps), SIDE // STRIDE, SIDE // STRIDE))
    for number, row, column, score, size in cells:
        maps[number, row, column] = score
        if "height" in spec.maps:
            maps[-2:, row, column] = size
    return raw_maps(maps)


def box_at(row: int, column: int, size: float) -> list[float]:
    y, x = (row + 0.5) * STRIDE, (column + 0.5) * STRIDE
    return [y - size / 2, x - size / 2, y + size / 2, x + size / 2]


def boxed_field(classes: tuple[str, ...], *boxes: list[float]) -> LabelledImage:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return LabelledImage("a", "set", np.zeros((SIDE, SIDE)), boxes=TrueBoxes(classes, corners))


def test_boxes_are_judged_by_class_and_the_curve_goes_below_the_confidence():
    spec = grid_spec(sized=True)
    scoring, values = metrics_for(spec), check_parameters(spec, {"confidence": 0.5})
    field = boxed_field(("living", "living", "dead"), box_at(2, 2, 12), box_at(8, 8, 12), box_at(13, 3, 12))
    raw = grid_maps(spec, (0, 2, 2, 0.9, 12), (0, 8, 8, 0.3, 12), (0, 13, 3, 0.8, 12))
    found = scoring.sum_up([scoring.match(field, raw, values)])
    assert (found["true"], found["predicted"], found["fields"]) == (3, 2, 1)
    assert found["ap50"] == pytest.approx(1 / 4)  # the dead cell was called living: one missed, one too many
    assert found["ap50:living"] == pytest.approx(1 / 3)
    assert found["ap50:dead"] == 0
    assert found["average_precision:living"] == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)  # the third, at 0.3, is a hit
    assert (found["count_error"], found["count_error:living"], found["count_error:dead"]) == (1, 0, 1)


def test_grids_without_sizes_are_judged_by_centres():
    spec = grid_spec(sized=False, classes=("cell",))
    scoring, values = metrics_for(spec), check_parameters(spec, {})
    near, far = box_at(2, 2, 30), box_at(8, 8, 4)
    near[0], near[2] = near[0] + 5, near[2] + 5  # as far as the radius allows: half of 10 px
    far[1], far[3] = far[1] + 6, far[3] + 6
    raw = grid_maps(spec, (0, 2, 2, 0.9, 0), (0, 8, 8, 0.9, 0))
    found = scoring.sum_up([scoring.match(boxed_field(("living", "dead"), near, far), raw, values)])
    assert found["f1_centre"] == pytest.approx(1 / 2)
    assert found["count_error"] == 0
    assert not any("ap" in name for name in found)


def test_labels_serve_as_cells_of_a_model_of_one_class():
    labels = np.zeros((SIDE, SIDE), np.uint16)
    labels[10:20, 30:36] = 700
    labels[40:44, 5:9] = 3
    field = LabelledImage("a", "set", np.zeros((SIDE, SIDE)), labels=labels)
    cells = true_cells(field, ("cell",))
    assert cells.id.tolist() == [3, 700]
    assert cells.box.tolist() == [[40, 5, 44, 9], [10, 30, 20, 36]]
    assert cells.centre.tolist() == [[41.5, 6.5], [14.5, 32.5]]
    assert true_cells(field, ("cell",), min_area=17).id.tolist() == [700]
    assert len(true_cells(LabelledImage("b", "set", labels, labels=labels * 0), ("cell",)).id) == 0
    with pytest.raises(TrainingDataError, match="no boxes"):
        true_cells(field, ("living", "dead"))


def test_outlines_are_judged_by_overlap():
    spec = spec_of("instances", "centre_offset", ("foreground", "offset_y", "offset_x"), ("nucleus",))
    labels = np.zeros((SIDE, SIDE), np.uint16)
    labels[10:30, 10:30] = 1
    rows, columns = np.mgrid[:SIDE, :SIDE]
    raw = raw_maps(np.stack([labels > 0, 19.5 - rows, 19.5 - columns]))
    field = LabelledImage("a", "set", np.zeros((SIDE, SIDE)), labels=labels)
    scoring = metrics_for(spec)
    found = scoring.sum_up([scoring.match(field, raw, check_parameters(spec, {}))])
    assert (found["ap_mean"], found["dice"], found["count_error"]) == (1, 1, 0)
    with pytest.raises(TrainingDataError, match="outlines"):
        scoring.match(boxed_field(("cell",), box_at(2, 2, 9)), raw, check_parameters(spec, {}))


def test_a_mask_is_judged_by_the_dice_of_each_crop():
    spec = spec_of("mask", "mask", ("mask",), ("cell",))
    truth = np.zeros((SIDE, SIDE), np.uint16)
    truth[24:40, 24:40] = 1
    half = truth * (np.arange(SIDE) < 32)
    scoring, values = metrics_for(spec), check_parameters(spec, {})
    field = LabelledImage("a", "set", np.zeros((SIDE, SIDE)), labels=truth)
    found = scoring.sum_up([scoring.match(field, raw_maps(m[None]), values) for m in (truth, half)])
    assert found == {"dice": pytest.approx((1 + 2 / 3) / 2), "fields": 2}


@pytest.mark.parametrize("colour", [False, True])
def test_crops_hold_one_cell_in_their_middle(colour):
    labels = np.zeros((50, 60), np.uint16)
    labels[0:5, 0:5], labels[20:31, 20:31], labels[20:31, 31:35] = 4, 9, 2
    image = np.stack([labels, labels * 2, labels * 3], -1) if colour else labels
    spec = spec_of("mask", "mask", ("mask",), ("cell",))
    share = spec.diameter_px.reference / spec.tile  # of the crop's side that a cell's box fills
    crops = cut_cells([LabelledImage("a", "set", image, labels=labels)], spec)
    assert [crop.id for crop in crops] == ["a 2", "a 4", "a 9"]
    for crop in crops:
        assert crop.image.shape[:2] == crop.true_labels().shape == (spec.tile, spec.tile)
        assert crop.true_labels()[spec.tile // 2, spec.tile // 2] == 1
    square = crops[2].true_labels() > 0
    assert square.mean() == pytest.approx(share**2, rel=0.15)
    seen = crops[2].image[..., 0] if colour else crops[2].image
    assert (seen[square] > 4).mean() > 0.9
    assert (seen[~square] > 4).mean() < 0.1


def test_a_cell_in_the_corner_is_one_cell_and_not_its_mirror_images():
    labels = np.zeros((40, 40), np.uint16)
    labels[1:8, 1:8] = 1
    (crop,) = cut_cells(
        [LabelledImage("a", "set", labels, labels=labels)], spec_of("mask", "mask", ("mask",), ("cell",))
    )
    side = crop.true_labels().shape[0]
    found = np.argwhere(crop.true_labels())
    assert found.mean(0) == pytest.approx([side / 2, side / 2], abs=0.05 * side)
    assert crop.true_labels().sum() < 0.5 * (crop.image > 0).sum()
