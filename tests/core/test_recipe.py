from __future__ import annotations

from pathlib import Path

import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.recipe import Precision, Recipe, load_recipe, make_recipe


def test_a_recipe_reads_back_from_its_file(tmp_path: Path) -> None:
    recipe = make_recipe({"channel": "2", "z": "plane:4", "precision": "exact", "parameters": {"split": 0.1}})
    recipe = recipe.model_copy(update={"linking": LinkOptions(gap=5, features=0.3)})
    (tmp_path / "r.yaml").write_text(recipe.dumps())
    again = load_recipe(tmp_path / "r.yaml")
    assert again == recipe
    assert again.fingerprint() == recipe.fingerprint()
    assert again.precision is Precision.EXACT


def test_every_choice_changes_the_fingerprint() -> None:
    changes: tuple[dict[str, object], ...] = (
        {"model": "x"}, {"device": "GPU"}, {"precision": "exact"}, {"channel": "1"}, {"z": "plane:1"}, {"frame": 2},
        {"diameter_px": 12.0}, {"parameters": {"a": 1.0}}, {"model_sha256": "0"},
        {"outline": "cell-contour"}, {"outline_sha256": "0"}, {"gates": [{"x": "area_px", "low": 1}]},
    )  # fmt: skip
    prints = {Recipe().fingerprint(), *(make_recipe(change).fingerprint() for change in changes)}
    assert len(prints) == len(changes) + 1
    assert make_recipe({"linking": {"gap": 5}}).fingerprint() == Recipe().fingerprint()  # of a field it changes nothing


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("precision: turbo", "precision.*turbo"),
        ("chanel: 1", "chanel"),
        ("frame: -1", "frame.*0"),
        ("z: plane:0", "plane:K"),
        ("diameter_px: -3", "diameter_px"),
        ("- a\n- b", r"r\.yaml"),
        ("a: [", r"r\.yaml"),
        ("parameters: {split: high}", "split"),
        ("linking: {reach: 0}", "reach.*0.1"),
        ("linking: {reech: 2}", "reech"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(OptionError, match=fault):
        load_recipe(tmp_path / "r.yaml")


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"none\.yaml"):
        load_recipe(tmp_path / "none.yaml")
