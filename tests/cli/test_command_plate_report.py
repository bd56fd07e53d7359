"""``cellvino plate-report``: curves, hits and pictures of wells on one page."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.plate import Well


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder as a run over a plate leaves it: wells, counts, and a picture of one well."""
    folder = tmp_path_factory.mktemp("plate")
    rng = np.random.default_rng(0)
    lines, contents = ["plate,well,row,column,count"], ["well,compound,dose,control"]
    for row in range(8):
        for column in range(12):
            dose, well = 0.1 * 2.0 ** (column - 1), Well(row, column).name
            effect = 0 if column == 0 else 100 / (1 + 1.6 / dose)
            lines.append(f"p,{well},{well[0]},{column + 1},{50 + effect + rng.normal(0, 3):.4g}")
            contents.append(f"{well},,,negative" if column == 0 else f"{well},taxol <5>,{dose},")
    (folder / "wells.csv").write_text("\n".join(lines))
    (folder / "layout.csv").write_text("\n".join(contents))
    (folder / "B03_f1").mkdir()
    Image.new("RGB", (400, 300), (200, 30, 30)).save(folder / "B03_f1" / "qc.png")
    (folder / "counts.csv").write_text("file,plate,well,folder\nb03.tif,p,B03,B03_f1\n")
    return folder


def test_page_tables_and_pictures(cellvino, results):
    called = cellvino("plate-report", results, "--unit", "µM")
    assert called.code == 0, called.err
    assert "taxol <5>: EC50 1." in called.out
    answers = results / "answers"
    page = (answers / "plate_report.html").read_text(encoding="utf-8")
    assert "taxol &lt;5&gt;" in page
    assert page.count("data:image/jpeg") == 1
    assert 'id="well-p-B03-0"' in page
    assert "http" not in page.split("<svg")[0]
    with (answers / "dose_response.csv").open(newline="", encoding="utf-8") as file:
        (curve,) = csv.DictReader(file)
    assert float(curve["ec50_low"]) < 1.6 < float(curve["ec50_high"])
    assert {p.name for p in answers.iterdir()} == {
        "plate_report.html", "dose_response.csv", "compounds.csv", "controls.csv", "responses.csv", "curves.png",
        "curves.svg",
    }  # fmt: skip


def test_plates_of_one_name_are_told_apart(cellvino, results, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(results, other)
    called = cellvino("plate-report", results, other, "--json", "--out", tmp_path / "both")
    (curve,) = called.json["curves"]
    assert curve["wells"] == 176
    assert [row["plate"] for row in called.json["controls"]] == [f"p ({results})", f"p ({other})"]
    page = (tmp_path / "both" / "plate_report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 2
    assert f"{results} and {other}: 1 image is in both, and counted as replicates" in " ".join(called.json["notices"])
    (other / "counts.csv").write_text("file,plate,well,folder\nother.tif,p,B03,B03_f1\n")
    assert "in both" not in cellvino("plate-report", results, other, "--out", tmp_path / "both").err
    assert "named twice" in str(cellvino("plate-report", results, results).error)


def test_wells_that_results_and_layout_do_not_share_are_named(cellvino, results, tmp_path):
    lines = (results / "layout.csv").read_text().splitlines()
    (tmp_path / "part.csv").write_text("\n".join([*lines[:-1], "A13,taxol,3,"]))
    called = cellvino("plate-report", results, "--layout", tmp_path / "part.csv", "--out", tmp_path / "out")
    assert "is not on a plate of 8 x 12" in str(called.error)
    (tmp_path / "part.csv").write_text("\n".join(lines[:-1]))
    called = cellvino("plate-report", results, "--layout", tmp_path / "part.csv", "--out", tmp_path / "out")
    assert "the layout has nothing of H12" in called.err


def test_folder_without_wells_is_refused(cellvino, tmp_path):
    assert isinstance(cellvino("plate-report", tmp_path).error, ImageReadError)
