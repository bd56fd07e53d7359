"""What was known before is asked for again: the samples, the disagreement, BatchNorm left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.package import find_package
from napari_cellvino.training.plan import TrainingPlan

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
    from napari_cellvino.training.memory import disagreement

    said = torch.full((1, 3, 8, 8), -20.0)  # no cell anywhere
    said[:, 1:] = 0.0
    moved = said.clone()
    moved[:, 1:] = 3.0
    assert disagreement(said, said, 1).item() == pytest.approx(0, abs=1e-6)
    assert disagreement(moved, said, 1).item() < 1e-4
    said[:, 0] = moved[:, 0] = 4.0  # a cell everywhere
    assert disagreement(moved, said, 1).item() > 1
    bright = said.clone()
    bright[:, 0] = -4.0
    assert disagreement(bright, said, 1).item() > 1


def test_maps_of_a_mask_are_probabilities_alone() -> None:
    from napari_cellvino.training.memory import disagreement

    said = torch.randn(2, 1, 8, 8)
    assert disagreement(said, said, 1).item() == pytest.approx(0, abs=1e-6)
    assert disagreement(-said, said, 1).item() > 0.01


@pytest.mark.parametrize("style", ["fluorescence", "stained", "phase", "chamber", "mixed"])
def test_every_style_has_samples_with_their_truth(style: str) -> None:
    from napari_cellvino.training.memory import sample_fields

    fields = sample_fields(style)  # type: ignore[arg-type]
    assert fields
    for field in fields:
        assert field.image.shape == field.true_labels().shape
        assert field.true_labels().any()


def test_learning_with_a_memory_leaves_the_statistics_as_they_were(tmp_path: Path) -> None:
    from napari_cellvino.training.fit import build_network, fit
    from napari_cellvino.training.memory import Memory, sample_fields
    from napari_cellvino.training.weights import fitted_network

    before = build_network(PLAN)
    memory = Memory(before, PLAN)
    news = list(fit(sample_fields("phase"), tmp_path, PLAN, start_from=before, memory=memory))
    assert set(news[-1].loss) == {"foreground", "offset", "kept"}
    assert news[0].loss["kept"] < 0.02  # bf16 apart, it still says what it said
    old, new = before.state_dict(), fitted_network(tmp_path, PLAN).state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old if "running" in name)
    assert not torch.equal(old["head.0.weight"], new["head.0.weight"])


def test_the_samples_as_a_model_finds_them() -> None:
    from napari_cellvino.training.memory import as_found, sample_fields

    kept = as_found(find_package("nuclei"), "fluorescence")
    for found, true in zip(kept.fields, sample_fields("fluorescence"), strict=True):
        counts = [len(np.unique(field.true_labels())) - 1 for field in (found, true)]
        assert counts[0] == pytest.approx(counts[1], rel=0.15)
    boxes = as_found(find_package("live-dead"), "chamber").fields[0].true_boxes()
    assert set(boxes.classes) <= {"living", "dead"}
