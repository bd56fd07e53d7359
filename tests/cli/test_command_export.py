"""``cellvino export``, ``import`` and ``report`` as they are typed, on results of the shipped model."""

import csv
import json
import shutil

import numpy as np
import pytest
import tifffile

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.progress import finish
from napari_cellvino.formats.registry import FORMATS
from napari_cellvino.io import open_source
from napari_cellvino.io.label_tiff import read_labels, write_labels
from napari_cellvino.results.field_folder import read_annotation
from napari_cellvino.results.field_writing import write_corrections
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.training.data.datasets import read_set


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def exported(cellvino, sample_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported")
    called = cellvino("export", sample_run, "--to", ",".join(FORMATS), "--out", out, "--all-fields")
    assert called.code == 0, called.err
    assert len(called.out.splitlines()) == len(FORMATS)
    return out


def test_every_format_has_every_cell(exported, sample_run):
    counts = sum(int(row["count"]) for row in rows(sample_run / "counts.csv"))
    for kind in FORMATS:
        record = json.loads((exported / kind / "export.json").read_text(encoding="utf-8"))
        assert (record["fields"], record["cells"]) == (7, counts)


def test_training_set_has_the_raw_pixels_of_the_channel_that_was_run(exported, sample_run, samples):
    fields = {field.id: field for field in read_set(exported / "training")}
    raw = tifffile.imread(samples / "plate" / "A01_s1.ome.tif")
    np.testing.assert_array_equal(fields["A01_s1"].image, raw[0])
    assert fields["A01_s1"].image.dtype == raw.dtype
    projection = tifffile.imread(samples / "nuclei_stack.ome.tif").max(axis=0)
    np.testing.assert_array_equal(fields["nuclei_stack"].image, projection)
    np.testing.assert_array_equal(fields["A01_s1"].labels, read_labels(sample_run / "A01_s1" / "labels.tif")[0])
    (row,) = [row for row in rows(exported / "training" / "manifest.csv") if row["id"] == "A01_s1"]
    assert row["model"].startswith("nuclei ")
    assert float(row["spacing_x_um"]) == pytest.approx(0.65)
    assert {row["origin"] for row in rows(exported / "training" / "objects.csv")} == {"model"}


def test_unreviewed_results_are_no_training_set(cellvino, sample_run, tmp_path):
    called = cellvino("export", sample_run, "--to", "training", "--out", tmp_path)
    assert called.code == 2
    assert "--all-fields" in called.err
    assert list(tmp_path.iterdir()) == []


def test_groups_stay_together(cellvino, sample_run, tmp_path):
    table = tmp_path / "animals.csv"
    table.write_text(
        "id,group\n" + "".join(f"{w}_s1,mouse {w[0]}\n" for w in ("A01", "A02", "A03", "B01", "B02", "B03"))
    )
    export = ("export", sample_run, "--to", "training", "--out", tmp_path / "o", "--all-fields", "--groups", table)
    assert cellvino(*export).code == 0
    splits = {row["id"]: (row["group"], row["split"]) for row in rows(tmp_path / "o" / "training" / "splits.csv")}
    assert splits["A01_s1"][0] == "mouse A"
    assert len({splits[f"A0{n}_s1"] for n in (1, 2, 3)}) == 1


@pytest.mark.parametrize("trainer", ["cellpose", "stardist"])
def test_for_another_trainer(cellvino, sample_run, tmp_path, trainer):
    called = cellvino("export", sample_run / "A01_s1", "--for", trainer, "--out", tmp_path, "--all-fields", "--json")
    assert called.code == 0, called.err
    command = called.json["command"]
    assert str((tmp_path / trainer).as_posix()) in command
    assert ("-m cellpose --train" in command) == (trainer == "cellpose")
    refused = cellvino("export", sample_run / "A01_s1", "--for", trainer, "--out", tmp_path / "other")
    assert refused.code == 2


def test_a_changed_image_is_left_out_and_the_rest_goes_on(cellvino, sample_run, tmp_path, samples):
    results = tmp_path / "results"
    shutil.copytree(sample_run, results)
    annotation = results / "A02_s1" / "annotation.json"
    content = json.loads(annotation.read_text(encoding="utf-8"))
    content["provenance"]["origin"]["path"] = str(samples / "plate" / "A03_s1.ome.tif")
    annotation.write_text(json.dumps(content), encoding="utf-8")
    (results / "B01_s1" / "labels.tif").write_bytes(b"II*\0")
    called = cellvino("export", results, "--to", "labels", "--out", tmp_path / "out")
    assert called.code == 1
    assert [line.split(":")[0] for line in called.err.splitlines()] == ["A02_s1", "B01_s1"]
    assert len(list((tmp_path / "out" / "labels" / "labels").iterdir())) == 5


def test_bad_requests(cellvino, sample_run, tmp_path):
    unknown = cellvino("export", sample_run, "--to", "excel", "--out", tmp_path)
    assert isinstance(unknown.error, OptionError)
    assert all(fact in unknown.err for fact in ("'excel'", "coco", "qupath"))
    assert isinstance(cellvino("export", sample_run, "--out", tmp_path).error, OptionError)
    nothing = cellvino("export", tmp_path, "--to", "coco", "--out", tmp_path / "o")
    assert isinstance(nothing.error, ImageReadError)
    assert str(tmp_path) in nothing.err


# -- the way back


SOURCES = {
    "labels": "labels/labels",
    "coco": "coco/annotations.json",
    "cellpose": "cellpose/train",
    "imagej": "imagej",
    "qupath": "qupath",
    "ome-zarr": "ome-zarr",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_exported_masks_come_in_again(cellvino, exported, sample_run, samples, tmp_path, kind):
    masks = exported / SOURCES[kind]
    name = next(p.stem for p in sorted((exported / "cellpose" / "train").glob("?0?_s1.tif")))
    called = cellvino("import", masks, "--image", samples / "plate" / f"{name}.ome.tif", "--out", tmp_path / "in")
    assert called.code == 0, called.err
    folder = tmp_path / "in" / name
    np.testing.assert_array_equal(
        read_labels(folder / "labels.tif")[0], read_labels(sample_run / name / "labels.tif")[0]
    )
    (count,) = rows(tmp_path / "in" / "counts.csv")
    assert (count["status"], int(count["count"])) == ("done", len(rows(sample_run / name / "objects.csv")))
    again = cellvino("export", tmp_path / "in", "--to", "labels", "--out", tmp_path / "again")
    assert again.code == 0, again.err


def test_a_folder_of_plain_masks(cellvino, sample_run, samples, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in ("A01_s1", "A02_s1"):
        write_labels(masks / f"{name}_masks.tif", read_labels(sample_run / name / "labels.tif")[0], Spacing())
    called = cellvino("import", masks, "--image", samples / "plate", "--out", tmp_path / "in")
    assert called.code == 1
    assert sum(line.startswith(("A03", "B0")) for line in called.err.splitlines()) == 4
    assert [row["status"] for row in rows(tmp_path / "in" / "counts.csv")].count("failed") == 4
    objects = rows(tmp_path / "in" / "A01_s1" / "objects.csv")
    assert {row["origin"] for row in objects} == {"imported"}
    assert {row["review"] for row in objects} == {"unseen"}


def test_masks_of_another_size_are_refused(cellvino, samples, tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", np.ones((20, 20), np.uint8))
    called = cellvino(
        "import", tmp_path / "m.tif", "--image", samples / "plate" / "A01_s1.ome.tif", "--out", tmp_path / "o"
    )
    assert called.code == 1
    assert "(20, 20)" in called.err
    assert not (tmp_path / "o" / "A01_s1").exists()


# -- the report


def test_report_of_corrections(cellvino, sample_run, tmp_path):
    results = tmp_path / "corrected"
    shutil.copytree(sample_run, results)
    path = results / "A01_s1" / "labels.tif"
    labels, spacing = read_labels(path)
    annotation = results / "A01_s1" / "annotation.json"
    content = json.loads(annotation.read_text(encoding="utf-8"))
    labels[labels == 1] = 0
    write_labels(path, labels, spacing)
    content["objects"] = content["objects"][1:]
    annotation.write_text(json.dumps(content), encoding="utf-8")
    called = cellvino("report", results, "--model-results", sample_run, "--json")
    assert called.code == 0, called.err
    totals = called.json["totals"]
    assert (totals["deleted"], totals["added"], totals["model"] - totals["corrected"]) == (1, 0, 1)
    assert called.json["scores"]["recall"] == 1
    assert json.loads((results / "corrections.json").read_text(encoding="utf-8")) == called.json
    page = (results / "corrections.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 1
    assert 'src="http' not in page
    assert called.json["fields"][0]["provenance"]["model_sha256"] in page
    assert "--overwrite" in cellvino("report", results, "--model-results", sample_run).err


def test_report_of_what_the_window_saved(cellvino, sample_run, tmp_path):
    results = tmp_path / "corrected"
    shutil.copytree(sample_run, results)
    folder = results / "A01_s1"
    session = EditSession(read_annotation(folder))
    session.commit(delete(session.annotation, [1]))
    stack = open_source(session.annotation.provenance.origin.path).read()
    write_corrections(folder, session.snapshot(), finish(project(stack)))
    called = cellvino("report", results, "--json")
    assert called.code == 0, called.err
    assert [field["field"] for field in called.json["fields"]] == ["A01_s1"]  # the others were not looked at
    assert (called.json["totals"]["deleted"], called.json["totals"]["added"]) == (1, 0)
    (folder / "model" / "annotation.json").unlink()
    called = cellvino("report", results, "--overwrite")
    assert called.code == 1
    assert isinstance(called.error, ImageReadError)
    assert "A01_s1" in called.err


def test_report_of_nothing_reviewed_is_refused(cellvino, sample_run):
    called = cellvino("report", sample_run)
    assert called.code == 1
    assert isinstance(called.error, ImageReadError)
    assert not (sample_run / "corrections.html").exists()


def test_results_whose_images_were_moved_are_exported_from_where_they_are(cellvino, samples, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    shutil.copy(samples / "plate" / "A01_s1.ome.tif", old / "a.ome.tif")
    assert cellvino("run", old / "a.ome.tif", "--channel", "DNA", "--out", tmp_path / "results").code == 0
    old.rename(new)
    lost = cellvino("export", tmp_path / "results", "--to", "coco", "--out", tmp_path / "lost")
    assert "found with --map /old/folder=/new/folder" in lost.err
    found = cellvino(
        "export", tmp_path / "results", "--to", "coco", "--out", tmp_path / "found", "--map", f"{old}={new}", "--json"
    )
    assert found.code == 0
    assert found.json["formats"]["coco"]["fields"] == 1
    other = tifffile.imread(new / "a.ome.tif") + 1
    tifffile.imwrite(
        new / "a.ome.tif", other, ome=True, metadata={"axes": "CYX", "Channel": {"Name": ["DNA", "Actin"]}}
    )
    changed = cellvino(
        "export", tmp_path / "results", "--to", "coco", "--out", tmp_path / "no", "--map", f"{old}={new}"
    )
    assert "has changed since" in changed.err
