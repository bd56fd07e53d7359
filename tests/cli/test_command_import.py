"""``cellvino import`` of masks of stacks, positions and time points: the results are those that a run writes."""

from __future__ import annotations

import csv
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.core.progress import finish
from napari_cellvino.io import open_source
from napari_cellvino.results.corrections import is_other_image
from napari_cellvino.results.field_folder import read_annotation
from napari_cellvino.results.field_writing import write_corrections
from napari_cellvino.segmentation.volume import read_volume

SPACING = {"PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325, "PhysicalSizeZ": 1.0}
FORMATS = {
    "labels": "labels",
    "stardist": "*/masks",
    "cellpose": "*",
    "imagej": "",
    "qupath": "",
    "ome-zarr": "",
    "ome-zarr-0.4": "",
}
FLAT = {"coco": "annotations.json", "yolo-segment": "labels/*/movie_z007.txt"}


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def movie(samples, tmp_path_factory):
    """A corner of the sample stack at 2 time points, of 2 channels."""
    folder = tmp_path_factory.mktemp("movie")
    pixels = tifffile.imread(samples / "nuclei_stack.ome.tif")[:, None, :160, :160].repeat(2, 1)
    pixels[:, 1] //= 2
    both = np.stack([pixels, pixels[..., ::-1, :]])
    tifffile.imwrite(folder / "movie.ome.tif", both, metadata={"axes": "TZCYX", **SPACING})
    return folder / "movie.ome.tif"


@pytest.fixture(scope="module")
def joined(cellvino, movie):
    """What the shipped model finds in it in 3D, at the first time point."""
    called = cellvino("run", movie, "--z", "3d", "--out", movie.parent / "out")
    assert called.code == 0, called.err
    return movie.parent / "out" / "movie"


@pytest.fixture(scope="module")
def exported(cellvino, joined):
    out = joined.parent.parent / "exported"
    kinds = ",".join([*FORMATS, *FLAT])
    called = cellvino("export", joined, "--to", kinds, "--out", out, "--all-fields")
    assert called.code == 0, called.err
    return out


@pytest.mark.parametrize("kind", FORMATS)
def test_stacks_come_in_again_to_the_pixel(cellvino, exported, joined, movie, tmp_path, kind):
    masks = next((exported / kind).glob(f"{FORMATS[kind]}/")) if FORMATS[kind] else exported / kind
    masks = masks / "labels" if kind == "labels" and masks.name != "labels" else masks
    called = cellvino("import", masks, "--image", movie, "--z", "3d", "--out", tmp_path / "in", "--json")
    assert called.code == 0, called.err
    (field,) = called.json["fields"]
    assert field["notices"] == []
    folder = tmp_path / "in" / "movie"
    assert {p.name for p in folder.iterdir()} == {p.name for p in joined.iterdir()}
    with tifffile.TiffFile(folder / "labels.tif") as tiff:
        labels, ome = tiff.asarray(), tiff.ome_metadata
    np.testing.assert_array_equal(labels, tifffile.imread(joined / "labels.tif"))
    assert 'PhysicalSizeZ="1.0"' in ome
    ours, theirs = (pd.read_csv(path / "objects.csv") for path in (folder, joined))
    assert list(ours) == list(theirs)
    lost = {"score", "origin", "doubts"} | ({"class"} if kind == "stardist" else set())
    measured = [name for name in theirs if name not in lost]
    pd.testing.assert_frame_equal(ours[measured], theirs[measured], rtol=1e-4)
    counts = [pd.read_csv(path.parent / "counts.csv").iloc[0] for path in (folder, joined)]
    assert counts[0]["count"] == counts[1]["count"] > 3
    assert counts[0]["density_per_mm3"] == counts[1]["density_per_mm3"]
    ours, theirs = (json.loads((path / "annotation.json").read_text())["provenance"] for path in (folder, joined))
    assert ours["pixels_sha256"] == theirs["pixels_sha256"]
    assert ours["plane"] == theirs["plane"]
    assert ours["model"].startswith("imported from movie")


def test_an_imported_stack_is_corrected_saved_and_exported(cellvino, joined, movie, tmp_path):
    out = tmp_path / "in"
    called = cellvino("import", joined / "labels.tif", "--image", movie, "--z", "3d", "--channel", "2", "--out", out)
    assert called.code == 0, called.err
    assert {row["origin"] for row in rows(out / "movie" / "objects.csv")} == {"imported"}
    stack = open_source(movie).read()
    plane, volume = finish(read_volume(stack, channel="2"))
    session = EditSession(read_annotation(out / "movie"))
    assert not is_other_image(session.annotation, plane, volume)
    session.commit(delete(session.annotation, [2]))
    write_corrections(out / "movie", session.snapshot(), plane, volume)
    labels = tifffile.imread(joined / "labels.tif")
    called = cellvino("export", out, "--to", "labels,training,ome-zarr", "--all-fields", "--out", tmp_path / "e")
    assert called.code == 0, called.err
    exported = tifffile.imread(tmp_path / "e" / "labels" / "labels" / "movie.ome.tif")
    np.testing.assert_array_equal(exported, np.where(labels == 2, 0, labels))
    planes = sorted((tmp_path / "e" / "training" / "images").iterdir())
    np.testing.assert_array_equal(tifffile.imread(planes[6]), stack.plane(c=1, z=6))
    again = cellvino("import", joined / "labels.tif", "--image", movie, "--z", "3d", "--out", out)
    assert "--overwrite" in again.err


def test_a_stack_that_changed_is_not_exported(cellvino, joined, movie, tmp_path):
    pixels = tifffile.imread(movie)
    copy = tmp_path / "movie.ome.tif"
    tifffile.imwrite(copy, pixels, metadata={"axes": "TZCYX", **SPACING})
    called = cellvino("import", joined / "labels.tif", "--image", copy, "--z", "3d", "--out", tmp_path / "in")
    assert called.code == 0, called.err
    pixels[0, 5, 0, 80, 80] += 1  # one voxel, not the brightest of its place
    tifffile.imwrite(copy, pixels, metadata={"axes": "TZCYX", **SPACING})
    called = cellvino("export", tmp_path / "in", "--to", "labels", "--out", tmp_path / "e")
    assert called.code != 0
    assert "movie" in called.err


def test_masks_of_planes_and_stacks_are_told_apart(cellvino, exported, joined, movie, samples, tmp_path):
    def refused(masks, *more):
        called = cellvino("import", masks, "--image", movie, *more, "--out", tmp_path / "no")
        assert called.code == 1
        return called.err

    plane = tmp_path / "plane.tif"
    labels = tifffile.imread(joined / "labels.tif")
    tifffile.imwrite(plane, labels[6])
    err = refused(joined / "labels.tif")
    assert all(fact in err for fact in ("(13, 160, 160)", "(mip)", "--z 3d"))
    err = refused(plane, "--z", "3d")
    assert all(fact in err for fact in ("(160, 160)", "(13, 160, 160)", "(3d)", "--z plane:K"))
    tifffile.imwrite(tmp_path / "short.tif", labels[:12])
    err = refused(tmp_path / "short.tif", "--z", "3d")
    assert all(fact in err for fact in ("(12, 160, 160)", "(13, 160, 160)"))
    for kind, place in FLAT.items():
        assert "plane" in refused(next((exported / kind).glob(place)), "--z", "3d")
    assert "--z 3d" in refused(exported / "imagej" / "movie_RoiSet.zip", "--z", "plane:3")
    flat = cellvino(
        "import", plane, "--image", samples / "plate" / "A01_s1.ome.tif", "--z", "3d", "--out", tmp_path / "no"
    )
    assert all(fact in flat.err for fact in ("A01_s1", "(256, 256)", "--z 3d"))
    called = cellvino("import", plane, "--image", movie, "--z", "plane:7", "--out", tmp_path / "yes")
    assert called.code == 0, called.err
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "yes" / "movie" / "labels.tif"), labels[6])


