import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io import open_source

RNG = np.random.default_rng(7)


def noise(*shape, dtype="uint16"):
    return RNG.integers(0, 200, shape).astype(dtype)


def written(folder, pixels, **how):
    path = folder / "image.tif"
    tifffile.imwrite(path, pixels, **how)
    return path


def everything(stack):
    """Return all pixels (T, C, Z, Y, X)."""
    t, c, z = (range(n) for n in stack.shape[:3])
    return np.array([[[stack.plane(t=i, c=j, z=k) for k in z] for j in c] for i in t])


CONTAINERS = {
    "classic": {},
    "big": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "bare": {"metadata": None},
    "strips": {"rowsperstrip": 7, "metadata": None},
    "tiles": {"tile": (16, 32)},
    "deflate": {"compression": "zlib", "predictor": True},
    "lzw tiles": {"compression": "lzw", "tile": (16, 16), "metadata": None},
    "zstd": {"compression": "zstd"},
    "ome": {"ome": True, "metadata": {"axes": "ZYX"}},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
}


@pytest.mark.parametrize("how", CONTAINERS.values(), ids=CONTAINERS)
def test_planes_are_those_that_were_written(tmp_path, how):
    pixels = noise(5, 40, 56)
    stack = open_source(written(tmp_path, pixels, photometric="minisblack", **how)).read()
    assert stack.shape == (1, 1, 5, 40, 56)
    assert stack.dtype == np.uint16
    np.testing.assert_array_equal(everything(stack)[0, 0], pixels)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "int32", "uint64", "int64"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_integers_keep_their_type(tmp_path, dtype, byteorder):
    pixels = noise(20, 30, dtype=dtype)
    plane = open_source(written(tmp_path, pixels, byteorder=byteorder)).read().plane()
    assert plane.dtype == np.dtype(dtype)
    assert plane.dtype.isnative
    np.testing.assert_array_equal(plane, pixels)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_pass_with_nan_and_infinity(tmp_path, dtype):
    pixels = noise(20, 30, dtype=dtype)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(open_source(written(tmp_path, pixels)).read().plane(), pixels)


def test_complex_numbers_are_refused(tmp_path):
    path = written(tmp_path, noise(8, 8).astype("complex64"))
    with pytest.raises(ImageValueError, match=r"complex64"):
        open_source(path)


@pytest.mark.parametrize("compression", [None, "packbits"])
def test_one_bit_is_zero_and_one(tmp_path, compression):
    pixels = noise(20, 30) > 100
    stack = open_source(written(tmp_path, pixels, photometric="minisblack", compression=compression)).read()
    assert stack.dtype == np.uint8
    np.testing.assert_array_equal(stack.plane(), pixels.astype(np.uint8))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_white_as_zero_is_inverted_and_said(tmp_path, dtype):
    pixels = noise(20, 30, dtype=dtype) // 2
    stack = open_source(written(tmp_path, pixels, photometric="miniswhite")).read()
    plane = stack.plane()
    assert plane.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(plane, ~pixels)
    assert any("inverted" in sentence for sentence in stack.assumptions)


def test_inverting_one_bit(tmp_path):
    pixels = noise(20, 30) > 100
    plane = open_source(written(tmp_path, pixels, photometric="miniswhite")).read().plane()
    np.testing.assert_array_equal(plane, (~pixels).astype(np.uint8))


def test_twelve_bits_are_inverted_within_twelve_bits(tmp_path):
    pixels = noise(20, 30)
    stack = open_source(written(tmp_path, pixels, bitspersample=12, photometric="miniswhite")).read()
    np.testing.assert_array_equal(stack.plane(), 4095 - pixels)


def test_palette_index_is_the_intensity(tmp_path):
    pixels = noise(20, 30, dtype="uint8")
    colours = RNG.integers(0, 65535, (3, 256)).astype("uint16")
    stack = open_source(written(tmp_path, pixels, photometric="palette", colormap=colours)).read()
    assert (stack.shape.c, stack.rgb) == (1, False)
    np.testing.assert_array_equal(stack.plane(), pixels)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("samples", [3, 4])
def test_colour_has_three_channels_without_transparency(tmp_path, samples, planar, compression):
    pixels = noise(40, 56, samples, dtype="uint8")
    stored, config = (np.moveaxis(pixels, -1, 0), "separate") if planar else (pixels, "contig")
    path = written(tmp_path, stored, photometric="rgb", planarconfig=config, compression=compression)
    stack = open_source(path).read()
    assert stack.rgb
    assert stack.channels == ("Red", "Green", "Blue")
    assert stack.shape == (1, 3, 1, 40, 56)
    np.testing.assert_array_equal(everything(stack)[0, :, 0], np.moveaxis(pixels[..., :3], -1, 0))


