"""What is written is JSON by the standard, for other programs too."""

import json
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.storage.json_text import json_text


class Colour(StrEnum):
    RED = "red"


def refuse(word):
    raise AssertionError(f"{word} is no JSON")


def test_numbers_that_are_not_finite_become_null():
    held = {"a": float("nan"), "b": [np.float32("inf"), -np.inf, 1.5], "c": {"d": (np.int64(3), np.bool_(True))}}
    assert json.loads(json_text(held), parse_constant=refuse) == {
        "a": None,
        "b": [None, None, 1.5],
        "c": {"d": [3, True]},
    }


def test_text_stays_text():
    held = {"path": Path("a") / "b", "word": "NaN", "colour": Colour.RED, 1: None, "name": "bad\udcff"}
    words = {"path": str(Path("a") / "b"), "word": "NaN", "colour": "red", "1": None, "name": "bad\udcff"}
    text = json_text(held)
    assert json.loads(text) == words
    assert text.endswith("}\n")
    text.encode()


def test_what_has_no_json_form_is_a_bug():
    with pytest.raises(TypeError):
        json_text({"array": np.zeros(3)})
