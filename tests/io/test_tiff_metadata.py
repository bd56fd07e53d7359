import json
import struct

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io import open_source
from napari_cellvino.io.tiff_metadata import from_lsm, from_metamorph, from_micromanager, from_stk, imagej_channels
from napari_cellvino.io.units import micrometres, resolution_spacing

PIXELS = np.zeros((2, 3, 16, 24), np.uint16)


def written(folder, **how):
    path = folder / "image.tif"
    tifffile.imwrite(path, how.pop("pixels", PIXELS), photometric="minisblack", **how)
    return open_source(path).read()


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("µm", 0.5), ("nm", 0.0005), ("mm", 500), ("in", 12_700), ("pixel", None), ("reference frame", None)],
)
def test_ome_units(tmp_path, unit, expected):
    sizes = {f"PhysicalSize{axis}": 0.5 for axis in "XYZ"} | {f"PhysicalSize{axis}Unit": unit for axis in "XYZ"}
    stack = written(tmp_path, ome=True, metadata={"axes": "CZYX", **sizes, "Channel": {"Name": ["DNA", "ER"]}})
    assert stack.spacing == Spacing(expected, expected, expected)
    assert stack.channels == ("DNA", "ER")
    assert any("pixel size unknown" in sentence for sentence in stack.assumptions) == (expected is None)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("micron", 0.25), ("um", 0.25), ("\\u00B5m", 0.25), ("nm", 0.00025), ("mm", 250), ("inch", None), ("pixel", None)],
)
def test_imagej_units(tmp_path, unit, expected):
    metadata = {"axes": "CZYX", "unit": unit, "spacing": 0.25}
    stack = written(
        tmp_path, pixels=PIXELS.swapaxes(0, 1), imagej=True, resolution=(4, 4), metadata=metadata | {"axes": "ZCYX"}
    )
    assert stack.spacing == Spacing(expected, expected, expected)


def test_imagej_micro_sign_in_latin_1(tmp_path):
    description = b"ImageJ=1.53t\nimages=1\nunit=\xb5m\n"
    stack = written(
        tmp_path, pixels=PIXELS[0, 0], description=description, metadata=None, resolution=(4, 4), resolutionunit="NONE"
    )
    assert stack.spacing == Spacing(None, 0.25, 0.25)


def test_imagej_centimetres_and_inches_must_be_plausible(tmp_path):
    for unit, count, expected in (("cm", 20_000, 0.5), ("cm", 28.35, None), ("inch", 50_800, 0.5), ("inch", 72, None)):
        stack = written(tmp_path, pixels=PIXELS[0], imagej=True, resolution=(count, count), metadata={"unit": unit})
        assert stack.spacing.x == expected


@pytest.mark.parametrize(
    ("per_unit", "unit", "expected"),
    [
        (72, "INCH", None), (96, "INCH", None), (300, "INCH", None), (600, "INCH", None), (25_400, "INCH", 1.0),
        (20_000, "CENTIMETER", 0.5), (28.35, "CENTIMETER", None), (1e9, "CENTIMETER", None), (4, "NONE", None),
    ],
)  # fmt: skip
def test_resolution_tags_count_where_a_microscope_could_have_written_them(tmp_path, per_unit, unit, expected):
    stack = written(tmp_path, pixels=PIXELS[0, 0], resolution=(per_unit, per_unit), resolutionunit=unit, metadata=None)
    assert stack.spacing.x == pytest.approx(expected) if expected else stack.spacing.x is None


def test_resolution_of_zero_is_unknown():
    assert resolution_spacing((0.0, 0.0), 3) == Spacing()


def test_z_alone_unknown_is_said(tmp_path):
    stack = written(tmp_path, imagej=True, resolution=(4, 4), metadata={"axes": "TZYX", "unit": "um"})
    assert stack.spacing.known
    assert [s for s in stack.assumptions if "along z" in s]
    assert not stack.with_spacing(Spacing(1, 1, 1)).assumptions


def test_imagej_labels_name_channels(tmp_path):
    labels = [f"{name}\nmore" for _ in range(3) for name in ("DNA", "Actin")]
    stack = written(tmp_path, pixels=PIXELS.swapaxes(0, 1), imagej=True, metadata={"axes": "ZCYX", "Labels": labels})
    assert stack.channels == ("DNA", "Actin")


@pytest.mark.parametrize(
    ("labels", "count"),
    [(["a", "b", "c", "d"], 2), (["file.tif"], 1), (["a", ""], 2), (["a", "a"], 2), ([], 2)],
)
def test_labels_that_name_slices_are_no_channel_names(labels, count):
    assert imagej_channels(labels, count) == ()