def test_every_time_point_has_its_masks(cellvino, joined, movie, tmp_path):
    labels = tifffile.imread(joined / "labels.tif")
    masks = tmp_path / "masks"
    masks.mkdir()
    tifffile.imwrite(masks / "movie_masks.tif", labels)
    tifffile.imwrite(masks / "movie t2_masks.tif", labels[:, ::-1])
    choices = ("--image", movie, "--z", "3d", "--frame")
    called = cellvino("import", masks, *choices, "all", "--out", tmp_path / "all")
    assert called.code == 0, called.err
    assert [row["frame"] for row in rows(tmp_path / "all" / "counts.csv")] == ["1", "2"]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "all" / "movie t2" / "labels.tif"), labels[:, ::-1])
    first, second = (pd.read_csv(tmp_path / "all" / name / "objects.csv") for name in ("movie", "movie t2"))
    same = [name for name in first if name.startswith(("volume", "mean", "max"))]
    pd.testing.assert_frame_equal(first[same], second[same])
    called = cellvino("import", masks, *choices, "2", "--out", tmp_path / "one")
    assert called.code == 0, called.err
    assert (tmp_path / "one" / "movie t2" / "qc.png").is_file()
    called = cellvino("import", masks / "movie_masks.tif", *choices, "all", "--out", tmp_path / "no")
    assert called.code == 1
    assert "movie t2" in called.err
    both = np.stack([labels, labels])
    tifffile.imwrite(tmp_path / "both.tif", both, imagej=True, metadata={"axes": "TZYX"})
    np.save(tmp_path / "both_seg.npy", {"masks": both}, allow_pickle=True)
    np.save(tmp_path / "flat_seg.npy", {"masks": both[:, 6]}, allow_pickle=True)
    for name, z in (("both.tif", "3d"), ("both_seg.npy", "3d"), ("flat_seg.npy", "plane:7")):
        called = cellvino("import", tmp_path / name, "--image", movie, "--z", z, "--out", tmp_path / "no")
        assert called.code == 1
        assert name in called.err
    called = cellvino("import", masks, *choices, "3", "--out", tmp_path / "no")
    assert all(fact in called.err for fact in ("time point 3", "1 to 2"))


