"""What was known before is asked for again: the samples, the disagreement, BatchNorm left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_cellvino.training.fit.plan import NetworkShape, TrainingPlan

torch = pytest.importorskip("torch", reason="needs the train extra")

PLAN = TrainingPlan.model_validate(
    {
        "head": "centre_offset",
        "classes": ["nucleus"],
        "diameter_px": {"reference": 24, "smallest": 7, "largest": 70},
        "style": "fluorescence",
        "network": {"widths": [8, 16]},
        "crop_px": 64,
        "steps": 3,
        "batch": 2,
        "warm_up": 1,
        "checkpoint_every": 3,
    }
)


def test_a_network_agrees_with_itself_and_offsets_count_where_cells_are() -> None:
    from napari_cellvino.training.fit.distillation import distillation_loss

    teacher_maps = torch.full((1, 3, 8, 8), -20.0)  # no cell anywhere
    teacher_maps[:, 1:] = 0.0
    moved = teacher_maps.clone()
    moved[:, 1:] = 3.0
    assert distillation_loss(teacher_maps, teacher_maps, 1).item() == pytest.approx(0, abs=1e-6)
    assert distillation_loss(moved, teacher_maps, 1).item() < 1e-4
    teacher_maps[:, 0] = moved[:, 0] = 4.0  # a cell everywhere
    assert distillation_loss(moved, teacher_maps, 1).item() > 1
    bright = teacher_maps.clone()
    bright[:, 0] = -4.0
    assert distillation_loss(bright, teacher_maps, 1).item() > 1


def test_a_smaller_network_learns_from_truth_and_teacher(tmp_path: Path) -> None:
    from napari_cellvino.training.fit.distillation import TAUGHT_SHARE, sample_fields, taught_losses
    from napari_cellvino.training.fit.fit import build_network, fit

    maps = torch.randn(1, 3, 8, 8)
    losses = taught_losses({"foreground": torch.tensor(2.0)}, maps, maps, 1)
    assert losses["foreground"].item() == pytest.approx(2 * (1 - TAUGHT_SHARE))
    assert losses["distillation"].item() == pytest.approx(0, abs=1e-6)
    teacher = build_network(PLAN.model_copy(update={"network": NetworkShape(widths=(16, 16, 16))}))
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    *_, last = fit(sample_fields("fluorescence")[:2], tmp_path, PLAN, teacher=teacher)
    assert last.loss["distillation"] > 0
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())  # statistics too


def test_maps_of_a_mask_are_probabilities_alone() -> None:
    from napari_cellvino.training.fit.distillation import distillation_loss

    teacher_maps = torch.randn(2, 1, 8, 8)
    assert distillation_loss(teacher_maps, teacher_maps, 1).item() == pytest.approx(0, abs=1e-6)
    assert distillation_loss(-teacher_maps, teacher_maps, 1).item() > 0.01


@pytest.mark.parametrize("style", ["fluorescence", "stained", "phase", "chamber", "mixed"])
def test_every_style_has_samples_with_their_truth(style: str) -> None:
    from napari_cellvino.training.fit.distillation import sample_fields

    fields = sample_fields(style)  # type: ignore[arg-type]
    assert fields
    for field in fields:
        assert field.image.shape == field.true_labels().shape
        assert field.true_labels().any()


def test_learning_with_a_memory_leaves_the_statistics_as_they_were(tmp_path: Path) -> None:
    from napari_cellvino.training.fit.distillation import Distillation, sample_fields
    from napari_cellvino.training.fit.fit import build_network, fit
    from napari_cellvino.training.fit.weights import fitted_network

    before = build_network(PLAN)
    distillation = Distillation(before, PLAN)
    news = list(fit(sample_fields("phase"), tmp_path, PLAN, start_from=before, distillation=distillation))
    assert set(news[-1].loss) == {"foreground", "offset", "distillation"}
    assert news[0].loss["distillation"] < 0.02  # bf16 apart, it still says what it said
    old, new = before.state_dict(), fitted_network(tmp_path, PLAN).state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old if "running" in name)
    assert not torch.equal(old["head.0.weight"], new["head.0.weight"])


def test_the_average_goes_back_as_far_as_half_of_the_gain_stays() -> None:
    from napari_cellvino.training.fit.distillation import choose_weight_interpolation, interpolate_weights
    from napari_cellvino.training.fit.fit import build_network

    before, after = build_network(PLAN), build_network(PLAN.model_copy(update={"seed": 1}))
    weight = "head.0.weight"
    old, new = before.state_dict()[weight].clone(), after.state_dict()[weight].clone()

    def share_of(net: torch.nn.Module) -> float:
        return float(((net.state_dict()[weight] - old) / (new - old)).median())

    assert share_of(interpolate_weights(before, after, 0.7)) == pytest.approx(0.7, abs=1e-3)
    assert choose_weight_interpolation(before, after, share_of)[1] == 0.5
    assert choose_weight_interpolation(before, after, lambda net: share_of(net) ** 3)[1] == 0.8
    net, share = choose_weight_interpolation(before, after, lambda net: float(share_of(net) > 0.95))
    assert (share, share_of(net)) == (1.0, pytest.approx(1.0))
    assert torch.equal(before.state_dict()[weight], old)
