"""Pyramids of slide scanners and converters, written by hand where no library writes them: levels, scale, memory."""

import struct
from types import SimpleNamespace

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import LUMINANCE, MetadataOverrides, Spacing
from napari_cellvino.io import checks, open_as
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.prepare import network_inputs
from napari_cellvino.storage import large_arrays

FULL = np.kron(
    np.array([[[200, 40, 60], [20, 160, 80]], [[90, 90, 210], [240, 230, 30]]], np.uint8), np.ones((96, 128, 1))
)
FULL = FULL.astype(np.uint8)  # blocks of one colour, which JPEG keeps


def read(path, level=0):
    return open_as(path, MetadataOverrides(level=level)).read()


def ndpi(path, levels, um):
    """Write RGB images as a Hamamatsu slide: 64-bit offsets in a classic TIFF, a JPEG a page, a macro at the end."""
    data, entries = bytearray(b"II*\0" + bytes(8)), []

    def stored(raw):
        data.extend(raw + bytes(len(raw) % 2))
        return len(data) - len(raw) - len(raw) % 2

    for number, (pixels, magnification) in enumerate(levels):
        height, width = pixels.shape[:2]
        jpeg = imagecodecs.jpeg8_encode(pixels, level=95)
        per_cm = stored(struct.pack("<2I", round(1e4 / (um * 4**number) * 1000), 1000))
        made, bits = stored(b"Hamamatsu\0"), stored(struct.pack("<3H", 8, 8, 8))
        (zoom,) = struct.unpack("<I", struct.pack("<f", magnification))
        entries.append((
            (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits), (259, 3, 1, 7), (262, 3, 1, 6),
            (271, 2, 10, made), (273, 4, 1, stored(jpeg)), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(jpeg)),
            (282, 5, 1, per_cm), (283, 5, 1, per_cm), (296, 3, 1, 3), (65420, 4, 1, 1), (65421, 11, 1, zoom),
        ))  # fmt: skip
    link = 4
    for tags in entries:
        struct.pack_into("<Q", data, link, len(data))
        data += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        link = len(data)
        data += bytes(8 + 4 * len(tags))
    path.write_bytes(data)


def test_hamamatsu_ndpi(tmp_path):
    macro = np.zeros((48, 150, 3), np.uint8)
    ndpi(tmp_path / "a.ndpi", [(FULL, 20.0), (FULL[::4, ::4].copy(), 5.0), (macro, -1.0)], 0.5)
    source = open_as(tmp_path / "a.ndpi", MetadataOverrides())
    stack = source.read()
    assert len(source.positions) == 1
    assert (tuple(stack.shape), stack.rgb, stack.levels) == ((1, 3, 1, 192, 256), True, ((256, 192), (64, 48)))
    assert (stack.spacing.y, stack.spacing.x) == (pytest.approx(0.5), pytest.approx(0.5))
    for level, step in ((0, 1), (1, 4)):
        stack = read(tmp_path / "a.ndpi", level)
        shown = np.stack([stack.plane(c=c) for c in range(3)], -1).astype(int)
        assert np.abs(shown - FULL[::step, ::step]).mean() < 4
        assert stack.spacing.x == pytest.approx(0.5 * step)
    assert "level 1" in stack.warnings[0]