def test_every_position_has_its_masks(cellvino, tmp_path):
    rng = np.random.default_rng(3)
    with tifffile.TiffWriter(tmp_path / "sites.ome.tif", ome=True) as tiff:
        for name in ("left", "right"):
            pixels = rng.integers(0, 900, (40, 50)).astype(np.uint16)
            tiff.write(pixels, metadata={"axes": "YX", "Name": name}, photometric="minisblack")
    names = [position.name for position in open_source(tmp_path / "sites.ome.tif").positions]
    assert len(names) == 2
    masks = tmp_path / "masks"
    masks.mkdir()
    for number, name in enumerate(names, 1):
        labels = np.zeros((40, 50), np.uint8)
        labels[number * 5 : number * 5 + 9, 3:12] = number
        tifffile.imwrite(masks / f"sites {name}.tif".replace(":", "_"), labels)
    called = cellvino("import", masks, "--image", tmp_path / "sites.ome.tif", "--out", tmp_path / "in")
    assert called.code == 0, called.err
    found = rows(tmp_path / "in" / "counts.csv")
    assert [row["position"] for row in found] == names
    for number, row in enumerate(found, 1):
        (cell,) = rows(tmp_path / "in" / row["folder"] / "objects.csv")
        assert (cell["id"], cell["y0"]) == (str(number), str(number * 5))


def test_masks_that_people_drew_in_embryos(cellvino, shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "bbbc050_3d" / "bbbc050_trainval.zip") as packed:
        for kind, name in (("images", "a.tif"), ("labels", "a_masks.tif")):
            (tmp_path / name).write_bytes(packed.read(f"{kind}/tr_Emb05_t301.tif"))
    called = cellvino("import", tmp_path, "--image", tmp_path, "--z", "3d", "--out", tmp_path / "in", "--json")
    assert called.code == 0, called.err
    drawn = tifffile.imread(tmp_path / "a_masks.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "in" / "a" / "labels.tif"), drawn)
    table = pd.read_csv(tmp_path / "in" / "a" / "objects.csv")
    np.testing.assert_array_equal(table["volume_px"], np.bincount(drawn.ravel())[table["id"]])
    called = cellvino("run", tmp_path / "a.tif", "--z", "3d", "--diameter", "17", "--out", tmp_path / "model")
    assert called.code == 0, called.err
    called = cellvino("report", tmp_path / "in", "--model-results", tmp_path / "model", "--json")
    assert called.json["scores"]["f1_50"] > 0.85
    assert called.json["totals"]["reclassified"] == 0  # the model's are called nuclei, the others cells


def test_masks_that_lie_beside_their_images_are_no_images(cellvino, samples, tmp_path):
    for name in ("A01_s1", "A02_s1"):
        tifffile.imwrite(tmp_path / f"{name}.tif", tifffile.imread(samples / "plate" / f"{name}.ome.tif")[0])
        labels = tifffile.imread(samples / "plate" / "labels" / f"{name}.tif")
        tifffile.imwrite(tmp_path / f"{name}_masks.tif", labels)
    called = cellvino("import", tmp_path, "--image", tmp_path, "--out", tmp_path / "in")
    assert called.code == 0, called.err
    assert [row["folder"] for row in rows(tmp_path / "in" / "counts.csv")] == ["A01_s1", "A02_s1"]
