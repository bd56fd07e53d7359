"""Real files of instruments with facts known from elsewhere, and files that the tests write themselves."""

import re
import shutil
import struct
import sys
import zipfile

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from instrument_files import assert_holds, imaris, lif, lsm, micromanager, stk

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.io import instrument, list_images, open_source
from napari_cellvino.io.czi_times import czi_times


@pytest.fixture(scope="session")
def instruments(shared_data, tmp_path_factory):
    """The shared files of instruments."""
    folder = tmp_path_factory.mktemp("instruments")
    with zipfile.ZipFile(shared_data / "instrument_files" / "instrument_files.zip") as archive:
        archive.extractall(folder)
    return folder


FACTS = {  # (t, c, z, y, x), µm along z, y, x, channels of the first position, positions
    "czi/DAPI_GFP.czi": ((1, 2, 1, 640, 640), (None, None, None), ("DAPI", "GFP"), 1),
    "czi/CellDivision_T3_Z5_CH2_X240_Y170.czi": (
        (3, 2, 5, 170, 240), (0.32, 0.0905766741522, 0.0905766741522), ("LED555", "LED470"), 1
    ),
    "czi/CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD.czi": (
        (3, 1, 6, 200, 300), (0.32, 0.0905766741522, 0.0905766741522), ("LED555",), 1
    ),
    "czi/S3_1Pos_2Mosaic_T2_Z3_CH2_sm.czi": ((2, 2, 3, 122, 295), (1.0, 1.6, 1.6), ("DAPI", "EGFP"), 3),
    "czi/WellD6-7_S2.czi": ((1, 1, 1, 440, 544), (None, 0.1, 0.1), ("AF488",), 2),
    "nd2/arcadia/example-multichannel.nd2": (
        (1, 4, 1, 256, 256), (None, 0.323390342594048, 0.323390342594048), ("Mono", "DAPI", "FITC BP", "TRITC BP"), 1
    ),
    "nd2/arcadia/example-timelapse.nd2": ((53, 1, 1, 64, 64), (None, 0.325, 0.325), ("GFP 488 nm",), 1),
    "nd2/arcadia/example-zstack.nd2": (
        (1, 1, 11, 128, 128), (6.0, 0.323390342594048, 0.323390342594048), ("FITC BP",), 1
    ),
    "nd2/pims_cluster.nd2": (
        (3, 2, 10, 31, 38), (0.5, 0.167808983232, 0.167808983232), ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS"), 1
    ),
    "oib/test.oib": ((1, 3, 1, 256, 256), (None, 0.177, 0.177), ("CH1", "Alexa Fluor 546", "TD1"), 1),
    "ndtiff/v2/ndtiffv2.0_test/Full resolution/ndtiffv2.0_test_NDTiffStack.tif": (
        (5, 2, 1, 32, 32), (None, 1.0, 1.0), ("DAPI", "FITC"), 1
    ),
    "ndtiff/v3/12_bit_pycromanager_mda/12_bit_pycromanager_mda_NDTiffStack.tif": (
        (4, 2, 1, 64, 64), (None, 1.0, 1.0), ("DAPI", "FITC"), 1
    ),
    "svs/CMU-1-Small-Region.svs": ((1, 3, 1, 2967, 2220), (None, 0.499, 0.499), ("Red", "Green", "Blue"), 1),
}  # fmt: skip


