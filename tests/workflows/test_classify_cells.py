"""Cells by class: learnt from examples, the same in saved results and in a run."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from napari_cellvino.annotation.tools.mark import accept
from napari_cellvino.cli import main
from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.progress import finish
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.change_results import edit_results
from napari_cellvino.workflows.classify_cells import Examples, joined, learn_classes
from napari_cellvino.workflows.run_folder import run_folder

RNG = np.random.default_rng(3)
KIND = np.repeat([0, 1, 2], 40)


def blobs(values):
    return Examples(("area_um2", "mean_dna", "flat"), values, tuple(np.array(["a", "b", "c"])[KIND]))


def test_three_classes_are_told_apart_and_held_out_examples_say_how_well():
    area = np.exp(RNG.normal([3, 5, 5], 0.2, (40, 3)).T.ravel())
    light = RNG.normal([10, 10, 40], 4, (40, 3)).T.ravel()
    classifier, confusion = learn_classes(blobs(np.stack([area, light, np.ones(120)], 1)), ("a",))
    assert classifier.columns == ("area_um2", "mean_dna")
    assert classifier.new_classes == ("b", "c")
    assert classifier.agreement > 0.95
    assert confusion.sum() == 120
    _, by_chance = learn_classes(blobs(RNG.normal(size=(120, 3))), ("a",))
    assert np.trace(by_chance) / 120 < 0.55


@pytest.mark.parametrize("kinds", [("a",) * 9, ("a",) * 7 + ("b",) * 2])
def test_too_few_examples_are_said(kinds):
    with pytest.raises(TrainingDataError, match="class"):
        learn_classes(Examples(("x",), RNG.normal(size=(9, 1)), kinds), ("a",))


def test_a_cell_that_stands_twice_is_one_example():
    columns, values = ("area_px", "mean_dna", "solidity", "eccentricity"), RNG.normal(size=(6, 4))
    one = Examples(columns, values, ("a", "b") * 3)
    assert joined([one, one]).classes == one.classes
    np.testing.assert_array_equal(joined([one, one]).values, values)
    with pytest.raises(TrainingDataError, match="one cell is an example of 'a' and of 'b'"):
        joined([one, Examples(columns, values[:1], ("b",))])


def test_cells_with_few_measurements_are_not_taken_for_one():
    same = Examples(("area_px",), np.full((4, 1), 30.0), ("a", "b", "a", "b"))
    assert len(joined([same]).classes) == 4


def rows(folder):
    with (folder / "objects.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_results_and_a_run_with_their_recipe_have_the_same_classes(images, job, tmp_path, capsys):
    finish(run_folder(images[:2], job.pipeline, job.root, job.engines))
    first, second = ResultStore(job.root).folders()
    before = (first / "objects.csv").read_bytes()
    middle = np.median([float(row["area_px"]) for row in rows(first)])
    examples = tmp_path / "examples.csv"
    with examples.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["folder", "id", "class"])
        table.writerows([first.name, r["id"], "big" if float(r["area_px"]) > middle else "small"] for r in rows(first))
    kept = int(rows(second)[0]["id"])
    finish(edit_results(job.root, {second: [kept]}, accept))
    assert main(["classify", str(job.root), "--examples", str(examples), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["agreement"] > 0.7
    assert rows(second)[0]["class"] == "nucleus"  # a person looked at it
    assert {row["class"] for row in rows(second)[1:]} <= {"big", "small"}
    big = [float(row["area_px"]) for row in rows(first) if row["class"] == "big"]
    assert np.median(big) > middle
    with (job.root / "counts.csv").open(newline="") as file:
        assert int(next(csv.DictReader(file))["count_big"]) == len(big)
    again = tmp_path / "again"
    recipe = ["--recipe", str(job.root / "recipe.yaml")]
    assert main(["run", str(images[0]), *recipe, "--out", str(again)]) == 0
    assert (again / first.name / "objects.csv").read_bytes() == (first / "objects.csv").read_bytes()
    assert main(["classify", str(job.root), "--remove"]) == 0
    assert (first / "objects.csv").read_bytes() == before
    assert FieldFolder(first).annotation().classes == ("nucleus",)