def test_names_are_made_distinct(tmp_path):
    stack = written(tmp_path, ome=True, metadata={"axes": "CZYX", "Channel": {"Name": ["DNA", "DNA"]}})
    assert stack.channels == ("DNA", "DNA (2)")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [("0.5", "µm", 0.5), ("0.5", "μm", 0.5), (5, "Âµm", 5), (2, "microns", 2), (1, "micrometre", 1), (1e-6, "m", 1.0),
     ("0,5", "?m", 0.5), ("0.5", "Î¼m", 0.5), ("0.5", "&#181;m", 0.5), ("1,000.5", "um", None),
     (None, "um", None), ("x", "um", None), (0, "um", None), (-1, "um", None), (float("nan"), "um", None)],
)  # fmt: skip
def test_lengths(value, unit, expected):
    assert micrometres(value, unit) == pytest.approx(expected)


def test_what_other_programs_write():
    summary = {"PixelSize_um": 0.65, "z-step_um": 2, "ChNames": ["DAPI", "GFP"]}
    assert from_micromanager(summary).spacing == Spacing(2.0, 0.65, 0.65)
    assert from_micromanager(summary).channels == ("DAPI", "GFP")
    lsm = {"VoxelSizeX": 1e-7, "VoxelSizeY": 2e-7, "VoxelSizeZ": 1e-6, "ChannelColors": {"ColorNames": ["Ch1"]}}
    assert from_lsm(lsm).spacing.x == pytest.approx(0.1)
    assert from_lsm(lsm).channels == ("Ch1",)
    stk = {"XCalibration": 0.3, "YCalibration": 0.3, "CalibrationUnits": "um", "ZDistance": np.array([0.0, 1.5])}
    assert from_stk(stk).spacing == Spacing(1.5, 0.3, 0.3)
    plane = {"spatial-calibration-state": False, "spatial-calibration-x": 1, "spatial-calibration-units": "um"}
    assert from_metamorph(plane).spacing == Spacing()


@pytest.mark.parametrize("declaration", ['<!DOCTYPE OME [<!ENTITY a "aaaa">]>', '<!ENTITY a "aaaa">'])
def test_xml_entities_are_refused(tmp_path, declaration):
    xml = f"<?xml version='1.0'?>{declaration}<OME><Image><Pixels/></Image></OME>"
    with pytest.raises(ImageReadError, match=r"image.tif.*XML entities"):
        written(tmp_path, description=xml, metadata=None)


def test_ome_that_is_no_xml_leaves_the_pixels(tmp_path):
    stack = written(tmp_path, description="<OME", metadata=None)
    assert stack.shape.z == 6


@pytest.mark.parametrize(
    ("zunit", "expected"), [("nm", 0.2), ("um", 200), ("mm", 200_000), (None, 200), ("pixel", None)]
)
def test_imagej_z_has_a_unit_of_its_own(tmp_path, zunit, expected):
    step = -200.0 if zunit == "nm" else 200.0  # ImageJ's of a stack that was turned over
    metadata = {"axes": "ZYX", "unit": "um", "spacing": step} | ({"zunit": zunit} if zunit else {})
    stack = written(tmp_path, pixels=PIXELS[0], imagej=True, resolution=(2, 2), metadata=metadata)
    assert (stack.spacing.y, stack.spacing.x) == (0.5, 0.5)
    assert stack.spacing.z == pytest.approx(expected)


def test_imagej_y_has_a_unit_of_its_own(tmp_path):
    metadata = {"axes": "ZYX", "unit": "um", "yunit": "nm"}
    stack = written(tmp_path, pixels=PIXELS[0], imagej=True, resolution=(2, 0.002), metadata=metadata)
    assert (stack.spacing.y, stack.spacing.x) == (pytest.approx(0.5), 0.5)


@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER"])
@pytest.mark.parametrize("dpi", [72, 75, 96, 150, 254, 300, 600, 800, 1000, 1016, 1200, 2400, 3600, 4800])
def test_no_printing_resolution_is_a_pixel_size(tmp_path, dpi, unit):
    per = dpi if unit == "INCH" else dpi / 2.54
    stack = written(tmp_path, pixels=PIXELS[0, 0], resolution=(per, per), resolutionunit=unit, metadata=None)
    assert stack.spacing == Spacing()


@pytest.mark.parametrize("dpi", [72, 300, 600])
def test_printing_resolutions_that_a_converter_copied_into_ome_are_told(tmp_path, dpi):
    sizes = {f"PhysicalSize{axis}": 25_400 / dpi for axis in "XY"}
    stack = written(tmp_path, pixels=PIXELS[0, 0], ome=True, metadata={"axes": "YX", **sizes})
    assert stack.spacing == Spacing()
    assert any(f"{dpi} dpi" in remark for remark in stack.remarks)


