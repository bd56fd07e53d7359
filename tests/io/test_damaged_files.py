"""Files that are cut, altered or lie: only a `CellvinoError` or a valid stack may come of them."""

import math
import struct
import sys
import time

import numpy as np
import psutil
import pytest
import tifffile

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.io import open_source

RNG = np.random.default_rng(11)
PIXELS = RNG.integers(0, 4000, (5, 40, 48)).astype(np.uint16)
KINDS = {
    "bare": {"metadata": None},
    "shaped": {},
    "imagej": {"imagej": True},
    "ome zstd": {"ome": True, "compression": "zstd"},
    "lzw tiles": {"compression": "lzw", "tile": (16, 16)},
    "deflate": {"compression": "zlib", "predictor": True, "metadata": None},
}


def written(folder, **how):
    path = folder / "image.tif"
    tifffile.imwrite(path, how.pop("pixels", PIXELS), photometric=how.pop("photometric", "minisblack"), **how)
    return path


def planes_of(stack):
    return [stack.plane(z=z, c=c) for z in range(min(stack.shape.z, 6)) for c in range(min(stack.shape.c, 6))]


def survives(path):
    """Return whether a stack came of the file; fail on anything but a stack or a CellvinoError, and on dawdling."""
    started = time.monotonic()
    try:
        stack = open_source(path).read()
        for plane in planes_of(stack):
            assert (plane.shape, plane.dtype) == (stack.shape[-2:], stack.dtype)
    except CellvinoError:
        return False
    finally:
        assert time.monotonic() - started < 5
    return True


@pytest.mark.parametrize("how", KINDS.values(), ids=KINDS)
def test_cut_anywhere(tmp_path, how):
    whole = written(tmp_path, **how).read_bytes()
    path = tmp_path / "cut.tif"
    for end in np.linspace(0, len(whole) - 24, 60).astype(int):
        path.write_bytes(whole[:end])
        if survives(path):
            np.testing.assert_array_equal(planes_of(open_source(path).read()), PIXELS)


@pytest.mark.parametrize("how", [{"imagej": True}, {}, {"bigtiff": True}], ids=["imagej", "shaped", "bigtiff"])
def test_the_planes_that_a_cut_file_has_are_read(tmp_path, how):
    path = written(tmp_path, metadata={"axes": "TYX"}, **how)
    with tifffile.TiffFile(path) as tif:
        begin = tif.pages.first.dataoffsets[0]
    path.write_bytes(path.read_bytes()[: begin + 3 * PIXELS[0].nbytes + 100])
    stack = open_source(path).read()
    assert stack.shape.t == 5
    assert "the file is cut short: 3 of its 5 planes are there" in str(stack.warnings)
    np.testing.assert_array_equal([stack.plane(t=number) for number in range(3)], PIXELS[:3])
    with pytest.raises(ImageReadError, match="cut short"):
        stack.plane(t=3)


@pytest.mark.parametrize("how", KINDS.values(), ids=KINDS)
def test_bytes_flipped_anywhere(tmp_path, how):
    whole = written(tmp_path, **how).read_bytes()
    path = tmp_path / "flipped.tif"
    rng = np.random.default_rng(3)
    outcomes = set()
    for n in range(200):
        data = np.frombuffer(whole, np.uint8).copy()
        within = 500 if n % 2 else len(data)
        data[rng.integers(0, within, 4)] = rng.integers(0, 256, 4)
        path.write_bytes(data.tobytes())
        outcomes.add(survives(path))
    assert outcomes == {True, False}


def test_a_page_cut_short_fails_where_it_is_read(tmp_path):
    path = written(tmp_path, pixels=PIXELS[0], metadata=None)
    path.write_bytes(path.read_bytes()[:-1000])
    stack = open_source(path).read()
    with pytest.raises(ImageReadError, match=r"image.tif.*cut short.*byte \d+"):
        stack.plane()