INTERVALS = {  # in s; what has none is a field or has no times
    "czi/CellDivision_T3_Z5_CH2_X240_Y170.czi": 60.075, "czi/S3_1Pos_2Mosaic_T2_Z3_CH2_sm.czi": 33.412,
    "czi/CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD.czi": 60.0755, "nd2/arcadia/example-timelapse.nd2": 0.50016,
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_known_facts(instruments, name):
    shape, spacing, channels, positions = FACTS[name]
    source = open_source(instruments / name)
    stack = source.read()
    assert tuple(stack.shape) == shape
    assert stack.channels == channels
    for found, known in zip((stack.spacing.z, stack.spacing.y, stack.spacing.x), spacing, strict=True):
        assert found == (None if known is None else pytest.approx(known, rel=1e-6))
    assert len(source.positions) == positions
    assert stack.interval_s == (pytest.approx(INTERVALS[name], rel=1e-5) if name in INTERVALS else None)
    last = stack.plane(t=shape[0] - 1, c=shape[1] - 1, z=shape[2] - 1)
    assert last.shape == shape[3:]
    assert last.dtype == stack.dtype
    with pytest.raises(ImageValueError):
        stack.plane(c=shape[1])


def test_planes_are_those_of_the_libraries(instruments):
    import nd2
    import oiffile

    path = instruments / "nd2" / "pims_cluster.nd2"
    stack, known = open_source(path).read(), nd2.imread(path)
    assert all(
        (stack.plane(t=t, c=c, z=z) == known[t, z, c]).all() for t in range(3) for c in range(2) for z in range(10)
    )
    path = instruments / "oib" / "test.oib"
    stack, known = open_source(path).read(), oiffile.imread(str(path))
    assert all((stack.plane(c=c) == known[c]).all() for c in range(3))


def test_frames_that_an_nd2_lacks_are_not_black(instruments, tmp_path):
    raw = (instruments / "nd2/arcadia/example-timelapse.nd2").read_bytes()
    place = raw.rindex(b"ImageDataSeq|52!")  # where the directory lists the last frame
    (tmp_path / "a.nd2").write_bytes(raw[:place] + b"ImageDataSex" + raw[place + 12 :])
    stack = open_source(tmp_path / "a.nd2").read()
    assert stack.warnings == ("1 of 53 frames are not in the file: what needs them fails",)
    assert stack.plane(t=51).max() > 0
    with pytest.raises(ImageReadError, match="does not hold time 53, plane 1: was its acquisition stopped"):
        stack.plane(t=52)


def test_wells_of_a_czi(instruments):
    source = open_source(instruments / "czi" / "WellD6-7_S2.czi")
    assert [(p.well, p.plate) for p in source.positions] == [("D6", "WellD6-7_S2"), ("D7", "WellD6-7_S2")]
    assert source.read(source.positions[1]).origin.well == "D7"


def test_positions_of_ndtiff_have_their_names(instruments):
    source = open_source(instruments / "ndtiff/v3/labeled_positions_1/labeled_positions_NDTiffStack.tif")
    assert [position.name for position in source.positions] == ["Pos2", "Pos0", "Pos1"]


def test_tiles_of_ndtiff_that_overlap_are_said(instruments):
    folder = instruments / "ndtiff/v2/ndtiffv2.0_stitched_test/Full resolution"
    source = open_source(folder / "ndtiffv2.0_stitched_test_NDTiffStack.tif")
    assert [position.name for position in source.positions][1] == "column 0 row 1"
    assert "4 tiles of one area, which overlap by 4 px" in source.read().warnings[0]


def test_a_set_of_two_ndtiff_files_whose_planes_name_their_one_position_is_one_image(instruments, tmp_path):
    name = "12_bit_pycromanager_mda_NDTiffStack{}.tif"
    folder = instruments / "ndtiff/v3/12_bit_pycromanager_mda"
    for number in ("", "_1"):
        shutil.copy(folder / name.format(""), tmp_path / name.format(number))
    index, written, done = (folder / "NDTiff.index").read_bytes(), b"", 0
    while done < len(index):  # a length and the axes, a length and the file, where it lies
        axes = index[done + 4 : done + 4 + int.from_bytes(index[done : done + 4], "little")]
        done += 4 + len(axes)
        axes = axes[:-1] + b', "position": 0}'
        place = done + 4 + int.from_bytes(index[done : done + 4], "little")
        file = name.format("_1" if written.count(b"{") > 3 else "").encode()
        written += struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(file)) + file + index[place : place + 32]
        done = place + 32
    (tmp_path / "NDTiff.index").write_bytes(written)
    for number in ("", "_1"):
        source = open_source(tmp_path / name.format(number))
        assert {part.name for part in source.parts} == {name.format(""), name.format("_1")}
        np.testing.assert_array_equal(
            source.read().plane(t=3, c=1), open_source(folder / name.format("")).read().plane(t=3, c=1)
        )


