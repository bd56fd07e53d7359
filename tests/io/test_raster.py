import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io import open_source

RNG = np.random.default_rng(5)


def noise(*shape, dtype="uint8"):
    return RNG.integers(0, np.iinfo(dtype).max, shape).astype(dtype)


def png(folder, pixels):
    path = folder / "image.png"
    path.write_bytes(imagecodecs.png_encode(pixels))
    return path


def planes(stack):
    return np.stack([stack.plane(c=c) for c in range(stack.shape.c)], axis=-1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_png_of_every_kind(tmp_path, dtype, samples):
    pixels = noise(20, 30, samples, dtype=dtype)
    stack = open_source(png(tmp_path, pixels.squeeze())).read()
    colours = 1 if samples < 3 else 3
    assert (stack.shape, stack.dtype, stack.rgb) == ((1, colours, 1, 20, 30), np.dtype(dtype), samples > 2)
    np.testing.assert_array_equal(planes(stack), pixels[..., :colours])
    assert stack.spacing == Spacing()
    assert any("pixel size unknown" in sentence for sentence in stack.assumptions)


@pytest.mark.parametrize("mode", ["1", "P", "grey P"])
def test_png_of_bits_and_palettes(tmp_path, mode):
    grey = noise(20, 30) // 16 * 16
    image = Image.fromarray(grey)
    if mode == "1":
        image = image.point(lambda v: 255 * (v > 99)).convert("1")
    else:
        image = Image.fromarray(grey // 16).convert("P")
        ramp = [(v * 16,) * 3 for v in range(16)] if mode == "grey P" else [(v * 16, 0, 255) for v in range(16)]
        image.putpalette([value for colour in ramp for value in colour])
    image.save(tmp_path / "image.png")
    stack = open_source(tmp_path / "image.png").read()
    expected = np.asarray(image.convert("RGB"))
    assert stack.rgb == (mode == "P")
    np.testing.assert_array_equal(planes(stack), expected if stack.rgb else expected[..., :1])


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("how", [{}, {"progressive": True}])
def test_jpeg_of_every_kind(tmp_path, mode, how):
    Image.fromarray(noise(20, 30, 3)).convert(mode).save(tmp_path / "image.jpg", quality=95, **how)
    stack = open_source(tmp_path / "image.jpg").read()
    with Image.open(tmp_path / "image.jpg") as image:
        expected = np.asarray(image.convert("L" if mode == "L" else "RGB"))
    assert (stack.shape[-2:], stack.dtype, stack.rgb) == ((20, 30), np.uint8, mode != "L")
    np.testing.assert_array_equal(planes(stack).squeeze(), expected)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bmp_of_every_kind(tmp_path, mode):
    picture = Image.fromarray(noise(20, 30, 3)).convert(mode)
    picture.save(tmp_path / "image.bmp")
    stack = open_source(tmp_path / "image.bmp").read()
    colours = mode in ("P", "RGB")
    assert (stack.shape[-2:], stack.dtype, stack.rgb) == ((20, 30), np.uint8, colours)
    np.testing.assert_array_equal(planes(stack).squeeze(), np.asarray(picture.convert("RGB" if colours else "L")))


def test_a_bmp_that_is_cut_short_or_claims_too_much_is_refused(tmp_path):
    path = tmp_path / "image.bmp"
    Image.fromarray(noise(20, 30)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(ImageReadError, match="image.bmp"):
        open_source(path).read().plane()
    path.write_bytes(whole[:18] + struct.pack("<ii", 60_000, 60_000) + whole[26:])
    with pytest.raises(ImageReadError, match="tiled TIFF"):
        open_source(path)
    path.write_bytes(whole[:20])
    with pytest.raises(ImageReadError, match="image.bmp"):
        open_source(path)


def test_axes_and_names_of_the_user(tmp_path):
    path = png(tmp_path, noise(20, 30, 3))
    stack = open_source(path, axes="YXC", channels=["a", "b", "c"], spacing=Spacing(y=1, x=1)).read()
    assert (stack.rgb, stack.channels, stack.assumptions) == (False, ("a", "b", "c"), ())
    with pytest.raises(ImageValueError, match="YXS of 20 x 30 x 3"):
        open_source(path, axes="TCYX")


def bomb(width, height):
    """Return a PNG that claims to be huge and is not."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_at_once(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(100_000, 100_000))
    with pytest.raises(ImageReadError, match="100,000 x 100,000"):
        open_source(path)


def test_a_jpeg_that_claims_too_much(tmp_path):
    path = tmp_path / "bomb.jpg"
    data = imagecodecs.jpeg8_encode(noise(16, 16))
    at = data.index(b"\xff\xc0") + 5
    path.write_bytes(data[:at] + struct.pack(">HH", 65_000, 65_000) + data[at + 4 :])
    with pytest.raises(ImageReadError, match="65,000 x 65,000"):
        open_source(path)


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_no_pixels(tmp_path, size):
    path = tmp_path / "none.png"
    path.write_bytes(bomb(*size))
    with pytest.raises(ImageReadError, match="has no pixels"):
        open_source(path)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_cut_short(tmp_path, suffix):
    data = (imagecodecs.png_encode if suffix == "png" else imagecodecs.jpeg8_encode)(noise(64, 64))
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(data[:20])
    with pytest.raises(ImageReadError, match=r"cut short|damaged"):
        open_source(path)
    path.write_bytes(data[: len(data) // 2])
    stack = open_source(path).read()
    with pytest.raises(ImageReadError, match="damaged"):
        stack.plane()


def test_a_file_that_changed_meanwhile(tmp_path):
    stack = open_source(png(tmp_path, noise(20, 30))).read()
    png(tmp_path, noise(30, 20))
    with pytest.raises(ImageReadError, match="changed since"):
        stack.plane()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("colour", [False, True])
def test_exif_orientation_is_honoured(tmp_path, orientation, name, colour):
    grey = np.kron(np.arange(0, 240, 20, np.uint8).reshape(3, 4), np.ones((16, 16), np.uint8))
    stored = Image.fromarray(np.stack([grey, grey // 2, grey // 3], -1) if colour else grey)
    exif = Image.Exif()
    exif[274] = orientation
    stored.save(tmp_path / name, exif=exif, **({"quality": 100, "subsampling": 0} if name == "a.jpg" else {}))
    with Image.open(tmp_path / name) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture)).astype(int)
    stack = open_source(tmp_path / name).read()
    assert (stack.shape.y, stack.shape.x) == expected.shape[:2]
    shown = stack.plane(c=stack.shape.c - 1)
    np.testing.assert_array_equal(shown, expected[..., 2] if colour else expected)


def test_of_an_animation_the_first_frame_is_read_and_said(tmp_path):
    frames = [Image.fromarray(np.full((8, 9), value, np.uint8)) for value in (3, 7)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    stack = open_source(tmp_path / "a.png").read()
    assert (stack.plane() == 3).all()
    assert "2 frames" in stack.warnings[0]
