"""Gates leave out and classify cells that nobody looked at, and change back what they did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.gates import Gate, GateAction, gate_over
from napari_cellvino.core.image import Plane
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.core.recipe import load_recipe, make_recipe
from napari_cellvino.measure.gates import in_gate, with_rules
from napari_cellvino.results.field_result import FieldResult, measured
from tests.annotation.conftest import annotate

AREAS = {1: 16, 2: 36, 3: 64, 4: 100}
PLANE = Plane(np.zeros((1, 20, 60), np.uint16), np.zeros((1, 20, 60), np.uint16))


def squares() -> np.ndarray:
    """Four squares with sides of 4, 6, 8 and 10 px."""
    labels = np.zeros((20, 60), np.int32)
    for id_, area in AREAS.items():
        side = round(area**0.5)
        labels[2 : 2 + side, 15 * (id_ - 1) : 15 * (id_ - 1) + side] = id_
    return labels


def gated(annotation: Annotation, *gates: Gate) -> FieldResult:
    """Return the field with these gates, measured anew."""
    return measured(
        with_rules(annotation, annotation.provenance.recipe.model_copy(update={"gates": tuple(gates)})), PLANE
    )


def left_out(result: FieldResult) -> list[int]:
    """Return the ids of the cells that are excluded in the table."""
    return [int(id_) for id_ in result.table["id"][result.table["excluded"]]]


def test_a_gate_leaves_out_what_nobody_looked_at_and_changes_back() -> None:
    small = Gate(x="area_px", high=50)
    fresh = annotate(squares())
    one = gated(fresh, small)
    assert left_out(one) == [1, 2]
    assert (one.counts["count"], one.counts["excluded"]) == (2, 2)
    assert not any(record.reviewed for record in one.annotation.records.values())
    seen = one.annotation.with_records([replace(fresh.records[2], review=ReviewState.ACCEPTED)])
    assert left_out(gated(seen, small)) == [1]
    assert left_out(gated(seen, Gate(x="area_px", low=64, action=GateAction.KEEP))) == [1]
    assert left_out(gated(seen, Gate(x="area_px", low=60, high=64))) == [3]
    assert left_out(gated(seen)) == []


def test_a_gate_gives_a_class_and_takes_it_back() -> None:
    large = gate_over("area_px", "eccentricity", [(50, -1), (200, -1), (200, 1), (50, 1)],
                      action=GateAction.CLASSIFY, class_name="large")  # fmt: skip
    done = gated(annotate(squares()), large)
    assert done.table["class"].tolist() == ["living", "living", "large", "large"]
    assert (done.counts["count_living"], done.counts["count_large"]) == (2, 2)
    back = gated(done.annotation)
    assert back.table["class"].tolist() == ["living"] * 4
    assert "count_large" not in back.counts
    by_hand = replace(done.annotation.records[4], review=ReviewState.EDITED, found_class=None)
    kept = gated(done.annotation.with_records([by_hand]))
    assert kept.table["class"].tolist() == ["living"] * 3 + ["large"]


def test_cells_without_a_value_are_in_no_gate() -> None:
    values = {"a": np.array([1.0, np.nan, 3.0]), "b": np.array([1.0, 1.0, np.inf])}
    assert in_gate(Gate(x="a", low=0), values).tolist() == [True, False, True]
    triangle = gate_over("a", "b", [(0, 0), (4, 0), (0, 4)], action=GateAction.KEEP)
    assert in_gate(triangle, values).tolist() == [True, False, False]


def test_a_gate_over_what_is_not_measured_says_what_is() -> None:
    with pytest.raises(OptionError, match="area_um2.*there is.*area_px"):
        gated(annotate(squares()), Gate(x="area_um2", low=3))


@pytest.mark.parametrize(
    "gate",
    [
        {"x": "a"},
        {"x": "a", "low": 3, "high": 2},
        {"x": "a", "y": "b", "corners": [[0, 0], [1, 1]]},
        {"x": "a", "low": 1, "corners": [[0, 0], [1, 1], [1, 0]]},
        {"x": "a", "low": 1, "action": "classify"},
        {"x": "a", "low": float("inf")},
    ],
)
def test_what_is_no_gate_is_refused(gate: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="gates"):
        make_recipe({"gates": [gate]})


def test_gates_are_a_choice_of_the_recipe(tmp_path: Path) -> None:
    gates = [{"x": "a", "y": "b", "corners": [[0, 0], [1, 1.5], [1, 0]]}, {"x": "a", "low": 2, "action": "keep"}]
    recipe = make_recipe({"gates": gates})
    (tmp_path / "recipe.yaml").write_text(recipe.dumps())
    assert load_recipe(tmp_path / "recipe.yaml") == recipe
    assert recipe.fingerprint() != make_recipe({}).fingerprint()