def test_an_aperio_slide_says_its_pixel_size_in_words(tmp_path):
    said = "Aperio Image Library v11.2.1\r\n64x64 (240x240) J2K/YUV16 Q=70|AppMag = 20|MPP = 0.4990|ScanScope ID = X"
    path = tmp_path / "slide.svs"
    tifffile.imwrite(
        path, np.zeros((64, 64, 3), np.uint8), tile=(16, 16), photometric="rgb", description=said, metadata=None
    )
    assert open_source(path).read().spacing == Spacing(None, 0.499, 0.499)


def olympus_sis(folder, exponent, size):
    """Write a TIFF with the structure of tag 33560 as tifffile documents it."""
    path = folder / "sis.tif"
    block = struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 0, 120, b"made", 1)
    at = 4096
    block += struct.pack("<hhI", 1, 1, at + len(block) + 8)
    block += struct.pack("<10xhdd8xd2x34s32s", exponent, size, size, 20.0, b"camera", b"")
    tag = (33560, 1, len(block), block, True)
    tifffile.imwrite(path, PIXELS[0, 0], extratags=[tag], metadata=None, resolution=(72, 72), resolutionunit="INCH")
    with tifffile.TiffFile(path) as tif:
        begin = tif.pages.first.tags[33560].valueoffset
    raw = bytearray(path.read_bytes())
    struct.pack_into("<I", raw, begin + 60 + 4, begin + 60 + 8)
    path.write_bytes(raw)
    return path


def test_olympus_sis_is_in_metres(tmp_path):
    spacing = open_source(olympus_sis(tmp_path, -6, 0.322)).read().spacing
    assert (spacing.y, spacing.x) == (pytest.approx(0.322), pytest.approx(0.322))


IJ_FILM = {"axes": "ZYX", "finterval": 60.0}


@pytest.mark.parametrize(
    ("metadata", "asked"),
    [
        (IJ_FILM, True),
        (IJ_FILM | {"spacing": 1.0, "unit": "pixel"}, True),
        (IJ_FILM | {"spacing": 0.5, "unit": "um"}, False),
        (IJ_FILM | {"finterval": 0.0}, False),
        (IJ_FILM | {"axes": "TYX"}, False),
        ({"axes": "ZYX", "fps": 7.0}, False),  # the speed of a film on the screen
    ],
)
def test_slices_that_may_be_frames_are_questioned(tmp_path, metadata, asked):
    stack = written(tmp_path, pixels=PIXELS[0], imagej=True, metadata=metadata, resolution=(2, 2))
    assert [60.0 if "60 s" in q else 0 for q in stack.warnings] == ([60.0] if asked else [])
    assert asked <= ("TYX" in "".join(stack.warnings))
    as_film = open_source(tmp_path / "image.tif", axes="TYX").read()
    assert (as_film.shape.t, as_film.warnings) == (3, ())


@pytest.mark.parametrize(("increment", "step", "asked"), [(5, None, True), (None, None, False), (5, 0.5, False)])
def test_ome_slices_that_may_be_frames_are_questioned(tmp_path, increment, step, asked):
    said = {"TimeIncrement": increment, "PhysicalSizeZ": step}
    metadata = {"axes": "ZYX"} | {key: value for key, value in said.items() if value is not None}
    stack = written(tmp_path, pixels=PIXELS[0], ome=True, metadata=metadata)
    assert bool(stack.warnings) == asked


@pytest.mark.parametrize(
    ("how", "metadata", "expected"),
    [
        ("imagej", {"finterval": 5.0}, 5),
        ("imagej", {"finterval": 5.0, "tunit": "min"}, 300),
        ("imagej", {"finterval": 5.0, "tunit": "furlong"}, None),
        ("ome", {"TimeIncrement": 0.5, "TimeIncrementUnit": "d"}, 43_200),
        ("ome", {"Plane": {"DeltaT": [0, 90_500, 180_000], "DeltaTUnit": ["ms"] * 3}}, 90),
    ],
)
def test_time_between_frames_is_in_seconds(tmp_path, how, metadata, expected):
    stack = written(tmp_path, pixels=PIXELS[0], metadata={"axes": "TYX"} | metadata, **{how: True})
    assert stack.interval_s == expected


