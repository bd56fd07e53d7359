"""Imports of a folder: the second replaces the first, corrections stay, one bad file does not end the others."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import make_recipe
from napari_cellvino.io import open_source
from napari_cellvino.results.field_folder import read_annotation
from napari_cellvino.results.field_writing import write_corrections
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.workflows import import_masks as module
from napari_cellvino.workflows.import_masks import import_masks

RECIPE = make_recipe({}, source="the test")
FIRST, SECOND = (slice(4, 12), slice(4, 12)), (slice(4, 12), slice(24, 32))


@pytest.fixture
def image(tmp_path):
    return write_image(tmp_path / "images" / "a.tif")


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 99, (40, 50)).astype(np.uint16)
    pixels[FIRST] += 900  # cells where the masks say that they are
    pixels[SECOND] += 900
    tifffile.imwrite(path, pixels)
    return path


def write_masks(path, *places):
    labels = np.zeros((40, 50), np.uint16)
    for number, place in enumerate(places, 1):
        labels[place] = number
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, labels)
    return path


def take(masks, *images, out, overwrite=True):
    return list(import_masks(masks, images, out, RECIPE, overwrite=overwrite))


def correct(folder, image, edit):
    """Correct a result as a person does in the window."""
    session = EditSession(read_annotation(folder), author="somebody")
    session.commit(edit(session.annotation))
    write_corrections(folder, session.snapshot(), finish(project(open_source(image).read())))


def test_a_second_import_replaces_the_first(image, tmp_path):
    out, masks = tmp_path / "out", tmp_path / "a_masks.tif"
    for places, count in (((FIRST, SECOND), 2), ((SECOND,), 1), ((FIRST,), 1)):
        (done,) = take(write_masks(masks, *places), image, out=out)
        assert (done.row["status"], done.row["count"], done.notices) == ("done", count, ())
        labels = tifffile.imread(out / "a" / "labels.tif")
        assert (labels > 0).sum() == 64 * count
        assert not (out / "a" / "model").exists()
    (refused,) = take(write_masks(masks, SECOND), image, out=out, overwrite=False)
    assert refused.failed


def test_what_a_person_corrected_stays_and_is_said(image, tmp_path):
    out, masks = tmp_path / "out", tmp_path / "a_masks.tif"
    take(write_masks(masks, FIRST, SECOND), image, out=out)
    correct(out / "a", image, lambda annotation: delete(annotation, [1]))
    (done,) = take(write_masks(masks, FIRST, SECOND, (slice(20, 28), slice(20, 28))), image, out=out)
    assert done.row["count"] == 2
    labels = tifffile.imread(out / "a" / "labels.tif")
    assert not labels[FIRST].any()
    assert labels[20:28, 20:28].all()
    assert "1 deleted" in done.notices[0]


def test_reviews_of_the_file_are_not_those_of_a_person_here(image, tmp_path):
    masks, ring = tmp_path / "a.geojson", [[4, 4], [12, 4], [12, 12], [4, 12], [4, 4]]
    for ring_x in (0, 20):
        moved = [[x + ring_x, y] for x, y in ring]
        said = {"objectType": "detection", "metadata": {"object": "1", "review": "accepted", "origin": "drawn"}}
        shape = {"type": "Polygon", "coordinates": [moved]}
        masks.write_text(json.dumps([{"type": "Feature", "geometry": shape, "properties": said}]))
        (done,) = take(masks, image, out=tmp_path / "out")
        assert (done.row["count"], done.notices) == (1, ())


def test_one_bad_file_does_not_end_the_others(tmp_path, monkeypatch):
    images = [write_image(tmp_path / "images" / f"{name}.tif") for name in "abcd"]
    for name in "ad":
        write_masks(tmp_path / "masks" / f"{name}_masks.tif", FIRST)
    (tmp_path / "masks" / "b_masks.tif").write_bytes(b"II*\0\7")
    done = take(tmp_path / "masks", *images, out=tmp_path / "out")
    assert [one.row["status"] for one in done] == ["done", "failed", "failed", "done"]
    assert "b_masks.tif" in str(done[1].row["error"])
    assert "the image c" in str(done[2].row["error"])

    def fail(*args):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "read_cells", fail)
    done = take(tmp_path / "masks", *images, out=tmp_path / "out")
    assert all("ZeroDivisionError" in str(one.row["error"]) for one in done if "bug" in str(one.row["error"]))
    assert [one.failed for one in done] == [True] * 4


def test_one_file_is_not_taken_for_two_images_of_its_name(tmp_path):
    images = [write_image(tmp_path / "images" / well / "f1.tif") for well in ("A01", "B02")]
    write_masks(tmp_path / "masks" / "f1_masks.tif", FIRST)
    done = take(tmp_path / "masks", *images, out=tmp_path / "out")
    assert all("ambiguous" in str(one.row["error"]) for one in done)
    for well, places in (("A01", (FIRST,)), ("B02", (FIRST, SECOND))):
        write_masks(tmp_path / "wells" / well / "f1_masks.tif", *places)
    done = take(tmp_path / "wells", *images, out=tmp_path / "out")
    assert [one.row["count"] for one in done] == [1, 2]


def test_boxes_without_names_of_classes(image, tmp_path):
    masks = tmp_path / "a.txt"
    masks.write_text("0 0.2 0.2 0.1 0.1 0.75\n3 0.6 0.6 0.1 0.1 0.5\n")
    (done,) = take(masks, image, out=tmp_path / "out")
    assert done.row["count"] == 2
    annotation = read_annotation(tmp_path / "out" / "a", shape=(40, 50))
    assert annotation.classes == ("class 0", "class 3")
    assert [record.score for record in annotation.records.values()] == [0.75, 0.5]


def test_masks_of_whole_cells_beside_those_of_nuclei_are_told(image, tmp_path):
    write_masks(tmp_path / "masks" / "a_Nuclei.tif", FIRST)
    write_masks(tmp_path / "masks" / "a_Cells.tif", FIRST, SECOND)
    (done,) = take(tmp_path / "masks", image, out=tmp_path / "out")
    assert (done.row["count"], done.notices) == (
        1,
        ("a_Nuclei.tif was taken, and not a_Cells.tif; name the file itself to take that",),
    )


def test_outlines_called_like_the_image_are_no_copy_of_it(image, tmp_path):
    write_masks(tmp_path / "masks" / "a_labels.tif", FIRST)
    ring = [[24, 4], [32, 4], [32, 12], [24, 12], [24, 4]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    other = tmp_path / "masks" / "a.geojson"
    other.write_text(json.dumps({"type": "Feature", "geometry": shape, "properties": {}}))
    (done,) = take(tmp_path / "masks", image, out=tmp_path / "out")
    assert "a.geojson and a_labels.tif" in done.row["error"]
    other.write_text("{}")  # what no importer reads is not meant
    (done,) = take(tmp_path / "masks", image, out=tmp_path / "out")
    assert done.row["count"] == 1
