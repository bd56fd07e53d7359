"""``cellvino run`` with models that find boxes, and with a second one that outlines them."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from PIL import Image
from small_models import CELL_PX, field, write_finder, write_outliner

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.boxes import add_box, move_box
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import set_class
from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.io import open_source
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.results.field_folder import read_annotation
from napari_cellvino.results.field_writing import write_corrections
from napari_cellvino.segmentation.prepare import project

LIVING = [(20.0, 30.0), (60.0, 64.0), (60.0, 90.0), (3.0, 120.0)]
DEAD = [(100.0, 40.0), (75.0, 180.0)]


@pytest.fixture(scope="module")
def models(tmp_path_factory, monkeypatch_module):
    """The user's own model folder, with a model that finds cells and one that outlines them."""
    folder = tmp_path_factory.mktemp("models")
    write_finder(folder / "finder")
    write_finder(folder / "colour-finder", channels=3)
    write_outliner(folder / "outliner")
    write_outliner(folder / "half-blind", sees_dead=False)
    monkeypatch_module.setenv("CELLVINO_MODELS", str(folder))
    return folder


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "chamber.tif"
    tifffile.imwrite(path, field((150, 211), LIVING, DEAD))
    return path


@pytest.fixture(scope="module")
def boxes_run(cellvino, models, image, tmp_path_factory):
    out = tmp_path_factory.mktemp("boxes") / "out"
    called = cellvino("run", image, "--model", "finder", "--out", out)
    assert called.code == 0, called.err
    return out


@pytest.fixture(scope="module")
def outlined_run(cellvino, models, image, tmp_path_factory):
    out = tmp_path_factory.mktemp("outlined") / "out"
    called = cellvino("run", image, "--model", "finder", "--outline", "outliner", "--out", out)
    assert called.code == 0, called.err
    return out


def test_boxes_are_counted_by_class(boxes_run):
    row = pd.read_csv(boxes_run / "counts.csv").iloc[0]
    assert (row["count"], row["count_living"], row["count_dead"]) == (6, 4, 2)
    assert row["viability"] == pytest.approx(4 / 6, abs=1e-5)
    assert row["touching_edge"] == 1


def test_no_label_image_pretends_to_be_one(boxes_run):
    assert {p.name for p in (boxes_run / "chamber").iterdir()} == {"objects.csv", "qc.png", "annotation.json"}
    content = json.loads((boxes_run / "chamber" / "annotation.json").read_text())
    assert content["outlines"] is False
    boxes = pd.read_csv(boxes_run / "chamber" / "objects.csv")[["y0", "x0", "y1", "x1"]].to_numpy().tolist()
    assert [record["box"] for record in content["objects"]] == boxes


def test_boxes_are_measured(boxes_run):
    table = pd.read_csv(boxes_run / "chamber" / "objects.csv", keep_default_na=False)
    assert table["class"].tolist() == ["living", "living", "living", "living", "dead", "dead"]
    inner = table[~table["touches_edge"]]
    assert (inner["area_px"] == CELL_PX**2).all()
    pixels = field((150, 211), LIVING, DEAD).astype(float)
    for row in table.itertuples():
        box = pixels[row.y0 : row.y1, row.x0 : row.x1]
        assert row.integrated_channel_1 == box.sum()
        assert row.max_channel_1 == box.max()
        assert row.mean_channel_1 == pytest.approx(box.mean(), rel=1e-5)
    assert table["doubts"].str.contains("touches_edge").sum() == 1
    assert not {"eccentricity", "solidity", "equivalent_diameter_px"} & set(table.columns)


def test_finished_boxes_are_kept(cellvino, boxes_run, image):
    called = cellvino("run", image, "--model", "finder", "--out", boxes_run)
    assert "6 cells (kept" in called.err


def test_picture_has_a_colour_per_class(boxes_run):
    picture = np.asarray(Image.open(boxes_run / "chamber" / "qc.png").convert("RGB")).astype(int)
    for colour in ((86, 180, 233), (230, 159, 0)):
        assert (np.abs(picture - colour).sum(-1) == 0).sum() > 50


def test_outlines_are_labels_with_the_classes_of_the_finder(outlined_run):
    labels, _ = read_labels(outlined_run / "chamber" / "labels.tif")
    np.testing.assert_array_equal(labels > 0, field((150, 211), LIVING, DEAD) != 100)
    table = pd.read_csv(outlined_run / "chamber" / "objects.csv")
    assert table["class"].tolist() == ["living"] * 4 + ["dead"] * 2
    assert {"eccentricity", "solidity"} <= set(table.columns)
    content = json.loads((outlined_run / "chamber" / "annotation.json").read_text())
    assert content["outlines"] is True
    assert content["provenance"]["outline"] == "outliner 1.0.0"
    assert content["provenance"]["recipe"]["parameters"].keys() == {"confidence", "overlap", "outline", "signal_test"}


def test_the_recipe_repeats_both_stages_to_the_byte(cellvino, outlined_run, image, tmp_path):
    recipe = yaml.safe_load((outlined_run / "recipe.yaml").read_text())
    assert recipe["outline"] == "outliner"
    assert len(recipe["outline_sha256"]) == 64
    called = cellvino("run", image, "--recipe", outlined_run / "recipe.yaml", "--out", tmp_path / "again")
    assert called.code == 0, called.err
    for file in (outlined_run / "chamber").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / "chamber" / file.name).read_bytes(), file.name