def test_raw_phases_are_no_image(instruments):
    with pytest.raises(ImageReadError, match="32 raw phases"):
        open_source(instruments / "czi" / "LSM880_AiryScan.czi")


def test_views_of_a_czi_are_not_passed_over(tmp_path, monkeypatch):
    """As of a light sheet; pylibCZIrw writes none."""
    library = pytest.importorskip("pylibCZIrw.czi")
    with library.create_czi(str(tmp_path / "a.czi")) as file:
        file.write(data=np.ones((8, 8, 1), np.uint16), plane={"Z": 0, "C": 0, "T": 0})
    monkeypatch.setattr("napari_cellvino.io.czi._extent", lambda file, axis: 2 if axis == "V" else 1)
    with pytest.raises(ImageReadError, match="2 views of each plane"):
        open_source(tmp_path / "a.czi")


def czi(path, planes):
    """Write planes (t, c, z) that are filled with 100 t + 10 c + z, each of a scene."""
    library = pytest.importorskip("pylibCZIrw.czi")
    with library.create_czi(str(path)) as file:
        for scene, t, c, z in planes:
            pixels = np.full((8, 9, 1), 100 * t + 10 * c + z, np.uint16)
            file.write(data=pixels, plane={"T": t, "C": c, "Z": z}, scene=scene, location=(scene * 20, 0))


def test_a_czi_whose_acquisition_was_stopped_has_no_black_planes(tmp_path):
    czi(tmp_path / "a.czi", [(0, t, c, z) for t, c, z in np.ndindex(2, 2, 2) if (t, c, z) != (1, 1, 1)])
    stack = open_source(tmp_path / "a.czi").read()
    assert stack.warnings == ("1 of 8 planes are not in the file: what needs them fails",)
    assert (stack.plane(t=1, c=1, z=0) == 110).all()
    with pytest.raises(ImageReadError, match="a.czi does not hold time 2, channel 2, plane 2: was its acquisition"):
        stack.plane(t=1, c=1, z=1)


def test_a_czi_cut_out_of_another_begins_where_it_begins_and_scenes_have_their_own_planes(tmp_path):
    planes = [(0, t, c, z) for t in (3, 4) for c in (1, 2) for z in (5, 6, 7)]
    czi(tmp_path / "a.czi", [*planes, *((1, t, c, 5) for t in (3, 4) for c in (1, 2))])
    source = open_source(tmp_path / "a.czi")
    stack, flat = (source.read(position) for position in source.positions)
    assert [int(stack.plane(t=t, c=c, z=z)[0, 0]) for t, c, z in np.ndindex(2, 2, 3)] == [
        100 * t + 10 * c + z for _, t, c, z in planes
    ]
    assert tuple(flat.shape) == (2, 2, 1, 8, 9)
    assert (flat.plane(t=1, c=1) == 425).all()
    assert (stack.warnings, flat.warnings) == ((), ())