def test_time_stamps_that_go_back_are_told(tmp_path):
    stamps = {"DeltaT": [0, 90, 60], "DeltaTUnit": ["s"] * 3}
    stack = written(tmp_path, pixels=PIXELS[0], ome=True, metadata={"axes": "TYX", "Plane": stamps})
    assert stack.interval_s == 30
    assert "go back at frame 3" in stack.warnings[0]
    assert from_lsm({"DimensionTime": 3, "TimeStamps": np.array([4.0, 64.0, 124.0])}).warnings == ()


def test_time_between_frames_of_instruments():
    assert from_lsm({"DimensionTime": 3, "TimeStamps": np.array([4.0, 64.0, 125.0])}).interval_s == 60.5
    assert from_lsm({"DimensionTime": 1, "TimeStamps": np.array([4.0])}).interval_s is None
    created = {"DatetimeCreated": np.array(["2026-01-01T23:59:50", "2026-01-02T00:00:20"], "datetime64[ns]")}
    assert from_stk({"ZDistance": np.array([0.0, 0.0])} | created).interval_s == 30
    assert from_stk({"ZDistance": np.array([2.0, 2.0])} | created).interval_s is None
    assert from_micromanager({"Frames": 5, "Slices": 3, "z-step_um": 0.5, "Interval_ms": 2500}).interval_s == 2.5


def test_ome_hints(tmp_path):
    channel = {"Name": ["a", "b"], "Fluor": ["Alexa 488", "Hoechst 33342"], "ExcitationWavelength": [488, 405]}
    stack = written(tmp_path, ome=True, metadata={"axes": "CZYX", "Channel": channel})
    assert [hint.split() for hint in stack.hints] == [["Alexa", "488", "488"], ["Hoechst", "33342", "405"]]


@pytest.mark.parametrize(
    ("axes", "scales", "units", "sizes", "expected"),
    [
        ("X,Y,Z", "0.1,0.2,0.5", "um,um,um", "images=3\nslices=3", (0.5, 0.2, 0.1, None)),
        ("X,Y,Channel,Time", "100.0,100.0,1.0,2.0", "nm,nm,null,min", "images=6\nchannels=2\nframes=3",
         (None, 0.1, 0.1, 120.0)),
    ],
)  # fmt: skip
def test_scifio_lists_a_scale_for_each_axis_and_puts_1_into_the_tags(tmp_path, axes, scales, units, sizes, expected):
    planes = int(sizes.split("=")[1].split()[0])
    said = f"SCIFIO=0.43.0\naxes={axes}\nscales={scales}\nunits={units}\n{sizes}\nhyperstack=true\nunit=um\n"
    pixels = np.zeros((planes, 20, 20), np.uint16)
    tifffile.imwrite(
        tmp_path / "s.tif", pixels, photometric="minisblack", description=said, metadata=None,
        resolution=(1, 1), resolutionunit="NONE",
    )  # fmt: skip
    stack = open_source(tmp_path / "s.tif").read()
    spacing = stack.spacing
    assert (spacing.z, spacing.y, spacing.x, stack.interval_s) == pytest.approx(expected)
    assert not any("exactly 1 µm" in said for said in stack.warnings)


@pytest.mark.parametrize(
    ("line", "times"),
    [
        ("46000x32914 [0,0 46000x32914] (256x256) JPEG/RGB Q=30", 1),
        ("46000x32914 [0,0 46000x32914] (256x256) -> 11500x8228 JPEG/RGB Q=30", 4),
        ("46000x32914 [100,90 800x800] (256x256) -> 200x200 JPEG/RGB Q=30", 4),
        ("46000x32914 -> 1000x715 - ", 46),
    ],
)
def test_a_pixel_of_a_slide_that_was_saved_smaller_is_as_many_times_as_large(tmp_path, line, times):
    said = f"Aperio Image Library v11.2.1\n{line}|AppMag = 20|MPP = 0.4990|Filename = a"
    pixels = np.zeros((64, 64, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.svs", pixels, photometric="rgb", description=said, metadata=None, tile=(64, 64))
    stack = open_source(tmp_path / "a.svs").read()
    assert stack.spacing.x == pytest.approx(0.499 * times, rel=1e-4)
    assert any("saved smaller than it was scanned" in told for told in stack.remarks) == (times > 1)


def test_micromanager_says_the_size_of_a_pixel_of_single_planes_in_a_tag(tmp_path):
    said = json.dumps({"PixelSizeUm": 0.325, "Channel": "DAPI", "ZPositionUm": 3.0})
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 20), np.uint16), metadata=None, extratags=[(51123, 2, 0, said)])
    stack = open_source(tmp_path / "a.tif").read()
    assert (stack.spacing.y, stack.spacing.x, stack.channels) == (0.325, 0.325, ("DAPI",))