def test_another_outline_is_another_result(cellvino, outlined_run, image, models, tmp_path):
    called = cellvino("run", image, "--model", "finder", "--out", outlined_run)
    assert called.code == 1
    assert str(outlined_run / "chamber") in called.err
    assert "--overwrite" in called.err
    recipe = yaml.safe_load((outlined_run / "recipe.yaml").read_text()) | {"outline_sha256": "0" * 64}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    called = cellvino("run", image, "--recipe", tmp_path / "r.yaml", "--out", tmp_path / "o")
    assert isinstance(called.error, ModelPackageError)
    assert "outline_sha256" in called.err


def test_cells_without_outline_are_counted_apart(cellvino, image, models, tmp_path):
    called = cellvino("run", image, "--model", "finder", "--outline", "half-blind", "--out", tmp_path / "o")
    assert "4 cells (" in called.err
    assert "  2 cells" in called.err


def test_an_empty_field_has_no_viability(cellvino, models, tmp_path):
    blank = tmp_path / "nothing.tif"
    tifffile.imwrite(blank, np.full((80, 80), 100, np.uint8))
    called = cellvino("run", blank, "--model", "finder", "--outline", "outliner", "--out", tmp_path / "p", "--json")
    row = called.json["fields"][0]
    assert (row["count"], row["viability"]) == (0, None)
    assert math.isnan(pd.read_csv(tmp_path / "p" / "counts.csv")["viability"].iloc[0])


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (("--outline", "outliner"), ("nuclei", "--outline outliner")),
        (("--model", "finder", "--outline", "nuclei"), ("nuclei",)),
        (("--model", "finder", "--outline", "nobody"), ("'nobody'",)),
        (("--model", "finder", "--set", "outline=0.4"), ("finder", "'outline'")),
    ],
)
def test_pairs_that_do_not_fit_are_refused(cellvino, image, models, tmp_path, options, facts):
    called = cellvino("run", image, *options, "--out", tmp_path / "o")
    assert isinstance(called.error, (OptionError, ModelPackageError))
    assert all(fact in called.err for fact in facts)


def test_one_cell_in_the_middle_of_a_crop(cellvino, models, tmp_path):
    tifffile.imwrite(tmp_path / "crop.tif", field((50, 52), [(25, 26)]))
    called = cellvino("run", tmp_path / "crop.tif", "--model", "outliner", "--out", tmp_path / "o")
    assert called.code == 0, called.err
    labels, _ = read_labels(tmp_path / "o" / "crop" / "labels.tif")
    np.testing.assert_array_equal(labels, field((50, 52), [(25, 26)]) != 100)


def test_a_large_image_for_a_model_of_one_cell_says_what_to_do(cellvino, image, models, tmp_path):
    called = cellvino("run", image, "--model", "outliner", "--out", tmp_path / "o")
    assert called.code == 1
    assert "64 px" in called.err
    assert "--outline" in called.err


def test_colours_go_to_a_model_that_takes_them(cellvino, models, tmp_path):
    grey = field((100, 120), [(40.0, 40.0)])
    rgb = np.stack([grey, np.full_like(grey, 100), np.full_like(grey, 100)], -1)
    tifffile.imwrite(tmp_path / "rgb.tif", rgb, photometric="rgb")
    for options, count, word in (((), 0, "colour"), (("--channel", "Red"), 1, "Red")):
        out = tmp_path / f"o{count}"
        called = cellvino("run", tmp_path / "rgb.tif", "--model", "colour-finder", *options, "--out", out)
        assert called.code == 0, called.err
        assert pd.read_csv(out / "counts.csv")["count"].tolist() == [count]
        assert json.loads((out / "rgb" / "annotation.json").read_text())["provenance"]["plane"] == word


def test_models_are_described_with_task_classes_and_sizes(cellvino, models):
    listed = cellvino("models").out
    assert "living, dead" in next(line for line in listed.splitlines() if line.startswith("finder"))
    about = cellvino("info", models / "colour-finder").out
    assert all(fact in about for fact in ("living, dead", "6 to 40 px", "12 px", "red, green and blue"))
    assert cellvino("info", models / "finder", "--json").json[0]["model"]["stride"] == 4
    for name in ("blood-smear", "live-dead"):
        assert "; sought where no diameter is given" in cellvino("info", shipped_folder("models") / name).out


def test_corrected_boxes_are_reported(cellvino, boxes_run, image, tmp_path):
    corrected = tmp_path / "corrected"
    shutil.copytree(boxes_run, corrected)
    plane = finish(project(open_source(image).read()))
    session = EditSession(read_annotation(corrected / "chamber", shape=plane.shape))
    annotation = session.annotation
    session.commit(delete(annotation, [1]))
    session.commit(set_class(annotation, [5], 0))
    session.commit(move_box(annotation, 2, (2, 0)))
    session.commit(add_box(annotation, (110, 100), (122, 112)))
    write_corrections(corrected / "chamber", session.snapshot(), plane)
    called = cellvino("report", corrected, "--model-results", boxes_run, "--json")
    assert called.code == 0, called.err
    totals = called.json["totals"]
    kinds = ("added", "deleted", "reclassified", "reshaped", "untouched")
    assert [totals[kind] for kind in kinds] == [1, 1, 1, 1, 3]
    assert called.json["classes"] == {
        "living": {"model": 4, "corrected": 5},
        "dead": {"model": 2, "corrected": 1},
    }
    assert called.json["scores"]["f1_50"] == pytest.approx(4 / 6)
    assert (corrected / "corrections.html").read_text(encoding="utf-8").count("<figure>") == 4
    single = cellvino("report", corrected / "chamber", "--model-results", boxes_run / "chamber")
    assert "6 cells found, 6 after correction" in single.out
