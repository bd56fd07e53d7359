"""The examples in the docstrings of the front door do what they say."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import napari_cellvino

MODULES = (
    "api.answers",
    "api.classes",
    "api.evaluation",
    "api.images",
    "api.models",
    "api.results",
    "api.runs",
    "api.segmentation",
    "api.suggestions",
    "api.teaching",
    "api.tracking",
)
SMALL = ("core.array_axes", "core.image")
WITHOUT = {"EngineProvider", "FieldResults", "Results", "Segmentation", "Stack"}  # shown where they are used


def examples() -> Iterator[doctest.DocTest]:
    for name in (*MODULES, *SMALL):
        module = importlib.import_module(f"napari_cellvino.{name}")
        yield from (test for test in doctest.DocTestFinder().find(module) if test.examples)


@pytest.mark.parametrize("example", list(examples()), ids=lambda test: test.name.removeprefix("napari_cellvino."))
def test_example(example: doctest.DocTest, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sample_data").symlink_to(root / "sample_data")
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    failed, tried = doctest.DocTestRunner().run(example, out=report.append)
    assert tried
    assert not failed, "".join(report)


def test_every_function_of_the_front_door_has_an_example() -> None:
    shown = {test.name.rpartition(".")[2] for test in examples()}
    assert set(napari_cellvino.__all__) - WITHOUT <= shown
