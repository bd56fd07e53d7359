"""Plates that are told by names: Incucyte, ImageXpress without its HTD, any folder by a pattern; 6 to 1,536 wells."""

from __future__ import annotations

import os
import re
from collections import Counter

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError, ImageValueError, OptionError
from napari_cellvino.core.image import KeepDoubles, MetadataOverrides, Spacing
from napari_cellvino.core.plate import FORMATS, Well
from napari_cellvino.io import open_as, open_source
from napari_cellvino.io.plates import open_plate, preview_pattern
from napari_cellvino.io.plates import vendor_name_patterns as vendors
from napari_cellvino.io.plates.name_pattern import preview_names
from napari_cellvino.io.plates.suggest_pattern import describe_suggestion, suggest_pattern


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
    pixels = np.arange(2 * 8 * 8, dtype=np.uint16).reshape(2, 8, 8)
    tifffile.imwrite(tmp_path / "C3.ome.tif", pixels, metadata={"axes": "CYX", "Channel": {"Name": ["DNA", "GFP"]}})
    source = open_plate(tmp_path, pattern="{well}.ome.tif")
    assert source.plate.channels == ("DNA", "GFP")
    assert (source.read().plane(c=1) == pixels[1]).all()


@pytest.mark.parametrize(
    ("names", "kind", "fields", "channels"),
    [
        (("B - 02(fld 1 wv UV - DAPI).tif", "B - 02(fld 1 wv Blue - FITC).tif"), "IN Cell names", ["B02_f1"],
         ("Blue - FITC", "UV - DAPI")),
        (("B - 2(fld 01 wv UV - DAPI wix 0 z 1).tif", "B - 2(fld 01 wv UV - DAPI wix 0 z 2).tif"), "IN Cell names",
         ["B02_f1"], ("UV - DAPI",)),
        (("B_02_f1_c1_xBlue_mFITC_z1_t1.tif", "B_11_f2_c1_xBlue_mFITC_z1_t1.tif"), "IN Cell 6000 names",
         ["B02_f1", "B11_f2"], ("Blue_mFITC",)),
        (("B3_1_1_1_DAPI_001.tif", "H11_-1_2_4_Stitched[DAPI 377,447]_001.tif"), "Cytation names",
         ["B03_f1", "H11_f4"], ("DAPI", "Stitched[DAPI 377,447]")),
        (("data/exp--W00001--P00001--Z00000--T00000--DAPI.tif", "data/exp--W00013--P00002--Z00000--T00000--DAPI.tif"),
         "ScanR names", ["A01_f1", "B01_f2"], ("DAPI",)),
        (("--W00001--P00001--Z00000--T00000--DAPI.tif", "--W00013--P00002--Z00000--T00000--DAPI.tif"),
         "ScanR names", ["A01_f1", "B01_f2"], ("DAPI",)),
        (("A1--W00001--P00001--Z00000--T00000--DAPI.tif", "B2--W00026--P00001--Z00000--T00000--DAPI.tif"),
         "ScanR names with wells", ["A01_f1", "B02_f1"], ("DAPI",)),
        (("P1--W00001--P00001--Z00000--T00000--DAPI.tif", "P1--W00013--P00001--Z00000--T00000--DAPI.tif"),
         "ScanR names", ["A01_f1", "B01_f1"], ("DAPI",)),
        (("B2_1_1_1Z0_DAPI_001.tif", "B2_1_1_1Z1_DAPI_001.tif"), "Cytation names", ["B02_f1"], ("DAPI",)),
        (("Images/r02c03f01p01-ch1sk1fk1fl1.tiff", "Images/r16c24f01p01-ch1sk1fk1fl1.tiff"), "Harmony names",
         ["B03_f1", "P24_f1"], ("Channel 1",)),
        (("p_B02_T0001F001L01A01Z01C02.tif", "p_B02_T0001F001L01A01Z01C04.tif"), "CellVoyager names", ["B02_f1"],
         ("Channel 2", "Channel 4")),
        (("0/B2_0_0_Fluorescence_405_nm_Ex.tiff", "0/P24_1_0_BF_LED_matrix_full.tiff"), "Squid names",
         ["B02_f0", "P24_f1"], ("BF_LED_matrix_full", "Fluorescence_405_nm_Ex")),
        (("W0025F0001T0001Z001C1.tif", "W0384F0001T0001Z001C1.tif"), "CQ1 names", ["B01_f1", "P24_f1"],
         ("Channel 1",)),
        (("WellA01_PointA01_0000_ChannelDAPI_Seq0000.tiff", "WellA01_PointA01_0000_ChannelGFP_Seq0001.tiff",
          "WellA01_PointA01_0001_ChannelDAPI_Seq0002.tiff", "WellA01_PointA01_0001_ChannelGFP_Seq0003.tiff"),
         "Nikon JOBS names", ["A01_f0", "A01_f1"], ("DAPI", "GFP")),
        (("WellA01_PointA01_0000_Channel_DAPI_Seq0000.tiff", "WellA02_PointA02_0000_Channel_DAPI_Seq0001.tiff"),
         "Nikon JOBS names", ["A01_f0", "A02_f0"], ("DAPI",)),
        (("20201115_184113_906__WellA2_ChannelDAPI_Seq0003.tif", "20201115_184119_112__WellB2_ChannelDAPI_Seq0004.tif"),
         "Nikon JOBS names", ["A02_f1", "B02_f1"], ("DAPI",)),
        (("Plate1_2000_WellM05_Point1_2000_M05_0001_ChannelDAPI_Seq2427.tiff",
          "Plate1_2000_WellM05_Point1_2000_M05_0012_ChannelDAPI_Seq2428.tiff"),
         "Nikon JOBS names", ["M05_f1", "M05_f12"], ("DAPI",)),
        (("001001-1-001001001.tif", "001001-1-001001002.tif", "008012-10-001001001.tif"), "Columbus names",
         ["A01_f1", "H12_f10"], ("Channel 1", "Channel 2")),
        (("slide--S00/image--L0000--S00--U00--V01--J08--E00--O00--X00--Y00--T0000--Z00--C00.ome.tif",
          "slide--S00/image--L0000--S00--U11--V07--J08--E00--O00--X00--Y01--T0000--Z00--C00.ome.tif"),
         "Leica Matrix Screener names", ["B01_fX00--Y00", "H12_fX00--Y01"], ("Channel 0",)),
        (("I--L0000--S00--U00--V00--J08--X00--Y00--T0000--C00.ome.tif",
          "I--L0000--S00--U00--V00--J09--X00--Y00--T0000--C00.ome.tif"),
         "Leica Matrix Screener names", ["A01_fX00--Y00"], ("J08 00", "J09 00")),
        (("A1_01_1_1_DAPI_001.tif", "A1_01_2_1_GFP_001.tif", "A1_01_1_2_DAPI_001.tif", "A1_01_2_2_GFP_001.tif"),
         "Cytation names", ["A01_f1", "A01_f2"], ("DAPI", "GFP")),
        (("B2_02_SP10Z10_C1_Bright Field_T001.tif", "B2_02_SP1Z10_C1_Bright Field_T001.tif"), "Cytation names with SP",
         ["B02_f1", "B02_f10"], ("Bright Field",)),
        (("A1_s710_x7_y23_z1_fluo730.tiff", "A1_s711_x7_y24_z1_fluo730.tiff"), "Squid names of sites",
         ["A01_f710", "A01_f711"], ("fluo730",)),
        (("A02_s1_x1_y1_Fluorescence_405_nm_Ex.tif", "A02_s1_x1_y1_BF_LED_matrix_full.tif"), "Squid names of sites",
         ["A02_f1"], ("BF_LED_matrix_full", "Fluorescence_405_nm_Ex")),
        (("Well A001/Hoechst - n000000.tif", "Well A001/Alexa 488 - n000000.tif", "Well H12/Hoechst - n000000.tif",
          "Well H12/Alexa 488 - n000000.tif"), "BD Pathway names", ["A01_f0", "H12_f0"], ("Alexa 488", "Hoechst")),
        (("TimePoint_1/p_A01.tif", "TimePoint_2/p_A01.tif"), "ImageXpress names of time points", ["A01_f1"],
         ("Channel 1",)),
        (("TimePoint_1/A01_s1_w1.tif", "TimePoint_1/A01_s1_w2.tif"), "ImageXpress names without a plate", ["A01_f1"],
         ("Channel 1", "Channel 2")),
        (("A01_s1_w1_z1.tif", "A01_s1_w1_z2.tif"), "ImageXpress names of planes", ["A01_f1"], ("Channel 1",)),
        (("run-Scene-1-P3-B02.tif", "run-Scene-2-P1-B03.tif"), "ZEN names of scenes", ["B02_f3", "B03_f1"],
         ("Channel 1",)),
        (("x_1_MMStack_A1-Site_0.ome.tif", "x_1_MMStack_B12-Site_3.ome.tif"), "Micro-Manager names",
         ["A01_f0", "B12_f3"], ("Channel 1",)),
        (("TileScan 2_A1-1_t0_z0_ch00.tif", "TileScan 2_A1-2_t0_z0_ch00.tif"), "Leica Navigator names",
         ["A01_f1", "A01_f2"], ("Channel 0",)),
        (("r03c06f01p01-ch02t01.tiff", "r03c06f01p01rc1-ch03t01.tiff"), "Harmony names", ["C06_f1"],
         ("Channel 2", "Channel 3")),
        (("D6_Plate_M_p00_z03_0_A01f00d0.TIF", "D6_Plate_M_p00_z05_0_A01f00d0.TIF"), "CellInsight names", ["A01_f0"],
         ("Channel 0",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_plates_by_the_names_of_their_instruments(written, names, kind, fields, channels):
    plate = open_plate(written(*names)).plate
    assert (plate.kind, [f.label for f in plate.fields], plate.channels) == (kind, fields, channels)


def test_masks_of_cellinsight_beside_its_images_are_left_out(written):
    names = [f"MFGTMP_1_{well}f00{kind}{channel}.TIF" for well in ("A01", "B02") for kind in "do" for channel in (0, 1)]
    plate = open_plate(written(*names)).plate
    assert (plate.kind, plate.channels) == ("CellInsight names", ("Channel 0", "Channel 1"))
    assert plate.problems == ("4 masks of images are left out",)


def test_wells_that_are_numbered_are_said_and_their_plate_can_be_chosen(written):
    names = [f"exp--W{n:05d}--P00001--Z00000--T00000--DAPI.tif" for n in (1, 13, 96)]
    folder = written(*names)
    plate = open_plate(folder).plate
    assert [w.name for w in plate.wells] == ["A01", "B01", "H12"]
    assert "taken as a plate of 8 x 12" in plate.problems[0]
    large = open_plate(folder, pattern="exp--W{well:384}--P{field}--Z{z}--T{t}--{channel}.tif").plate
    assert ([w.name for w in large.wells], large.problems, large.rows) == (["A01", "A13", "D24"], (), 16)
    with pytest.raises(ImageReadError, match="well 96"):
        open_plate(folder, pattern="exp--W{well:24}--P{field}--Z{z}--T{t}--{channel}.tif")
    with pytest.raises(OptionError, match="plates have 6, 12"):
        open_plate(folder, pattern="exp--W{well:97}--P{field}--Z{z}--T{t}--{channel}.tif")


def test_doubled_images_are_a_fault_until_it_is_said_what_becomes_of_them(written):
    folder = written("a/p_A01_s1_w1.tif", "b/p_A01_s1_w1.tif", "a/p_A02_s1_w1.tif")
    assert "1 images are doubled" in open_plate(folder).plate.faults[0]
    first = open_plate(folder, MetadataOverrides(keep_doubles=KeepDoubles.FIRST)).plate
    assert (first.faults, len(first.fields)) == ((), 2)
    both = open_plate(folder, MetadataOverrides(keep_doubles=KeepDoubles.BOTH))
    assert [f.label for f in both.plate.fields] == ["A01_f1", "A01_f1 (2)", "A02_f1"]
    assert [both.open_field(f).plane().max() for f in both.plate.fields] == [1, 2, 3]
    assert both.plate.missing == ()


SETS = {
    "las x": ([f"s{f}_z{z:02d}_ch{c:02d}.tif" for f in (1, 2) for z in range(3) for c in (0, 1)],
              "{field}_z{z}_ch{channel}.tif", (2, 3)),
    "micro-manager": ([f"img_channel{c:03d}_position{f:03d}_time000000000_z{z:03d}.tif"
                       for f in (1, 2) for z in range(3) for c in (0, 1)],
                      "img_channel{channel}_{field}_time000000000_z{z}.tif", (2, 3)),
    "metamorph": ([f"exp_w{c}{dye}_s{f}_t1.TIF" for f in (1, 2) for c, dye in ((1, "DAPI"), (2, "GFP"))],
                  "exp_w{channel}_{field}_t1.TIF", (2, 1)),
    "zen": ([f"Exp-01_s{f}c{c}_ORG.tif" for f in (1, 2) for c in (1, 2)], "Exp-01_{field}c{channel}_ORG.tif", (2, 1)),
    "dyes": ([f"{name}_{dye}.tif" for name in ("first", "second") for dye in ("DAPI", "GFP")],
             "{field}_{channel}.tif", (2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("kind", SETS)
def test_channels_and_planes_in_files_of_their_own(written, kind):
    names, pattern, sizes = SETS[kind]
    assert suggest_pattern(names) == pattern
    source = open_as(written(*names), MetadataOverrides(pattern=pattern))
    stacks = [source.read(position) for position in source.positions]
    assert [(s.shape.c, s.shape.z) for s in stacks] == [sizes] * 2
    assert len({s.plane(c=c, z=z).max() for s in stacks for c in range(2) for z in range(sizes[1])}) == len(names)
    assert (stacks[0].origin.well, len(stacks[0].origin.files)) == ("", len(names) // 2)
    assert [s.origin.position for s in stacks] == [p.name for p in source.positions]


GRID = [f"s{n}_{dye}.tif" for n in (1, 2, 3) for dye in ("DAPI", "GFP")]


@pytest.mark.parametrize(
    ("names", "pattern", "left"),
    [
        ([*GRID, "overview.tif"], "{field}_{channel}.tif", 1),
        (GRID[:-1], "{field}_{channel}.tif", 0),  # a channel that one of them lacks
        ([*GRID, *(f"s{n}_merge.tif" for n in (1, 2, 3))], r"(?P<field>[^/]+?)_(?P<channel>DAPI|GFP)\.tif", 3),
        ([f"XY{n}_{c}.tif" for n in (1, 2) for c in ("CH1", "CH2", "Overlay")], "{field}_CH{channel}.tif", 2),
        ([f"e-{n}_c{c}.tif" for n in (1, 2) for c in (1, 2, "1-2")],
         r"e\-(?P<field>[^/]+?)_c(?P<channel>1|2)\.tif", 2),
        ([f"W01_F{n}_Z{z}_CH{c}.tif" for n in (1, 2) for z in (1, 2) for c in (1, 2)],
         "W01_{field}_Z{z}_CH{channel}.tif", 0),
        ([f"e_{n}_C001Z00{z}.tif" for n in (1, 2) for z in (1, 2)], "e_{field}_C001Z{z}.tif", 0),
        ([f"s{n} {c}nm.tif" for n in (1, 2) for c in (405, 488)], "{field} {channel}.tif", 0),
        ([f"s{n} - C={c}.tif" for n in (1, 2) for c in (0, 1)], "{field} - C={channel}.tif", 0),
        ([f"img_{t:09d}_{dye}_{z:03d}.tif" for t in (0, 1) for dye in ("DAPI", "GFP") for z in (0, 1)],
         "img_{t}_{channel}_{z}.tif", 0),
        ([f"img_000000000_Default_{z:03d}.tif" for z in (0, 1)], "img_{t}_{channel}_{z}.tif", 0),
        ([f"{well}_{dye}.tif" for well in ("A01", "H12") for dye in ("DAPI", "GFP")], "{well}_{channel}.tif", 0),
        ([f"{well}_{dye}.tif" for well in ("A01", "H12x") for dye in ("DAPI", "GFP")], "{field}_{channel}.tif", 0),
    ],
)  # fmt: skip
def test_pictures_beside_the_channels_do_not_keep_it_from_being_asked(names, pattern, left):
    assert suggest_pattern(names) == pattern
    assert len(preview_names(names, pattern).unmatched) == left
    (asked,) = describe_suggestion(names)
    assert f"are the {len(names) - left} files channels" in asked
    assert (f"leaves out the other {left}" in asked) == bool(left)


@pytest.mark.parametrize(
    "names",
    [
        ["a.tif", "b.tif"],
        ["A01_t1.tif", "A01_t2.tif"],
        ["c1.tif"],
        ["w1 x.tif", "y.tif"],
        [f"img_{t:09d}_DAPI_000.tif" for t in range(3)],
    ],
)
def test_names_that_are_no_parts_suggest_nothing(names):
    assert suggest_pattern(names) == ""


def test_parts_of_one_image_that_are_missing_or_doubled_are_said(written):
    folder = written("a_ch0.tif", "a_ch1.tif", "b_ch0.tif", "note.tif")
    source = open_as(folder, MetadataOverrides(pattern="{field}_ch{channel}.tif"))
    first, second = (source.read(position) for position in source.positions)
    assert "1 images have other names and are left out: note.tif" in first.warnings
    assert any("b channel Channel 1" in said for said in second.warnings)
    doubled = written("x/a_ch0.tif", "x/a_ch1.tif", "x/a_ch1.png")
    with pytest.raises(ImageValueError, match="doubled"):
        open_as(doubled, MetadataOverrides(pattern="x/{field}_ch{channel}.*")).read()


def test_a_pattern_without_a_well_is_no_plate(written):
    with pytest.raises(OptionError, match="does not tell the well"):
        open_plate(written("a_ch0.tif"), pattern="{field}_ch{channel}.tif")
    with pytest.raises(OptionError, match="is a file"):
        open_as(written("a_ch0.tif") / "a_ch0.tif", MetadataOverrides(pattern="{field}_ch{channel}.tif"))


ND = """"NDInfoFile", Version 1.0
"DoTimelapse", FALSE
"DoStage", TRUE
"NStagePositions", 3
"Stage1", "left"
"Stage2", "right"
"Stage3", "far"
"NWavelengths", 2
"WaveName1", "DAPI"
"WaveName2", "w_GFP"
"DoZSeries", TRUE
"WaveDoZ1", FALSE
"WaveDoZ2", TRUE
"ZStepSize", 0.5
"EndFile"
"""


def test_a_metamorph_list_is_images_of_its_wavelengths_and_stages(written):
    folder = written("exp_w1DAPI_s1.TIF", "exp_w1DAPI_s2.TIF", "exp_thumb_w1DAPI_s1.TIF")
    for stage in (1, 2):
        stack = np.full((3, 16, 16), 10 * stage, np.uint16)
        tifffile.imwrite(folder / f"exp_w2w_GFP_s{stage}.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    (folder / "exp.nd").write_text(ND, encoding="utf-8")
    source = open_source(folder / "exp.nd")
    assert [p.name for p in source.positions] == ["left", "right"]
    stack = source.read(source.positions[1])
    assert (stack.channels, tuple(stack.shape), stack.spacing.z) == (("DAPI", "w_GFP"), (1, 2, 3, 16, 16), 0.5)
    assert [stack.plane(c=c, z=2).max() for c in (0, 1)] == [2, 20]
    said = source.read().warnings
    assert "one plane only of DAPI: shown at every plane" in said
    assert "missing: far" in said
    (folder / "exp.nd").write_text(ND.replace('"NWavelengths", 2', '"NWavelengths", two'), encoding="utf-8")
    with pytest.raises(ImageReadError, match="'two' for NWavelengths"):
        open_source(folder / "exp.nd")


@pytest.mark.parametrize(
    "names",
    [
        [f"plate_A{n:02d}_s{n}_w1.tif" for n in range(1, 13)],
        [f"W{n:04d}F0001T0001Z001C1.jp2" for n in range(1, 13)],
        [f"exp-Scene-1-P{n}-A1-A{n}.tif" for n in range(1, 13)],  # which names its well twice, and not the same
        [f"field {n}.tif" for n in range(1, 13)],
        ["A01_s1_w1.tif", "field 1.tif"],
    ],
)
def test_as_many_names_match_by_their_shapes_as_one_by_one(names):
    shapes = Counter(stem.translate(vendors._ONE_DIGIT) + end for stem, end in map(os.path.splitext, names))
    for kind, text in vendors._PATTERNS.items():
        regex = re.compile(text, re.IGNORECASE)
        assert vendors._matching(regex, names, shapes) == sum(bool(regex.fullmatch(n)) for n in names), kind


def sized(folder, name, um, dtype=np.uint16):
    folder.mkdir(exist_ok=True)
    size = {} if um is None else {"PhysicalSizeX": um, "PhysicalSizeY": um}
    tifffile.imwrite(folder / f"p_{name}.tif", np.zeros((16, 16), dtype), ome=True, metadata={"axes": "YX", **size})


def test_a_field_has_the_size_of_a_pixel_that_its_own_file_says(tmp_path):
    for name, um in (("A01_s1_w1", 0.5), ("A02_s1_w1", 0.5), ("B01_s1_w1", 0.25), ("B02_s1_w1", None)):
        sized(tmp_path / "p", name, um)
    source = open_plate(tmp_path / "p")
    stacks = [source.open_field(field) for field in source.plate.fields]
    assert [stack.spacing.x for stack in stacks] == [0.5, 0.5, 0.25, 0.5]
    assert [len(stack.warnings) for stack in stacks] == [0, 0, 1, 0]
    assert "0.25 µm, which is taken, and the first of the plate 0.5 µm" in stacks[2].warnings[0]
    assert source.plate.problems == ("p_B01_s1_w1.tif has a pixel of 0.25 µm, others of 0.5 µm: look which is right",)
    said = open_plate(tmp_path / "p", MetadataOverrides(spacing=Spacing(None, 0.3, 0.3)))
    assert {said.open_field(field).spacing.x for field in said.plate.fields} == {0.3}


def test_images_with_pixels_of_another_type_are_told(tmp_path):
    for name, dtype in (("A01_s1_w1", np.uint16), ("A02_s1_w1", np.uint16), ("B01_s1_w1", np.uint8)):
        sized(tmp_path / "p", name, 0.5, dtype)
    (said,) = open_plate(tmp_path / "p").plate.problems
    assert said.startswith("p_B01_s1_w1.tif has pixels of uint8, others of uint16")