def test_colour_stack(tmp_path):
    pixels = noise(4, 20, 30, 3, dtype="uint8")
    stack = open_source(written(tmp_path, pixels, photometric="rgb")).read()
    assert (stack.rgb, stack.shape) == (True, (1, 3, 4, 20, 30))
    np.testing.assert_array_equal(everything(stack)[0], np.moveaxis(pixels, -1, 0))


def test_colours_called_channels_are_not_a_colour_picture(tmp_path):
    path = written(tmp_path, noise(20, 30, 3, dtype="uint8"), photometric="rgb")
    stack = open_source(path, axes="YXC").read()
    assert (stack.rgb, stack.channels) == (False, ("Channel 1", "Channel 2", "Channel 3"))


def test_transparency_beside_grey_is_dropped(tmp_path):
    pixels = noise(20, 30, 2, dtype="uint8")
    how = {"photometric": "minisblack", "planarconfig": "contig"}
    stack = open_source(written(tmp_path, pixels, extrasamples=["unassalpha"], **how)).read()
    assert stack.shape.c == 1
    np.testing.assert_array_equal(stack.plane(), pixels[..., 0])


@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_five_samples_are_channels(tmp_path, photometric):
    pixels = noise(20, 30, 5, dtype="uint8")
    stack = open_source(written(tmp_path, pixels, photometric=photometric, planarconfig="contig")).read()
    assert (stack.shape.c, stack.rgb) == (5, False)
    np.testing.assert_array_equal(everything(stack)[0, :, 0], np.moveaxis(pixels, -1, 0))


def test_what_the_user_says_goes_before_the_file(tmp_path):
    how = {"imagej": True, "metadata": {"axes": "CYX", "unit": "um"}, "resolution": (4, 4)}
    path = written(tmp_path, noise(2, 20, 30), **how)
    source = open_source(path, spacing=Spacing(x=0.5), channels=["DNA", "Actin"])
    stack = source.read()
    assert stack.spacing == Spacing(None, 0.25, 0.5)
    assert stack.channels == ("DNA", "Actin")
    with pytest.raises(ImageValueError, match="2 channels.* 1 "):
        open_source(path, channels=["DNA"]).read()
    with pytest.raises(ImageValueError, match="pixel size -1"):
        open_source(path, spacing=Spacing(x=-1)).read()


def test_planes_belong_to_the_caller(tmp_path):
    pixels = noise(20, 30, 3, dtype="uint8")
    stack = open_source(written(tmp_path, pixels, photometric="rgb", compression="zlib")).read()
    plane = stack.plane()
    assert plane.flags.writeable
    assert plane.flags.c_contiguous
    plane[:] = 0
    np.testing.assert_array_equal(stack.plane(), pixels[..., 0])


@pytest.mark.parametrize(("planar", "axes"), [(False, "YXC"), (True, "CYX")])
def test_a_fourth_value_in_sixteen_bits_is_questioned(tmp_path, planar, axes):
    pixels = noise(20, 30, 4)
    stored, config = (np.moveaxis(pixels, -1, 0), "separate") if planar else (pixels, "contig")
    path = written(tmp_path, stored, photometric="rgb", planarconfig=config)
    stack = open_source(path).read()
    assert stack.rgb
    assert f"give axes {axes}" in stack.warnings[0]
    four = open_source(path, axes=axes).read()
    assert (four.shape.c, four.rgb, four.warnings) == (4, False, ())
    np.testing.assert_array_equal(everything(four)[0, :, 0], np.moveaxis(pixels, -1, 0))


@pytest.mark.parametrize("channels", [2, 5])
def test_channels_last_without_axes_are_taken_as_channels_and_that_is_said(tmp_path, channels):
    pixels = noise(20, 30, channels)
    stack = open_source(written(tmp_path, pixels, photometric="minisblack")).read()
    assert stack.shape == (1, channels, 1, 20, 30)
    assert "channels, stored last (axes YXC)" in stack.warnings[0]
    np.testing.assert_array_equal(everything(stack)[0, :, 0], np.moveaxis(pixels, -1, 0))


def test_stacks_with_channels_last_are_taken_as_such(tmp_path):
    pixels = noise(4, 20, 30, 2)
    stack = open_source(written(tmp_path, pixels, photometric="minisblack")).read()
    assert stack.shape == (1, 2, 4, 20, 30)
    assert "80 pages of 2 x 30 px: taken as 2 channels, stored last (axes ZYXC)" in stack.warnings[0]
    np.testing.assert_array_equal(everything(stack)[0], np.moveaxis(pixels, -1, 0))
