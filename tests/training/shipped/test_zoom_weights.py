"""The weights by which a model chooses its zoom are fitted to rows, told and written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.segmentation.zoom_evidence import predicted_f1
from napari_cellvino.training.data.datasets import LabelledImage, TrueBoxes
from napari_cellvino.training.fit.plan import load_plan
from napari_cellvino.training.shipped.zoom_rows import ZoomRow, part_of
from napari_cellvino.training.shipped.zoom_weights import PLAN, describe, fit_weights, leave_kinds_out, write_weights

TRUE = {"one": 0.3, "ridge": 0.4, "agree_number": 0.05, "score_less": 0.2, "away": -0.1}


@pytest.fixture(scope="module")
def rows() -> list[ZoomRow]:
    """Rows of three kinds whose F1 is a weighted sum of what is seen, with the names that the shipped model weighs."""
    weights = load_plan(PLAN).diameter_px.weights or {}
    made_of_others = {"one", "agree", "agree_number", "agree_off", "octaves2", "away", "near"}
    names = [name for name in weights if not name.endswith("_less") and name not in made_of_others]
    rng, made = np.random.default_rng(0), []
    for number in range(60):
        evidence = [dict(zip(names, rng.uniform(0, 1, len(names)).tolist(), strict=True)) for _ in range(7)]
        away = rng.uniform(0, 2, 7).tolist()
        f1 = predicted_f1(evidence, away, TRUE).tolist()
        made.append(ZoomRow(str(number), "abc"[number % 3], f1, f1[int(np.argmin(away))], away, evidence))
    return made


def test_the_fit_on_rows_that_are_a_weighted_sum_is_exact(rows: list[ZoomRow], tmp_path: Path) -> None:
    weights = fit_weights(rows, held_back=1e-9)
    for row in rows:
        np.testing.assert_allclose(predicted_f1(row.evidence, row.away, weights), row.f1, atol=1e-6)
    plan = tmp_path / "cells.yaml"
    plan.write_text(PLAN.read_text(encoding="utf-8"), encoding="utf-8")
    assert set(weights) == set(load_plan(plan).diameter_px.weights or {})
    write_weights(plan, weights)
    before, after = load_plan(PLAN), load_plan(plan)
    assert after.diameter_px.weights == {name: float(f"{value:.4g}") for name, value in weights.items()}
    assert after.diameter_px.search == before.diameter_px.search
    assert after.normalise == before.normalise


def test_kinds_left_out_are_told(rows: list[ZoomRow]) -> None:
    scores = leave_kinds_out(rows, held_back=1e-9)
    assert [(one.kind, one.images) for one in scores] == [("a", 20), ("b", 20), ("c", 20)]
    for one in scores:
        assert one.usual < one.chosen <= one.best
    assert len(describe(scores).splitlines()) == 5


def test_truth_goes_with_the_part_of_a_field_that_is_made_larger() -> None:
    labels = np.zeros((60, 80), np.int32)
    labels[10:20, 30:50] = 1
    field = LabelledImage("f", "s", (100 * labels).astype(np.uint8), labels)
    twice = part_of(field, 2.0, 0)
    assert twice.image.shape == (120, 160)
    assert np.argwhere(twice.true_labels()).min(0).tolist() == [20, 60]
    assert twice.image[25, 80] == 100
    assert part_of(field, 1.0, 0, side=50).image.shape == (50, 50)
    boxed = LabelledImage("f", "s", field.image, boxes=TrueBoxes(("cell",), np.array([[10, 30, 20, 50]], np.float32)))
    assert part_of(boxed, 2.0, 0).true_boxes().yxyx.tolist() == [[20, 60, 40, 100]]