@pytest.mark.parametrize(
    ("name", "times", "said"),
    [
        ("nd2/arcadia/example-timelapse.nd2", lambda t: 1000 * t, (4.5, "go back at frame 11")),
        ("nd2/arcadia/example-timelapse.nd2", lambda t: 1000 * t, (None, "stand still at frame 11")),
        ("czi/CellDivision_T3_Z5_CH2_X240_Y170.czi", lambda t: t, (0.5, "go back at frame 2")),
        ("czi/CellDivision_T3_Z5_CH2_X240_Y170.czi", lambda t: t, (None, "stand still at frame 2")),
    ],
)
def test_times_of_real_files_that_go_back_are_told(instruments, tmp_path, name, times, said):
    """The clock of one frame in a real file is set back, or to that of the frame before (None)."""
    import nd2

    path, at = instruments / name, 10 if name.endswith("nd2") else 1
    assert not any("time stamps" in warning for warning in open_source(path).read().warnings)
    if at == 10:
        with nd2.ND2File(path) as file:
            known = [row["Time [s]"] for row in file.events(orient="records")]
    else:
        known = czi_times(path)
    changed = known[at - 1] if said[0] is None else said[0]
    old, new = (struct.pack("<d", times(value)) for value in (known[at], changed))
    raw = path.read_bytes()
    assert raw.count(old) >= 1
    (tmp_path / path.name).write_bytes(raw.replace(old, new))
    stack = open_source(tmp_path / path.name).read()
    assert any(said[1] in warning for warning in stack.warnings)
    np.testing.assert_array_equal(stack.plane(t=at), open_source(path).read().plane(t=at))


def test_the_overview_of_a_vsi_is_not_counted(instruments):
    with pytest.raises(ImageReadError, match=r"_vsi-ets-test-jpg2k_/stack1/frame_t_0.ets"):
        open_source(instruments / "vsi" / "vsi-ets-test-jpg2k.vsi")


@pytest.mark.parametrize("suffix", [".czi", ".nd2", ".lif", ".oib", ".ims", ".dv"])
def test_damaged_files_are_named(tmp_path, suffix):
    magic = {".czi": b"ZISRAWFILE", ".nd2": b"\xda\xce\xbe\x0a", ".lif": b"\x70\0\0\0", ".oib": b"\xd0\xcf\x11\xe0",
             ".ims": b"\x89HDF\r\n\x1a\n", ".dv": bytes(96) + b"\xa0\xc0"}[suffix]  # fmt: skip
    path = tmp_path / f"a{suffix}"
    path.write_bytes(magic + bytes(600))
    with pytest.raises(ImageReadError, match=f"a{suffix}"):
        open_source(path)


