"""``cellvino plot`` as it is typed, on results of the shipped model."""

import csv
import shutil

import pytest
from PIL import Image

from napari_cellvino.core.errors import ImageReadError, OptionError


@pytest.fixture
def results(sample_run, tmp_path):
    return shutil.copytree(sample_run, tmp_path / "results")


def test_the_last_line_is_the_path_of_the_plot(cellvino, results):
    called = cellvino("plot", results, "--of", "area", "--by", "field")
    assert called.code == 0, called.err
    path = results / "plot-area-by-field.png"
    assert called.out.splitlines()[-1] == str(path)
    assert called.out.startswith("Area, by field: ")
    with Image.open(path) as picture:
        assert picture.format == "PNG"
    assert cellvino("plot", results, "--of", "area", "--by", "field").code == 0  # ours: replaced


def test_numbers_below_the_picture(cellvino, results, tmp_path):
    called = cellvino("plot", results, "--out", tmp_path / "p.png", "--json")
    assert called.code == 0, called.err
    with (results / "counts.csv").open(newline="", encoding="utf-8") as file:
        counts = {row["folder"]: float(row["count"]) for row in csv.DictReader(file)}
    assert called.json["axis"] == "Cells per field"
    assert {name: group["median"] for name, group in called.json["groups"].items()} == counts
    assert called.json["picture"] == str(tmp_path / "p.png")


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (("--of", "size"), ("'size'", "count", "density", "area", "diameter")),
        (("--by", "well"), ("'well'", "field")),
        (("--out", "p.svg"), ("p.svg", ".png")),
    ],
)
def test_wrong_words_list_the_right_ones(cellvino, results, words, facts):
    called = cellvino("plot", results, *words)
    assert called.code == 2
    assert isinstance(called.error, OptionError)
    assert all(fact in called.err for fact in facts)
    assert not list(results.glob("plot-*"))


def test_a_damaged_field_is_left_out(cellvino, results):
    (results / "A01_s1" / "objects.csv").unlink()
    called = cellvino("plot", results)
    assert called.code == 1
    assert "A01_s1" in called.err
    assert "1 field" in called.out
    assert (results / "plot-count-by-field.png").is_file()


def test_no_results(cellvino, tmp_path):
    called = cellvino("plot", tmp_path)
    assert called.code == 1
    assert isinstance(called.error, ImageReadError)
    assert str(tmp_path) in called.err
