"""``cellvino plot`` as it is typed, on results of the shipped model."""

import csv
import shutil

import pytest
from PIL import Image


@pytest.fixture
def results(sample_run, tmp_path):
    return shutil.copytree(sample_run, tmp_path / "results")


def test_a_plot_is_where_it_is_said_to_be(cellvino, results):
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
    ("words", "said"),
    [
        (("--of", "size"), "no 'size' to plot; there is count, density, area, diameter"),
        (("--by", "well"), "cannot be grouped by 'well'; there is field"),
        (("--out", "p.svg"), "end it with .png"),
    ],
)
def test_wrong_words_list_the_right_ones(cellvino, results, words, said):
    called = cellvino("plot", results, *words)
    assert called.code == 2
    assert said in called.err
    assert not list(results.glob("plot-*"))


def test_a_damaged_field_is_left_out(cellvino, results):
    (results / "A01_s1" / "objects.csv").unlink()
    called = cellvino("plot", results)
    assert called.code == 1
    assert "A01_s1: left out: " in called.err
    assert "1 field cannot be read and is left out" in called.out
    assert (results / "plot-count-by-field.png").is_file()


def test_no_results(cellvino, tmp_path):
    called = cellvino("plot", tmp_path)
    assert called.code == 1
    assert "holds no results" in called.err