@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}, {"imagej": True}, {"ome": True}])
def test_a_file_cut_after_it_was_opened(tmp_path, how):
    path = written(tmp_path, **how)
    stack = open_source(path).read()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ImageReadError, match="cut short"):
        stack.plane(z=stack.shape.z - 1, c=stack.shape.c - 1, t=stack.shape.t - 1)


def test_a_list_of_pages_that_breaks_off_is_refused(tmp_path):
    path = written(tmp_path, metadata=None, compression="zlib")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageReadError, match="page 3"):
        open_source(path)


@pytest.mark.parametrize("offset", [9, 5_000, 2**31])
def test_a_directory_beyond_the_end(tmp_path, offset):
    path = tmp_path / "image.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", offset) + bytes(20))
    with pytest.raises(ImageReadError, match=r"image.tif (is cut short|is damaged|holds no image)"):
        open_source(path)


def relabelled(path, **tags):
    """Overwrite numbers in the first directory."""
    with tifffile.TiffFile(path, mode="r+b") as tif:
        for name, value in tags.items():
            tif.pages.first.tags[name].overwrite(value)
    return path


@pytest.mark.parametrize("compression", [None, "zlib", "zstd", "jpeg"])
def test_a_header_that_claims_ten_terabytes(tmp_path, compression):
    pixels = PIXELS[0].astype(np.uint8)
    path = written(tmp_path, pixels=pixels, metadata=None, compression=compression, rowsperstrip=40)
    relabelled(path, ImageWidth=3_000_000, ImageLength=3_500_000, RowsPerStrip=3_500_000)
    stack = open_source(path).read()
    started = time.monotonic()
    with pytest.raises(ImageReadError, match=r"cut short|damaged|one plane takes"):
        stack.plane()
    assert time.monotonic() - started < 2


def test_strips_that_are_missing(tmp_path):
    path = written(tmp_path, pixels=PIXELS[0], metadata=None, compression="zlib", rowsperstrip=40)
    stack = open_source(relabelled(path, ImageLength=80)).read()
    with pytest.raises(ImageReadError, match="page 1.*1 of 2"):
        stack.plane()


@pytest.mark.skipif(sys.platform != "linux", reason="needs sparse files")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_plane_larger_than_memory(tmp_path, compression):
    side = math.isqrt(2 * psutil.virtual_memory().total)
    stored = side**2 if compression is None else side**2 // 1000
    pixels = PIXELS[0].astype(np.uint8)
    path = written(tmp_path, pixels=pixels, metadata=None, compression=compression, rowsperstrip=40, bigtiff=True)
    relabelled(path, ImageWidth=side, ImageLength=side, RowsPerStrip=side, StripByteCounts=stored)
    with path.open("r+b") as file:
        file.truncate(stored + 1000)
    stack = open_source(path).read()
    with pytest.raises(ImageReadError, match=r"one plane takes .* GB, but .* GB of memory are free"):
        stack.plane()


@pytest.mark.parametrize(("compression", "tag"), [("zlib", "StripByteCounts"), (None, "StripOffsets")])
def test_pages_never_written(tmp_path, compression, tag):
    path = written(tmp_path, pixels=PIXELS[0], metadata=None, compression=compression, rowsperstrip=40)
    stack = open_source(relabelled(path, **{tag: 0})).read()
    with pytest.raises(ImageReadError, match="no pixels"):
        stack.plane()


@pytest.mark.parametrize("tag", ["ImageWidth", "ImageLength"])
def test_no_pixels(tmp_path, tag):
    path = relabelled(written(tmp_path, pixels=PIXELS[0], metadata=None), **{tag: 0})
    with pytest.raises((ImageReadError, ImageValueError), match=r"has no pixels|holds no image"):
        open_source(path)


def test_an_imagej_stack_of_which_pages_are_missing(tmp_path):
    path = written(tmp_path, pixels=PIXELS[:2], description="ImageJ=1.53t\nimages=5\nslices=5\n", metadata=None)
    with pytest.raises(ImageReadError, match="ImageJ.* 5 planes"):
        open_source(path)
