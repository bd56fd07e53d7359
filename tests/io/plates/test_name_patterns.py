"""Plates that are told by names: Incucyte, ImageXpress without its HTD, any folder by a pattern; 6 to 1,536 wells."""

from __future__ import annotations

import pytest

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.plate import FORMATS, Well
from napari_cellvino.io.plates import open_plate, preview_pattern


def test_incucyte_exports(written):
    times = ("00d00h00m", "00d06h30m", "01d00h00m")
    folder = written(
        *(f"{c}_{w}_{f}_{t}.tif" for c in ("Green", "Phase") for w in ("A1", "B12") for f in "12" for t in times)
    )
    source = open_plate(folder)
    plate = source.plate
    assert [f.label for f in plate.fields] == ["A01_f1", "A01_f2", "B12_f1", "B12_f2"]
    assert (plate.channels, plate.t, plate.z) == (("Green", "Phase"), 3, 1)
    assert source.read().plane(t=2, c=1).max() == 15  # the 15th name written: Phase_A1_1_01d00h00m


def test_incucyte_dates_are_in_order(written):
    folder = written("x_A1_1_2024y02m01d_00h00m.tif", "x_A1_1_2024y01m31d_23h00m.tif")
    stack = open_plate(folder).read()
    assert [stack.plane(t=t).max() for t in (0, 1)] == [2, 1]


def test_incucyte_archives(written):
    folder = written("2401/15/1430/700/A1-1-C1.tif", "2401/15/1430/700/A1-1-Ph.tif", "2401/15/0830/700/A1-1-C1.tif",
                     "2401/15/0830/700/A1-1-Ph.tif")  # fmt: skip
    source = open_plate(folder)
    assert (source.plate.name, source.plate.channels, source.plate.t) == ("700", ("C1", "Ph"), 2)
    assert source.read().plane(t=0, c=1).max() == 4


def test_imagexpress_flat_names(written):
    guid = "E94C24BD-45E4-450A-9919-257C714278F7"
    folder = written(f"screen_AF48_s9_w1{guid}.tif", f"screen_AF48_s10_w1{guid}.tif", "screen_AF48_s9_w1_thumbX.tif")
    plate = open_plate(folder).plate
    assert (plate.name, plate.rows, plate.columns) == ("screen", 32, 48)
    assert [f.name for f in plate.fields] == ["9", "10"]


def test_two_plates_in_one_folder_are_named(written):
    with pytest.raises(ImageReadError, match=r"2 plates \(one, two\)"):
        open_plate(written("one_A01_s1_w1.tif", "two_A01_s1_w1.tif"))


def test_other_images_are_left_out_and_said(written):
    plate = open_plate(written("p_A01_s1_w1.tif", "p_A02_s1_w1.tif", "overview.tif")).plate
    assert "1 images have other names and are left out: overview.tif" in plate.problems


def test_ordinary_images_are_no_plate(written):
    with pytest.raises(ImageReadError, match="is no plate"):
        open_plate(written("field 1.tif", "B02_s1.ome.tif", "A01.tif"))


@pytest.mark.parametrize(("rows", "columns"), FORMATS)
def test_every_size_of_plate(tmp_path, rows, columns):
    wells = [Well(r, c) for r in range(rows) for c in range(columns)]
    (tmp_path / "p").mkdir()
    for well in wells:
        (tmp_path / "p" / f"p_{well.name}_s1_w1.tif").touch()
    plate = open_plate(tmp_path / "p").plate
    assert (plate.rows, plate.columns) == (rows, columns)
    assert list(plate.wells) == wells
    assert [Well.parse(w.name) for w in plate.wells] == wells
    assert plate.problems  # the images are empty files


@pytest.mark.parametrize(
    "typed", ["{well}-{field}-{channel}.tif", r"(?P<well>[A-H]\d+)-(?P<field>\d+)-(?P<channel>\w+)\.tif"]
)
def test_a_typed_pattern(written, typed):
    folder = written("day 1/B7-2-dna.tif", "day 1/B7-2-gfp.tif", "note.tif")
    source = open_plate(folder, pattern=typed)
    assert [f.label for f in source.plate.fields] == ["B07_f2"]
    assert source.plate.channels == ("dna", "gfp")
    preview = preview_pattern(folder, typed)
    assert preview.matched[0] == ("day 1/B7-2-dna.tif", {"well": "B7", "field": "2", "channel": "dna"})
    assert preview.unmatched == ("note.tif",)


def test_a_pattern_of_folders_rows_and_planes(written):
    folder = written("t1/r02c03 z1.tif", "t1/r02c03 z2.tif", "t2/r02c03 z1.tif", "t2/r02c03 z2.tif")
    source = open_plate(folder, pattern="t{t}/r{row}c{column} z{z}.tif")
    assert (source.plate.t, source.plate.z, source.plate.wells) == (2, 2, (Well(1, 2),))
    assert source.read().plane(t=1, c=0, z=0).max() == 3


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("{pit}.tif", "has {pit}; known are {plate}, {well}"),
        ("{field}.tif", "does not tell the well"),
        ("(?P<well>[A-H", "cannot be understood"),
        ("(?P<well>.)(?P<depth>.)", "names depth"),
        ("x{well}.tif", "matches none of the 1 images"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_said(written, typed, reason):
    with pytest.raises((OptionError, ImageReadError)) as caught:
        open_plate(written("B7.tif"), pattern=typed)
    assert reason in str(caught.value)


def test_channels_within_files(tmp_path):
    import numpy as np
    import tifffile

    pixels = np.arange(2 * 8 * 8, dtype=np.uint16).reshape(2, 8, 8)
    tifffile.imwrite(tmp_path / "C3.ome.tif", pixels, metadata={"axes": "CYX", "Channel": {"Name": ["DNA", "GFP"]}})
    source = open_plate(tmp_path, pattern="{well}.ome.tif")
    assert source.plate.channels == ("DNA", "GFP")
    assert (source.read().plane(c=1) == pixels[1]).all()
