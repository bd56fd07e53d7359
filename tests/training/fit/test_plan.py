from __future__ import annotations

from pathlib import Path

import pytest

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.training.fit.plan import TrainingPlan, load_plan

TEXT = "head: mask\nclasses: [cell]\ndiameter_px: {reference: 48, smallest: 14, largest: 120}\nstyle: mixed\n"


def test_a_plan_comes_back_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TEXT + "steps: 7\n")
    plan = load_plan(tmp_path / "a.yaml")
    assert plan.steps == 7
    (tmp_path / "b.yaml").write_text(plan.dumps())
    assert load_plan(tmp_path / "b.yaml") == plan


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("steps: many", "steps"),
        ("colour: red", "colour"),
        ("network: {widths: [8, 16], stride: 16}", "coarser"),
        ("[", "cannot be read"),
    ],
)
def test_a_faulty_plan_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(TEXT + line)
    with pytest.raises(TrainingDataError, match=said):
        load_plan(path)


def test_no_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="cannot be read"):
        load_plan(tmp_path / "none.yaml")


def test_images_are_resized_to_what_is_known_best() -> None:
    diameter = {"reference": 30, "smallest": 10, "largest": 80}
    usual = {"head": "mask", "classes": ["cell"], "style": "mixed"}
    assert TrainingPlan.model_validate(usual | {"diameter_px": diameter}).usual_scale == 1
    assert TrainingPlan.model_validate(usual | {"diameter_px": diameter | {"assumed": 60}}).usual_scale == 0.5
