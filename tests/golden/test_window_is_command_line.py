"""The window and the command line write the same bytes, whatever the work is."""

from __future__ import annotations

from pathlib import Path

import golden_window as window
import pytest
from golden_trees import Tree, differences, read_tree

pytestmark = pytest.mark.slow
EXACT = {"precision": "exact"}
OF_THE_COMMAND = {"run.json"}  # how a run went: there is none of a window


PAGE = "summary.html"  # of a run; images that are saved one by one have none


def compared(root: Path, others: tuple[str, ...]) -> Tree:
    return {name: content for name, content in read_tree(root).items() if name not in OF_THE_COMMAND.union(others)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the window's results go."""
    return tmp_path / "window"


@pytest.fixture
def assert_same(typed, root: Path):
    """A function that compares what the command line made, by the name of the work, with the window's results."""

    def check(name: str, without: tuple[str, ...] = (PAGE,)) -> None:
        trees = [compared(folder, without) for folder in (typed(name), root)]
        assert "counts.csv" in trees[0]
        assert differences(*trees) == []

    return check


def test_images_of_a_folder(given, root, assert_same):
    window.run_images(sorted((given / "images").iterdir()), root, **EXACT)
    assert_same("folder")


def test_stack_in_3d(given, root, assert_same):
    window.run_images([given / "stack.tif"], root, z="3d", **EXACT)
    assert_same("stack")


def test_every_time_point_of_a_film(given, root, assert_same):
    for frame in (1, 2, 3):
        window.run_images([given / "film.tif"], root, frame=frame, **EXACT)
    assert_same("film", without=("recipe.yaml", PAGE))  # of the last frame, or of all


def test_boxes(given, root, assert_same):
    window.run_images([given / "chamber.tif"], root, model=str(given / "models" / "finder"), **EXACT)
    assert_same("boxes")


def test_outlines_of_a_second_model(given, root, assert_same):
    models = {"model": str(given / "models" / "finder"), "outline": str(given / "models" / "outliner")}
    window.run_images([given / "chamber.tif"], root, **models, **EXACT)
    assert_same("outlines")


def test_plate_with_a_layout(given, root, assert_same):
    window.run_plate(given / "plate", root, given / "layout.csv", channel="2", **EXACT)
    assert_same("plate", without=())
    assert (root / PAGE).is_file()
