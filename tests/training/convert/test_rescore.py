"""A package that is scored anew keeps what does not depend on its scores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from napari_cellvino.model_package import find_package, open_package

pytest.importorskip("torch", reason="needs the train extra")
from napari_cellvino.training.convert.build import rescore_package
from napari_cellvino.training.shipped.models import shipped_card_texts, shipped_plan


def test_weights_defaults_tolerances_and_the_word_on_int8_stay(tmp_path: Path) -> None:
    shipped = find_package("nuclei")
    folder = Path(shutil.copytree(shipped.folder, tmp_path / "nuclei"))
    assert list(rescore_package(folder, shipped_plan("nuclei"), shipped_card_texts("nuclei"), ())) == ["scoring"]
    made = open_package(folder)
    assert (made.spec.scores, made.spec.weights) == ((), shipped.spec.weights)
    assert (made.spec.head, made.spec.tolerance) == (shipped.spec.head, shipped.spec.tolerance)
    before, after = ((one / "README.md").read_text(encoding="utf-8") for one in (shipped.folder, folder))
    said = [line for line in before.splitlines() if "with INT8" in line]
    assert len(said) == 1
    assert said[0] in after.splitlines()
