"""What networks are taught lies where the objects lie, and what is exported is what is taught."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.training.data.datasets import LabelledImage, TrueBoxes
from napari_cellvino.training.fit.plan import TrainingPlan

torch = pytest.importorskip("torch", reason="needs the train extra")


def plan(**changes: object) -> TrainingPlan:
    usual = {
        "head": "centre_offset",
        "classes": ["cell"],
        "diameter_px": {"reference": 20, "smallest": 5, "largest": 80},
        "style": "fluorescence",
        "crop_px": 96,
        "empty_fraction": 0,
        "network": {"widths": [8, 16]},
    }
    return TrainingPlan.model_validate(usual | changes)


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2


@pytest.fixture(scope="module")
def discs() -> LabelledImage:
    labels = np.zeros((200, 240), np.uint16)
    for number, centre in enumerate([(30, 30), (60, 150), (120, 70), (160, 200), (100, 120)], 1):
        labels[disc(labels.shape, centre, 10)] = number
    return LabelledImage("discs", "made", (labels > 0).astype(np.float32) * 200 + 20, labels)


def test_crops_have_objects_in_place(discs: LabelledImage) -> None:
    from napari_cellvino.training.objectives import objective_for, prepare

    p = plan()
    objective, field, rng = objective_for(p), prepare(discs, p), np.random.default_rng(0)
    inside, outside = [], []
    for _ in range(20):
        crop, target = objective.sample(field, rng)
        assert crop.shape == (1, 96, 96)
        assert target.shape == (5, 96, 96)
        assert -0.5 <= crop.min() <= crop.max() <= 2.0
        if target[0].any():
            inside.append(np.median(crop[0][target[0] > 0]))
            outside.append(np.median(crop[0][target[0] == 0]))
    assert np.mean(np.array(inside) > np.array(outside)) > 0.9


@pytest.mark.parametrize("stride", [4, 16])
def test_a_grid_that_says_what_it_was_taught_gives_the_boxes_back(discs: LabelledImage, stride: int) -> None:
    from napari_cellvino.core.recipe import Precision
    from napari_cellvino.engines.engine import EngineInfo
    from napari_cellvino.segmentation.heads import check_parameters, head_for
    from napari_cellvino.segmentation.raw_maps import RawMaps
    from napari_cellvino.training.fit.config import spec_for
    from napari_cellvino.training.objectives import objective_for, prepare

    p = plan(head="grid", network={"widths": [8, 16, 16, 16], "stride": stride}, tile=256, halo=32)
    objective, field, spec = objective_for(p), prepare(discs, p), spec_for(p)
    rng = np.random.default_rng(1)
    for _ in range(10):
        crop, target = objective.sample(field, rng)
        said = torch.from_numpy(target[None, :-1].copy())
        said[:, :1] = torch.logit(said[:, :1].clamp(0.01, 0.99))
        maps = objective.activate(said)[0].numpy().astype(np.float16)
        facts = EngineInfo("CPU", Precision.EXACT, "f32", "")
        raw = RawMaps(maps, facts, 96, 1, (96, 96), (96, 96))
        found = head_for(spec).decode(raw, check_parameters(spec, {"confidence": 0.9})).objects
        assert len(found) == (target[0] == 1).sum()
        for (y0, x0, y1, x1), (cy, cx) in zip(found.box, found.centroid, strict=True):
            if min(y0, x0) > 0 and max(y1, x1) < 96:  # whole in the crop
                assert abs((y0 + y1 - 1) / 2 - cy) <= 1
                assert abs((x0 + x1 - 1) / 2 - cx) <= 1
                assert crop[0, round(cy), round(cx)] > np.median(crop[0])


def test_boxes_turn_with_the_image() -> None:
    from napari_cellvino.training.objectives import objective_for, prepare

    image = np.full((100, 100), 20, np.uint8)
    image[20:40, 60:70] = 220
    boxes = TrueBoxes(("dead",), np.array([[20, 60, 40, 70]], np.float32))
    p = plan(
        head="grid",
        classes=["living", "dead"],
        style="chamber",
        network={"widths": [8, 16, 16], "stride": 4},
        scale=[0.99, 1.01],
    )
    objective = objective_for(p)
    field = prepare(LabelledImage("a", "s", image, None, boxes), p)
    rng = np.random.default_rng(0)
    for _ in range(12):
        crop, target = objective.sample(field, rng)
        assert not target[0].any()
        rows, columns = np.nonzero(target[1] == 1)
        for row, column in zip(rows, columns, strict=True):
            near = crop[0, row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
            assert near.mean() > np.median(crop[0])


def test_mirrored_cells_are_taught_too() -> None:
    from napari_cellvino.training.objectives.grid import _with_mirrored

    moved = _with_mirrored(np.array([[10, 20, 30, 50]], np.float32), (100, 200))
    assert moved.shape == (9, 4)
    assert (moved[0] == [10, 20, 30, 50]).all()
    assert [-30.0, 20, -10, 50] in moved.tolist()
    assert [10.0, 350, 30, 380] in moved.tolist()
    assert (moved[:, 2:] > moved[:, :2]).all()


def test_a_network_of_three_inputs_is_taught_in_colour() -> None:
    from napari_cellvino.training.objectives import objective_for, prepare

    image = np.zeros((96, 96, 3), np.uint8)
    image[30:50, 30:50, 0], image[60:80, 60:80, 2] = 200, 200  # a red object and a blue one
    boxes = TrueBoxes(("a", "b"), np.array([[30, 30, 50, 50], [60, 60, 80, 80]], np.float32))
    p = plan(head="grid", classes=["a", "b"], network={"widths": [8, 16], "in_channels": 3, "stride": 4})
    objective, rng = objective_for(p), np.random.default_rng(0)
    field = prepare(LabelledImage("two", "made", image, boxes=boxes), p)
    redder = []
    for _ in range(20):
        crop, target = objective.sample(field, rng)
        assert crop.shape == (3, 96, 96)
        peak = target[0].argmax()
        if target[0].max() == 1:
            y, x = (4 * n + 2 for n in divmod(int(peak), target.shape[2]))
            redder.append(crop[0, y, x] > crop[2, y, x] + 0.1)
    assert np.mean(redder) > 0.6  # but for the crops that are grey


def test_a_mask_is_that_of_the_cell_in_the_middle(discs: LabelledImage) -> None:
    from napari_cellvino.training.objectives import objective_for, prepare

    p = plan(head="mask", tile=96, halo=0, scale=[0.9, 1.1])
    objective, field, rng = objective_for(p), prepare(discs, p), np.random.default_rng(0)
    for _ in range(10):
        crop, target = objective.sample(field, rng)
        assert target.shape == (1, 96, 96)
        ys, xs = np.nonzero(target[0])
        assert 100 < len(ys) < 1000
        assert abs(ys.mean() - 47.5) < 12
        assert abs(xs.mean() - 47.5) < 12
        assert crop[0][target[0] > 0].mean() > crop[0][target[0] == 0].mean()


@pytest.mark.parametrize(
    ("head", "shape", "out"),
    [
        ("centre_offset", {"widths": [8, 16, 16]}, (3, 64, 64)),
        ("mask", {"widths": [8, 16], "stem": 4}, (1, 64, 64)),
        ("grid", {"widths": [8, 16, 16], "stem": 4, "stride": 16, "in_channels": 3}, (5, 4, 4)),
        ("grid", {"widths": [8, 16, 16], "stride": 4}, (5, 16, 16)),
        ("grid", {"widths": [8, 16, 16], "stem": 4, "stride": 2}, (5, 32, 32)),
    ],
)
def test_networks_give_maps_of_their_stride(head: str, shape: dict[str, object], out: tuple[int, ...]) -> None:
    from napari_cellvino.training.fit.fit import build_network
    from napari_cellvino.training.objectives import objective_for

    p = plan(head=head, network=shape)
    net = build_network(p)
    maps = net(torch.zeros(2, p.network.in_channels, 64, 64))
    assert maps.shape == (2, *out)
    assert objective_for(p).activate(maps).shape == maps.shape
    assert len(objective_for(p).maps) == out[0]


def test_labels_where_boxes_are_needed_and_the_other_way_round(discs: LabelledImage) -> None:
    from napari_cellvino.core.errors import TrainingDataError
    from napari_cellvino.training.objectives import prepare

    boxed = LabelledImage("b", "s", discs.image, None, TrueBoxes(("cell",), np.array([[1, 2, 9, 9]], np.float32)))
    with pytest.raises(TrainingDataError, match="needs outlines"):
        prepare(boxed, plan())
    with pytest.raises(TrainingDataError, match="class cell.*living"):
        prepare(boxed, plan(head="grid", classes=["living"]))