@pytest.mark.parametrize("name", ["czi/DAPI_GFP.czi", "nd2/pims_cluster.nd2", "oib/test.oib"])
def test_without_its_library_a_file_is_named_with_what_installs_it(instruments, monkeypatch, name):
    for module in ("pylibCZIrw", "pylibCZIrw.czi", "nd2", "oiffile"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(instrument.MissingLibraryError) as caught:
        open_source(instruments / name)
    assert instrument.INSTALL in str(caught.value)


def deltavision(path, pixels, sequence):
    """Write (T, C, Z, Y, X) of int16 as a DeltaVision file."""
    t, c, z, y, x = pixels.shape
    head = bytearray(1024)
    struct.pack_into("<4i", head, 0, x, y, t * c * z, 6)
    struct.pack_into("<3f", head, 40, 0.25, 0.25, 0.5)
    order = {0: (1, 0, 2, 3, 4), 1: (0, 2, 1, 3, 4), 2: (0, 1, 2, 3, 4)}[sequence]
    when = np.broadcast_to(90.5 * np.arange(t)[:, None, None], (t, c, z)).transpose(order[:3]).ravel()
    sections = [struct.pack("<if2f", 7, 0.0, time, 0.0) for time in when]  # a number, and more of which one is the time
    struct.pack_into("<i", head, 92, 16 * t * c * z)
    struct.pack_into("<H", head, 96, 0xC0A0)
    struct.pack_into("<2h", head, 128, 1, 3)
    struct.pack_into("<2h", head, 180, t, sequence)
    struct.pack_into("<6h", head, 196, c, 457, 528, 0, 0, 0)
    path.write_bytes(bytes(head) + b"".join(sections) + pixels.transpose(order).tobytes())


@pytest.mark.parametrize("sequence", [0, 1, 2])
def test_deltavision(tmp_path, sequence):
    pixels = np.arange(3 * 2 * 4 * 5 * 6, dtype=np.uint16).reshape(3, 2, 4, 5, 6)
    deltavision(tmp_path / "a.dv", pixels, sequence)
    stack = open_source(tmp_path / "a.dv").read()
    assert_holds(stack, pixels, (0.5, 0.25, 0.25))
    assert stack.channels == ("457 nm", "528 nm")
    assert stack.interval_s == 90.5
    (tmp_path / "a.dv").write_bytes((tmp_path / "a.dv").read_bytes()[:-10])
    with pytest.raises(ImageReadError, match="cut short"):
        open_source(tmp_path / "a.dv")


def test_imaris(tmp_path):
    pixels = np.arange(2 * 2 * 3 * 5 * 6, dtype=np.uint16).reshape(2, 2, 3, 5, 6)
    imaris(tmp_path / "a.ims", pixels, times=("2026-01-01 10:00:00.000", "2026-01-01 10:01:30.500"))
    stack = open_source(tmp_path / "a.ims").read()
    assert_holds(stack, pixels)
    assert stack.interval_s == 90.5
    assert stack.channels == ("Ch 0", "Ch 1")
    del stack  # closes the file
    with h5py.File(tmp_path / "a.ims", "a") as file:
        level = file["DataSet/ResolutionLevel 0/TimePoint 1/Channel 0"]
        del level["Data"]
        level.create_dataset("Data", (4, 8, 8), np.uint16, chunks=(1, 8, 8))
    with pytest.raises(ImageReadError, match="has no pixels of time 2, channel 1"):
        open_source(tmp_path / "a.ims").read().plane(t=1)


@pytest.mark.parametrize(
    ("form", "unit", "factor", "top", "first"),
    [(2, "micrometer", 1, 1, "c"), (3, "nanometer", 1000, 1, "t"), (2, "micrometer", 1, 0.5, "c")],
)
def test_ome_zarr_images(tmp_path, form, unit, factor, top, first):
    pixels = np.arange(2 * 5 * 6, dtype=np.uint16).reshape(2, 1, 5, 6)
    path = tmp_path / "a.ome.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=form)
    group.create_array("0", data=pixels, chunks=(1, 1, 5, 6))
    before = {"name": "t", "type": "time", "unit": "minute"} if first == "t" else {"name": "c", "type": "channel"}
    axes = [before, *({"name": a, "type": "space", "unit": unit} for a in "zyx")]
    scale = [1.5, 2.0 * factor, 0.325 * factor / top, 0.325 * factor / top]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}]
    multiscale = {"name": "x", "axes": axes, "datasets": datasets}
    if top != 1:
        multiscale["coordinateTransformations"] = [{"type": "scale", "scale": [1.0, 1.0, top, top]}]
    if form == 2:
        group.attrs["multiscales"] = [multiscale | {"version": "0.4"}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale]}
    stack = open_source(path).read()
    assert (stack.spacing.y, stack.spacing.x) == (pytest.approx(0.325), pytest.approx(0.325))
    assert stack.spacing.z == pytest.approx(2)
    assert stack.interval_s == (90 if first == "t" else None)
    np.testing.assert_array_equal(stack.plane(**{first: 1}), pixels[1, 0])
    assert list_images(tmp_path) == [path]
    next(one for one in (path / "0" / "c" / "1", path / "0" / "1.0.0.0", path / "0" / "1") if one.exists()).rename(
        tmp_path / "lost"
    )
    stack = open_source(path).read()
    assert stack.warnings[0].startswith("1 of 2 chunks are not stored and read as 0")
    if first == "t":
        with pytest.raises(ImageReadError, match="has no pixels of time 2"):
            stack.plane(t=1)


