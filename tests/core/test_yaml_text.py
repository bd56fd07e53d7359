"""YAML of anybody is read within bounds."""

import pytest
import yaml

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.core.yaml_text import load_yaml

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)
BOMBS = {
    "laughs": LAUGHS,
    "merged": LAUGHS.replace("[x, x, x, x, x, x, x, x, x]", "{x: 1}").replace("h: &h", "h: &h\n  <<:"),
    "itself": "a: &a [*a]",
    "deep": "[" * 100_000,
    "long": "a: " + "x" * 5_000_000,
    "no date": "version: 2020-13-45",
    "no number": f"version: {'9' * 5000}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_unfolds_without_end_is_refused(tmp_path, name):
    with pytest.raises(yaml.YAMLError):
        load_yaml(BOMBS[name])
    (tmp_path / "recipe.yaml").write_text(BOMBS[name])
    with pytest.raises(OptionError, match=r"recipe\.yaml cannot be read") as refused:
        load_recipe(tmp_path / "recipe.yaml")
    assert len(str(refused.value)) < 2000


def test_what_is_named_twice_is_read():
    assert load_yaml("a: &a {name: Ada}\nb: [*a, *a]") == {"a": {"name": "Ada"}, "b": [{"name": "Ada"}] * 2}
    assert load_yaml("") is None
    assert load_yaml("a: &x {k: 1}\nb: {<<: *x, l: 2}")["b"] == {"k": 1, "l": 2}
