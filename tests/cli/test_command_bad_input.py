"""Every bad image gets a clear sentence and costs no other; odd but usable ones are counted."""

import csv
import errno
import os
import shutil

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.resources import shipped_folder

USABLE = [
    "good",
    "float32",
    "float64",
    "half",
    "signed",
    "int32",
    "uint32",
    "byte",
    "some_nan",
    "some_inf",
    "huge",
    "bool",
]
BROKEN = ["no_image", "no_picture", "nothing", "half_a_file", "a_header", "all_nan", "all_inf", "complex"]
BROKEN += ["ten_terabytes", "zero_size"]
EMPTY = ["constant", "one_pixel", "row"]


@pytest.fixture(scope="module")
def answers(cellvino, samples, tmp_path_factory):
    """Row of ``counts.csv`` by stem, and what was said, of one run over a folder of all kinds of images."""
    folder = tmp_path_factory.mktemp("odd")
    well = tifffile.imread(samples / "plate" / "B01_s1.ome.tif")[0, :128, :160]
    write_usable(folder, well)
    write_empty(folder)
    write_broken(folder, (samples / "plate" / "B01_s1.ome.tif").read_bytes(), well)
    called = cellvino("run", folder, "--out", folder / "out")
    with (folder / "out" / "counts.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["file"].rpartition(os.sep)[2].partition(".")[0]: row for row in csv.DictReader(file)}
    return rows, called, folder / "out"


def write_usable(folder, well):
    holes = well.astype(np.float32)
    holes[:20] = np.nan
    bright = well.astype(np.float32)
    bright[30, 30:33] = np.inf
    bright[90, 90] = -np.inf
    images = {
        "good": well,
        "float32": well.astype(np.float32) / 4095,
        "float64": well.astype(np.float64) * 1e6 - 1e9,
        "half": well.astype(np.float16),
        "signed": well.astype(np.int16) - 2000,
        "int32": well.astype(np.int32) * 1000 - 1_000_000,
        "uint32": well.astype(np.uint32) * 2**19,
        "byte": (well >> 4).astype(np.uint8),
        "some_nan": holes,
        "some_inf": bright,
        "huge": well.astype(np.float32) * np.float32(1e34),
    }
    for name, pixels in images.items():
        tifffile.imwrite(folder / f"{name}.tif", pixels)
    tifffile.imwrite(folder / "bool.tif", well > 900)


def write_empty(folder):
    tifffile.imwrite(folder / "constant.tif", np.full((96, 96), 7, np.uint16))
    tifffile.imwrite(folder / "one_pixel.tif", np.full((1, 1), 7, np.uint16))
    tifffile.imwrite(folder / "row.tif", np.arange(300, dtype=np.uint16)[None])


def write_broken(folder, real, well):
    (folder / "no_image.tif").write_text("Dear diary, …", encoding="utf-8")
    (folder / "no_picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (folder / "nothing.tif").touch()
    (folder / "half_a_file.tif").write_bytes(real[: len(real) // 2])
    (folder / "a_header.tif").write_bytes(real[:8])
    tifffile.imwrite(folder / "all_nan.tif", np.full((64, 64), np.nan, np.float32))
    tifffile.imwrite(folder / "all_inf.tif", np.full((64, 64), np.inf, np.float32))
    tifffile.imwrite(folder / "complex.tif", well.astype(np.complex64))
    for name, size in (("ten_terabytes", 3_200_000), ("zero_size", 0)):
        tifffile.imwrite(folder / f"{name}.tif", well.astype(np.uint8))
        with tifffile.TiffFile(folder / f"{name}.tif", mode="r+b") as file:
            for tag in ("ImageWidth", "ImageLength"):
                file.pages[0].tags[tag].overwrite(size)


def test_run_ends_with_one_and_says_each_reason(answers):
    rows, called, _ = answers
    failed = [name for name, row in rows.items() if row["status"] == "failed"]
    assert called.code == 1
    assert sorted(failed) == sorted(BROKEN)
    assert f"{len(rows) - len(failed)} of {len(rows)}" in called.err.splitlines()[-1]
    for name in failed:
        assert name in rows[name]["error"]
        assert rows[name]["error"] in called.err
        assert len(rows[name]["error"]) < 300
        assert "unexpected" not in rows[name]["error"]
        assert rows[name]["count"] == ""


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("no_image", "TIFF"),
        ("nothing", "0 bytes"),
        ("half_a_file", "half_a_file.tif"),
        ("all_nan", "NaN"),
        ("all_inf", "infinite"),
        ("complex", "complex64"),
        ("ten_terabytes", "ten_terabytes.tif"),
        ("zero_size", "zero_size"),
    ],
)
def test_reason_has_its_fact(answers, name, fact):
    assert fact in answers[0][name]["error"]


@pytest.mark.parametrize("name", EMPTY)
def test_image_without_cells_has_none(answers, name):
    rows, _, out = answers
    assert (rows[name]["status"], rows[name]["count"]) == ("done", "0")
    assert (out / name / "qc.png").stat().st_size > 0


@pytest.mark.parametrize("name", USABLE)
def test_pixels_of_every_real_type_are_counted(answers, name):
    rows, *_ = answers
    assert rows[name]["status"] == "done", rows[name]["error"]
    if name in ("some_nan", "bool"):  # a part of the picture is gone; a mask is no photograph
        return
    assert abs(int(rows[name]["count"]) - int(rows["good"]["count"])) <= 1


def test_failed_inputs_leave_no_folder(answers):
    rows, _, out = answers
    assert {p.name for p in out.iterdir() if p.is_dir()} == {row["folder"] for row in rows.values()} - {""}
    assert not list(out.rglob(".*"))


# -- choices that do not fit the image


@pytest.mark.parametrize(
    ("choice", "facts"),
    [
        (("--channel", "DAPI"), ("'DAPI'", "1 DNA", "2 GFP")),
        (("--channel", "3"), ("'3'", "1 DNA", "2 GFP")),
        (("--channel", "0"), ("'0'",)),
        (("--z", "plane:2"), ("plane 2",)),
        (("--frame", "2"), ("time point 2",)),
        (("--frame", "all"), ("one time point", "no effect")),
        (("--z", "mip"), ("one plane", "no effect")),
    ],
)
def test_channel_plane_and_time_that_are_not_there(cellvino, samples, tmp_path, choice, facts):
    called = cellvino("run", samples / "plate" / "A01_s1.ome.tif", "--out", tmp_path / "out", *choice)
    assert called.code == 1
    assert all(fact in called.err for fact in facts)


# -- places that cannot be read or written


def test_missing_input(cellvino, tmp_path):
    called = cellvino("run", tmp_path / "nowhere.tif", tmp_path / "empty:folder", "--out", tmp_path / "out")
    assert called.code == 1
    assert str(tmp_path / "nowhere.tif") in called.err
    assert str(tmp_path / "empty:folder") in called.err


@pytest.fixture
def latin(samples, tmp_path):
    """A folder with an image, and one whose name another system wrote in Latin-1."""
    image = tifffile.imread(samples / "plate" / "B01_s1.ome.tif")[0, :128, :160]
    folder = tmp_path / "lab"
    folder.mkdir()
    try:
        tifffile.imwrite(folder / os.fsdecode(b"Z\xfcrich.tif"), image)
    except OSError:
        pytest.skip("this disk takes no such names")
    tifffile.imwrite(folder / "a.tif", image)
    return folder


def test_name_in_another_encoding_costs_no_other_image(cellvino, latin, tmp_path):
    called = cellvino("run", latin, "--out", tmp_path / "out")
    assert called.code == 0
    assert "1 file not taken (name that is not in UTF-8; rename it): Z" in called.err
    with (tmp_path / "out" / "counts.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [os.path.basename(row["file"]) for row in csv.DictReader(file)] == ["a.tif"]


def test_name_in_another_encoding_is_said_where_it_is_asked_for(cellvino, latin, tmp_path):
    image = latin / os.fsdecode(b"Z\xfcrich.tif")
    folder = tmp_path / os.fsdecode(b"M\xfcller")
    latin.rename(folder)
    for asked in (folder / image.name, folder):
        called = cellvino("run", asked, "--out", tmp_path / "out")
        assert called.code == 1
        assert "is not in UTF-8" in called.err
        assert "Traceback" not in called.err


@pytest.mark.parametrize("below", ["", "deeper"])
def test_output_folder_that_is_a_file(cellvino, samples, tmp_path, below):
    (tmp_path / "out").write_text("my thesis")
    called = cellvino("run", samples / "plate", "--out", tmp_path / "out" / below)
    assert called.code == 1
    assert isinstance(called.error, OutputError)
    assert str(tmp_path / "out") in called.err
    assert (tmp_path / "out").read_text() == "my thesis"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user")
def test_output_folder_that_may_not_be_written(cellvino, samples, tmp_path):
    tmp_path.chmod(0o500)
    try:
        called = cellvino("run", samples / "plate", "--out", tmp_path / "out")
    finally:
        tmp_path.chmod(0o700)
    assert called.code == 1
    assert isinstance(called.error, OutputError)
    assert str(tmp_path / "out") in called.err


def test_full_disk_ends_the_run_before_the_work(cellvino, samples, tmp_path, monkeypatch):
    def fsync(_file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("napari_cellvino.storage.atomic.os.fsync", fsync)
    called = cellvino("run", samples / "plate", "--out", tmp_path / "out")
    assert called.code == 1
    assert isinstance(called.error, OutputError)
    assert called.error.__cause__.errno == errno.ENOSPC
    assert list((tmp_path / "out").iterdir()) == []


def test_model_with_a_wrong_hash(cellvino, samples, tmp_path):
    folder = shutil.copytree(shipped_folder("models") / "nuclei", tmp_path / "altered")
    with (folder / "model.bin").open("r+b") as file:
        file.seek(1000)
        file.write(b"\xff\xff")
    for command in (("run", samples / "plate", "--out", tmp_path / "out", "--model"), ("models", "check")):
        called = cellvino(*command, folder)
        assert called.code == 2
        assert called.err.count("model.bin") == 1
    assert not (tmp_path / "out").exists()