def scn(path, main, names=()):
    """Write a Leica slide: an overview, then an image of which each channel (or RGB) is a page of every level."""
    colours = [main] if not names else list(main)
    pages, dimensions = [np.zeros((40, 24, 3), np.uint8)], []
    for r, step in enumerate((1, 4)):
        for c, pixels in enumerate(colours):
            dimensions.append((pixels.shape[1] // step, pixels.shape[0] // step, r, c, len(pages)))
            pages.append(pixels[::step, ::step].copy())
    described = "".join(
        f'<dimension sizeX="{x}" sizeY="{y}" r="{r}" c="{c}" ifd="{n}"/>' for x, y, r, c, n in dimensions
    )
    channels = "".join(f'<channel index="{n}" name="{name}" rgb="#0000ff"/>' for n, name in enumerate(names))
    height, width = colours[0].shape[:2]
    text = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="urn:uuid:a">'
        '<collection name="slide" sizeX="26000000" sizeY="76000000"><barcode>x</barcode>'
        '<image name="macro"><pixels sizeX="24" sizeY="40"><dimension sizeX="24" sizeY="40" r="0" ifd="0"/></pixels>'
        '<view sizeX="26000000" sizeY="76000000" offsetX="0" offsetY="0" spacingZ="0"/></image>'
        f'<image name="main"><pixels sizeX="{width}" sizeY="{height}">{described}</pixels>'
        f'<view sizeX="{width * 250}" sizeY="{height * 250}" offsetX="9" offsetY="9" spacingZ="0"/>'
        f"<scanSettings><channelSettings>{channels}</channelSettings></scanSettings></image></collection></scn>"
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        for n, page in enumerate(pages):
            kind = "rgb" if page.ndim == 3 else "minisblack"
            tif.write(page, photometric=kind, metadata=None, description=text if n == 0 else "", tile=(64, 64))


@pytest.mark.parametrize("names", [(), ("405|Empty", "L5|Empty")])
def test_leica_scn(tmp_path, names):
    main = FULL if not names else np.moveaxis(FULL[..., :2], -1, 0)
    scn(tmp_path / "a.scn", main, names)
    for level, step in ((0, 1), (1, 4)):
        source = open_as(tmp_path / "a.scn", MetadataOverrides(level=level))
        stack = source.read()
        assert (len(source.positions), stack.channels) == (1, names or ("Red", "Green", "Blue"))
        assert stack.spacing == Spacing(None, 0.25 * step, 0.25 * step)
        np.testing.assert_array_equal(stack.plane(c=1), FULL[::step, ::step, 1])


def qptiff(path, names):
    """Write an Akoya slide: a page per channel, a thumbnail, and a smaller level of each channel."""
    how = {"photometric": "minisblack", "metadata": None, "software": "PerkinElmer-QPI"}
    scale = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path) as tif:
        for c, (name, marker) in enumerate(names):
            said = f"<PerkinElmer-QPI-ImageDescription><Name>{name}</Name>{marker}</PerkinElmer-QPI-ImageDescription>"
            tif.write(FULL[..., c].copy(), tile=(64, 64), description=said, **scale, **how)
        tif.write(FULL[::8, ::8].copy(), **how | {"photometric": "rgb"})
        for c in range(len(names)):
            tif.write(FULL[::2, ::2, c].copy(), tile=(64, 64), **how)


def test_akoya_qptiff(tmp_path):
    qptiff(tmp_path / "a.qptiff", (("DAPI", ""), ("Opal 520", "<Biomarker>CD8</Biomarker>")))
    for level in range(2):
        stack = read(tmp_path / "a.qptiff", level)
        assert (stack.channels, stack.hints) == (("DAPI", "CD8"), ("DAPI", "Opal 520"))
        assert stack.spacing == Spacing(None, 0.5 * 2**level, 0.5 * 2**level)
        np.testing.assert_array_equal(stack.plane(c=1), FULL[:: 2**level, :: 2**level, 1])


def pyramid(path, factors=(2, 4)):
    """Write a tiled TIFF of which smaller levels are pages below the first."""
    how = {"photometric": "rgb", "tile": (64, 64), "compression": "deflate"}
    with tifffile.TiffWriter(path) as tif:
        tif.write(FULL, subifds=len(factors), metadata=None, **how)
        for step in factors:
            tif.write(FULL[::step, ::step].copy(), subfiletype=1, metadata=None, **how)


def svs(path):
    """Write an Aperio slide: the full resolution, a thumbnail, smaller levels."""
    how = {"photometric": "rgb", "compression": "deflate", "metadata": None}
    with tifffile.TiffWriter(path) as tif:
        said = "Aperio Image Library v12\r\n256x192 |AppMag = 20|MPP = 0.4990"
        tif.write(FULL, tile=(64, 64), description=said, **how)
        tif.write(FULL[::8, ::8].copy(), description="Aperio thumbnail", **how)
        for step in (2, 4):
            tif.write(FULL[::step, ::step].copy(), tile=(64, 64), description="Aperio level", **how)


def test_the_size_of_a_pixel_follows_the_level(tmp_path):
    svs(tmp_path / "a.svs")
    for level in range(3):
        stack = read(tmp_path / "a.svs", level)
        assert stack.spacing == Spacing(None, 0.499 * 2**level, 0.499 * 2**level)
        assert (stack.shape.y, stack.overrides.level) == (192 >> level, level)
        np.testing.assert_array_equal(stack.plane(c=2), FULL[:: 2**level, :: 2**level, 2])
    with pytest.raises(ImageValueError, match="2: 64 x 48 px"):
        read(tmp_path / "a.svs", 3)


def test_a_level_of_what_is_no_pyramid_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", FULL)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(FULL))
    for name in ("a.tif", "a.png"):
        with pytest.raises(ImageValueError, match="no pyramid"):
            read(tmp_path / name, 1)


@pytest.mark.parametrize(("memory", "disk"), [(120_000, 10**9), (200_000, 500_000)])
def test_a_level_that_has_no_room_names_the_one_to_choose(tmp_path, monkeypatch, memory, disk):
    pyramid(tmp_path / "a.tif")
    monkeypatch.setattr(checks, "_ALWAYS_FITS", 0)
    monkeypatch.setattr(checks.psutil, "virtual_memory", lambda: SimpleNamespace(available=memory))
    monkeypatch.setattr(checks.psutil, "disk_usage", lambda folder: SimpleNamespace(free=disk))
    with pytest.raises(ImageReadError, match="--level 1"):
        read(tmp_path / "a.tif").plane()
    assert read(tmp_path / "a.tif", 1).plane().shape == (96, 128)


def test_planes_that_do_not_fit_in_memory_lie_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(large_arrays, "ALWAYS_FITS", 0)
    monkeypatch.setattr(large_arrays, "IN_MEMORY_SHARE", 0)
    pyramid(tmp_path / "a.tif")
    stack = read(tmp_path / "a.tif", 1)
    (pixels,) = read_ahead(stack, 0, [0])
    assert isinstance(pixels, np.memmap)
    np.testing.assert_array_equal(np.moveaxis(pixels, 0, -1), FULL[::2, ::2])
    weights = np.asarray(LUMINANCE, np.float32)
    grey = network_inputs(pixels, None, 1)
    assert isinstance(grey, np.memmap)
    np.testing.assert_allclose(grey[0], np.tensordot(weights, pixels.astype(np.float32), 1), rtol=1e-6)


def test_levels_of_ome_zarr(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    levels = []
    for n in range(2):
        group.create_array(str(n), data=FULL[:: 2**n, :: 2**n, 0], chunks=(64, 64))
        scale = {"type": "scale", "scale": [0.5 * 2**n] * 2}
        levels.append({"path": str(n), "coordinateTransformations": [scale]})
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "yx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
    stack = read(tmp_path / "a.zarr", 1)
    assert (stack.spacing, stack.levels) == (Spacing(None, 1.0, 1.0), ((256, 192), (128, 96)))
    np.testing.assert_array_equal(stack.plane(), FULL[::2, ::2, 0])
    with pytest.raises(ImageValueError, match="no level 2"):
        read(tmp_path / "a.zarr", 2)