def test_an_ome_zarr_as_writers_write_it(tmp_path):
    """Levels from the coarsest, channels without a window, a second image in the group, more than ten images."""
    pixels = np.arange(2 * 8 * 6, dtype=np.uint16).reshape(2, 8, 6)
    for number in range(11):
        group = zarr.open_group(tmp_path / "a.zarr" / str(number), mode="w", zarr_format=2)
        group.create_array("fine", data=pixels + number)
        group.create_array("half", data=pixels[:, ::2, ::2])
        axes = [{"name": "c", "type": "channel"}]
        axes += [{"name": a, "type": "space", "unit": "micrometer"} for a in "yx"]
        datasets = [
            {"path": name, "coordinateTransformations": [{"type": "scale", "scale": [1, step, step]}]}
            for name, step in (("half", 0.6), ("fine", 0.3))
        ]
        both = [{"version": "0.4", "axes": axes, "datasets": datasets, "name": name} for name in ("raw", "sharpened")]
        group.attrs["multiscales"] = both
        group.attrs["omero"] = {"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP"}]}
    zarr.open_group(tmp_path / "a.zarr", mode="a", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    source = open_source(tmp_path / "a.zarr")
    stack = source.read(source.positions[10])
    assert (source.positions[10].name, stack.channels) == ("10", ("DAPI", "GFP"))
    assert_holds(stack, pixels[None, :, None] + 10, (None, 0.3, 0.3))
    assert stack.warnings == ("10 holds 2 images: sharpened left out, the first is read",)


def test_lif(tmp_path):
    pixels = np.arange(2 * 3 * 5 * 6, dtype="<u2").reshape(2, 3, 5, 6)
    lif(tmp_path / "a.lif", pixels, ("Green", "Blue"))
    stack = open_source(tmp_path / "a.lif").read()
    assert_holds(stack, pixels[None])
    assert stack.hints == ("Green", "Blue")


def test_series_of_a_lif_that_are_no_image_or_images_again_are_said(tmp_path):
    pixels = np.arange(2 * 3 * 5 * 6, dtype="<u2").reshape(2, 3, 5, 6)
    others = (
        ("Film", (1, 2, 4), (16,)), ("Spectrum", (1, 2, 5), (16,)), ("XZT", (1, 3, 4), (16,)),
        ("Turned", (1, 2, 6), (16,)), ("Bits", (1, 2, 3), (16, 8)), ("Series1_Merged", (1, 2, 3), (16,)),
    )  # fmt: skip
    lif(tmp_path / "a.lif", pixels, ("Green", "Blue"), others)
    source = open_source(tmp_path / "a.lif")
    assert [position.name for position in source.positions] == ["Series1", "Film", "Spectrum", "Series1_Merged"]
    said = " ".join(source.read().warnings)
    for expected in ("XZT is not read: it is a scan along T and Z and X", "Turned is not read: it has a rotation",
                     "Bits is not read: its channels are of different bit", "Series1_Merged is the tiles"):  # fmt: skip
        assert expected in said
    film, spectrum = (source.read(position) for position in source.positions[1:3])
    assert_holds(film, pixels[:1].swapaxes(0, 1)[:, None], (None, 0.5, 0.5))
    assert film.interval_s == 60
    lif(tmp_path / "a.lif", pixels, ("Green", "Blue"), others, times_s=(5, 95.5, 186))
    kept = open_source(tmp_path / "a.lif").read(source.positions[1])
    assert (kept.interval_s, [said for said in kept.warnings if "stamps" in said]) == (90.5, [])
    lif(tmp_path / "a.lif", pixels, ("Green", "Blue"), others, times_s=(5, 95.5, 60))
    assert any(
        "go back at frame 3" in said for said in open_source(tmp_path / "a.lif").read(source.positions[1]).warnings
    )
    assert spectrum.shape.c == 3


def test_stk(tmp_path):
    pixels = np.arange(3 * 5 * 6, dtype=np.uint16).reshape(3, 5, 6)
    stk(tmp_path / "a.stk", pixels)
    assert_holds(open_source(tmp_path / "a.stk").read(), pixels[None, None])


def test_lsm(tmp_path):
    pixels = np.arange(3 * 2 * 5 * 6, dtype=np.uint16).reshape(3, 2, 5, 6)
    lsm(tmp_path / "a.lsm", pixels)
    stack = open_source(tmp_path / "a.lsm").read()
    assert_holds(stack, pixels.swapaxes(0, 1)[None])
    assert stack.channels == ("DAPI", "GFP")
    lsm(tmp_path / "a.lsm", pixels, positions=(3, 0))
    source = open_source(tmp_path / "a.lsm")
    assert_holds(source.read(source.positions[2]), pixels[None, 2, :, None])


def test_positions_of_micromanager_2(tmp_path):
    pixels = np.arange(3 * 2 * 2 * 2 * 5 * 6, dtype="<u2").reshape(3, 2, 2, 2, 5, 6)
    micromanager(tmp_path, pixels, ("Pos0", "Pos1", "B2-Site_0"))
    source = open_source(tmp_path / "a_1_MMStack_Pos1.ome.tif")
    assert [position.name for position in source.positions] == ["Pos0", "Pos1", "B2-Site_0"]
    assert len(source.parts) == 3
    stack = source.read(source.positions[2])
    assert_holds(stack, pixels[2].swapaxes(1, 2))
    assert (stack.channels, stack.interval_s) == (("DAPI", "GFP"), 30)


def test_an_oif_is_what_the_oib_is_that_it_was_made_of(instruments, tmp_path):
    import oiffile

    oiffile.oib2oif(str(instruments / "oib" / "test.oib"), location=str(tmp_path), verbose=0)
    stack = open_source(next(tmp_path.rglob("*.oif"))).read()
    whole = open_source(instruments / "oib" / "test.oib").read()
    assert (stack.shape, stack.spacing, stack.channels) == (whole.shape, whole.spacing, whole.channels)
    np.testing.assert_array_equal(stack.plane(c=2), whole.plane(c=2))


def test_an_oif_over_time_that_was_stopped(instruments, tmp_path):
    import oiffile

    oiffile.oib2oif(str(instruments / "oib" / "test.oib"), location=str(tmp_path), verbose=0)
    path = next(tmp_path.rglob("*.oif"))
    text = path.read_bytes().decode("utf-16").replace('"XYC"', '"XYZT"').replace("AxisCount=3", "AxisCount=4")
    for number, size, end in ((3, 2, -840), (4, 3, 181000)):
        head, title, rest = text.partition(f"[Axis {number} Parameters Common]")
        for key, value in (("MaxSize", size), ("StartPosition", 0), ("EndPosition", end)):
            rest = re.sub(rf"(?m)^{key}=\S+", f"{key}={value}", rest, count=1)
        text = f"{head}{title}{rest}"
    path.write_bytes(text.encode("utf-16"))
    folder = path.with_name(f"{path.name}.files")
    for old in folder.glob("s_C*"):
        old.unlink()
    pixels = np.arange(5 * 256 * 256, dtype="u4").reshape(5, 256, 256).astype("u2")
    for n, plane in enumerate(pixels):
        tifffile.imwrite(folder / f"s_Z{n % 2 + 1:03}T{n // 2 + 1:03}.tif", plane)
    stack = open_source(path).read()
    assert (tuple(stack.shape[:3]), stack.interval_s, stack.spacing.z) == ((3, 1, 2), 90.5, 0.84)
    np.testing.assert_array_equal(stack.plane(t=1, z=1), pixels[3])
    assert stack.warnings == ("1 of 6 planes are not there: what needs them fails",)
    with pytest.raises(ImageReadError, match="does not hold time 3, channel 1, plane 2"):
        stack.plane(t=2, z=1)
