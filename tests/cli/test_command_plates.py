"""``cellvino info`` and ``cellvino run`` on plates."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile
from plate_images import write_plate
from zarr_plates import write_zarr_plate

from napari_cellvino.core.errors import ImageValueError, OptionError


@pytest.fixture(scope="module")
def nuclei(samples):
    return [tifffile.imread(path)[0] for path in sorted((samples / "plate").glob("*.ome.tif"))]


@pytest.fixture
def plate(tmp_path, nuclei):
    return write_plate(tmp_path / "p", nuclei)


def test_info_of_a_plate(cellvino, plate):
    (plate / "p_A02_s1_w2.tif").unlink()
    called = cellvino("info", plate)
    assert called.code == 0
    assert "plate p" in called.out
    assert "3 of 6 wells (2 × 3) · 2 fields each · 2 channels" in called.out
    assert "missing: A02 field 1 channel Channel 2" in called.out
    (record,) = cellvino("info", plate, "--json").json
    assert record["wells"] == ["A01", "A02", "B01"]
    assert record["missing"] == ["A02 field 1 channel Channel 2"]


def test_run_of_some_wells_then_of_others(cellvino, plate, tmp_path):
    out = tmp_path / "out"
    first = cellvino("run", plate, "--wells", "A01:A02", "--fields", "2", "--channel", "2", "--out", out)
    assert first.code == 0, first.err
    assert "A02: " in first.err
    assert "(2 of 2 wells)" in first.err
    assert pd.read_csv(out / "wells.csv")["well"].tolist() == ["A01", "A02"]
    second = cellvino("run", plate, "--wells", "B1", "--channel", "Channel 2", "--json", "--out", out)
    assert second.code == 0
    assert [f["well"] for f in second.json["fields"]] == ["B01", "B01"]
    assert pd.read_csv(out / "wells.csv")["well"].tolist() == ["A01", "A02", "B01"]
    assert len(pd.read_csv(out / "counts.csv")) == 4


def test_layout_flows_into_the_tables(cellvino, plate, tmp_path):
    layout = tmp_path / "layout.csv"
    layout.write_text("well,compound,dose,control\nA01,DMSO,,negative\nA02,x,3,\n", encoding="utf-8")
    out = tmp_path / "out"
    assert cellvino("run", plate, "--channel", "2", "--layout", layout, "--fields", "1", "--out", out).code == 0
    for name in ("wells.csv", "counts.csv", "A02_f1/objects.csv", "wells_tidy.csv"):
        table = pd.read_csv(out / name)
        assert table.loc[table["well"] == "A02", "compound"].eq("x").all(), name
        assert table.loc[table["well"] == "A02", "dose"].eq(3).all(), name


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_gets_a_table_of_wells(cellvino, nuclei, tmp_path, version):
    data = {("B", "2", "0"): np.stack([nuclei[0][:96, :96]] * 2)[:, None]}
    path = write_zarr_plate(tmp_path / "made.zarr", data, version)
    called = cellvino("run", path, "--channel", "DNA", "--out", tmp_path / "out")
    assert called.code == 0, called.err
    written = path / "tables" / "cellvino_wells" / "table.csv"
    assert pd.read_csv(written).equals(pd.read_csv(tmp_path / "out" / "wells.csv"))
    attributes = json.loads(next((path / "tables").glob("zarr.json" if version == "0.5" else ".zattrs")).read_text())
    assert attributes.get("attributes", attributes)["tables"] == ["cellvino_wells"]
    assert pd.read_csv(written)["ring_ratio_gfp"].notna().all()


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (["--wells", "H12"], "'H12'"),
        (["--wells", "first"], "first"),
        (["--fields", "7"], "'7'"),
        (["--ring", "0"], "ring of 0 px"),
        (["--layout", "nowhere.csv"], "nowhere.csv"),
        (["--labels-back"], "OME-Zarr"),
        (["--axes", "YX"], "axes YX"),
    ],
)
def test_choices_that_a_plate_has_not_are_errors(cellvino, plate, tmp_path, options, fact):
    called = cellvino("run", plate, *options, "--out", tmp_path / "out")
    assert called.code == 2
    assert isinstance(called.error, OptionError)
    assert fact in called.err


def test_choices_of_plates_for_images_are_errors(cellvino, samples, tmp_path):
    called = cellvino("run", samples / "nuclei_stack.ome.tif", "--wells", "A01", "--out", tmp_path / "out")
    assert called.code == 2
    assert "--wells" in called.err


def test_a_channel_that_the_plate_has_not_is_told_once(cellvino, plate, tmp_path):
    called = cellvino("run", plate, "--channel", "RFP", "--fields", "1", "--out", tmp_path / "out")
    assert called.code == 1
    assert called.err.count("'RFP'") == 1
    assert isinstance(called.error, ImageValueError)


def test_how_a_folder_is_taken_is_said_and_can_be_changed(cellvino, plate, tmp_path):
    taken = cellvino("run", plate, "--wells", "A01", "--fields", "1", "--channel", "2", "--out", tmp_path / "a")
    assert "taken as a plate" in taken.err.splitlines()[0]
    for path in sorted(plate.iterdir())[2:]:
        path.unlink()
    images = cellvino("run", plate, "--no-plate", "--out", tmp_path / "b")
    assert "p: taken as a folder of 2 images" in images.err.splitlines()[0]
    assert "are the 2 files channels or planes of fewer images?" in images.err
    assert len(pd.read_csv(tmp_path / "b" / "counts.csv")) == 2
    grouped = cellvino("run", plate, "--pattern", "{field}_w{channel}.tif", "--channel", "2", "--out", tmp_path / "c")
    assert grouped.code == 0, grouped.err
    row = pd.read_csv(tmp_path / "c" / "counts.csv").iloc[0]
    assert row["images"] == "p_A01_s1_w1.tif; p_A01_s1_w2.tif"
    kept = cellvino("run", plate, "--pattern", "{field}_w{channel}.tif", "--channel", "2", "--out", tmp_path / "c")
    assert "kept from an earlier run" in kept.err


def test_doubled_images_are_a_fault_until_decided(cellvino, plate, tmp_path):
    (plate / "again").mkdir()
    shutil.copy(plate / "p_A01_s1_w2.tif", plate / "again")
    options = ["--wells", "A01", "--fields", "1", "--channel", "2", "--out", tmp_path / "out"]
    called = cellvino("run", plate, *options)
    assert called.code == 1
    assert "1 images are doubled" in called.err.splitlines()[-1]
    assert cellvino("run", plate, *options, "--keep-doubles", "first", "--overwrite").code == 0


def test_plates_that_fit_are_run_beside_one_that_does_not(cellvino, tmp_path):
    for plate, stain in (("one", "DAPI"), ("two", "DNA")):
        (tmp_path / plate).mkdir()
        for well in ("A01", "B02"):
            for channel in (stain, "GFP"):
                tifffile.imwrite(tmp_path / plate / f"{well}_s1_{channel}.tif", np.full((32, 32), 9, np.uint16))
    called = cellvino(
        "run", tmp_path / "one", tmp_path / "two", "--pattern", "{well}_s{field}_{channel}.tif", "--channel", "DNA",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert called.code == 1
    assert called.err.count("has no channel 'DNA'") == 1
    assert (tmp_path / "out" / "two" / "counts.csv").is_file()
