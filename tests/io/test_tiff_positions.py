import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import Spacing, channel_index
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


def test_pages_without_a_meaning_are_taken_as_z_and_that_is_said(tmp_path):
    stack = open_source(written(tmp_path, noise(24, 20, 30))).read()
    assert stack.shape.z == 24
    said = "the file does not say what its 24 pages are: taken as planes of a z-stack"
    assert said in stack.assumptions


@pytest.mark.parametrize(("axes", "shape"), [("TYX", (6, 1, 1, 20, 30)), ("cyx", (1, 6, 1, 20, 30))])
def test_axes_can_be_corrected(tmp_path, axes, shape):
    pixels = noise(6, 20, 30)
    stack = open_source(written(tmp_path, pixels), axes=axes).read()
    assert stack.shape == shape
    np.testing.assert_array_equal(everything(stack).reshape(pixels.shape), pixels)
    assert not any("pages" in sentence for sentence in stack.assumptions)


def test_axes_of_two_unnamed_dimensions(tmp_path):
    pixels = noise(2, 5, 20, 30)
    path = written(tmp_path, pixels)
    assert open_source(path).read().shape == (1, 1, 10, 20, 30)
    stack = open_source(path, axes="CZYX").read()
    np.testing.assert_array_equal(everything(stack)[0], pixels)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_rows_may_come_before_the_pages(tmp_path, compression):
    pixels = noise(20, 30, 3)
    path = written(tmp_path, pixels, photometric="minisblack", metadata=None, compression=compression)
    stack = open_source(path, axes="YXC").read()
    np.testing.assert_array_equal(everything(stack)[0, :, 0], np.moveaxis(pixels, -1, 0))
    swapped = open_source(path, axes="XYC").read()
    np.testing.assert_array_equal(swapped.plane(c=1), pixels[..., 1].T)


@pytest.mark.parametrize("axes", ["YX", "CZYX", "CYY", "QYX", "SYX", "C"])
def test_axes_that_do_not_fit_say_what_the_file_holds(tmp_path, axes):
    path = written(tmp_path, noise(5, 20, 30))
    with pytest.raises(ImageValueError, match=r"image.tif.*QYX of 5 x 20 x 30.*ZYX"):
        open_source(path, axes=axes)


def test_a_plane_that_is_not_there(tmp_path):
    stack = open_source(written(tmp_path, noise(5, 20, 30))).read()
    with pytest.raises(ImageValueError, match=r"image.tif.*plane 6.* 5"):
        stack.plane(z=5)


def test_a_hyperstack_of_all_axes(tmp_path):
    pixels = noise(2, 3, 4, 20, 30)
    for how in ({"imagej": True}, {"ome": True}, {"ome": True, "compression": "zlib"}):
        stack = open_source(written(tmp_path, pixels, metadata={"axes": "TZCYX"}, **how)).read()
        assert stack.shape == (2, 4, 3, 20, 30)
        np.testing.assert_array_equal(everything(stack), pixels.swapaxes(1, 2))


def test_each_series_is_a_position(tmp_path):
    path = tmp_path / "fields.ome.tif"
    first, second = noise(3, 20, 30), noise(3, 24, 18)
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(first, metadata={"axes": "CYX", "Name": "B02"}, photometric="minisblack")
        writer.write(second, metadata={"axes": "ZYX", "Name": "B03", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5})
    source = open_source(path)
    assert [p.name for p in source.positions] == ["B02", "B03"]
    np.testing.assert_array_equal(everything(source.read())[0, :, 0], first)
    stack = source.read(source.positions[1])
    assert (stack.shape, stack.spacing.x, stack.origin.name) == ((1, 1, 3, 24, 18), 0.5, "fields B03")
    np.testing.assert_array_equal(everything(stack)[0, 0], second)


def test_positions_of_the_same_name_are_told_apart(tmp_path):
    path = tmp_path / "fields.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for _ in range(2):
            writer.write(noise(20, 30), metadata={"Name": "field"})
    assert [p.name for p in open_source(path).positions] == ["field", "field (2)"]


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_dimension_of_tiles_is_positions(tmp_path, compression):
    pixels = noise(4, 2, 20, 30)
    source = open_source(written(tmp_path, pixels, metadata={"axes": "RCYX"}, compression=compression))
    assert len(source.positions) == 4
    np.testing.assert_array_equal(everything(source.read(source.positions[2]))[0, :, 0], pixels[2])


def test_a_position_of_another_file_is_refused(tmp_path):
    several = open_source(written(tmp_path, noise(4, 2, 20, 30), metadata={"axes": "RCYX"}))
    one = open_source(written(tmp_path, noise(20, 30)))
    with pytest.raises(ImageValueError, match="'Position 2'"):
        one.read(several.positions[1])


def test_a_thumbnail_is_left_out_and_that_is_said(tmp_path):
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(noise(10, 15), subfiletype=1, metadata=None)
        writer.write(noise(40, 60), metadata=None)
    source = open_source(path)
    assert len(source.positions) == 1
    stack = source.read()
    assert stack.shape[-2:] == (40, 60)
    assert any("1 smaller picture" in sentence for sentence in stack.assumptions)


def test_an_ome_set_of_several_files_is_read_from_any(tmp_path):
    pixels = noise(2, 20, 30)
    names, ids = ("c0.ome.tif", "c1.ome.tif"), ("urn:uuid:0", "urn:uuid:1")
    data = "".join(
        f'<TiffData FirstC="{n}" IFD="0" PlaneCount="1"><UUID FileName="{names[n]}">{ids[n]}</UUID></TiffData>'
        for n in range(2)
    )
    for n in range(2):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[n]}"><Image ID="Image:0">'
            '<Pixels DimensionOrder="XYCZT" ID="Pixels:0" SizeC="2" SizeT="1" SizeX="30" SizeY="20" SizeZ="1" '
            f'Type="uint16"><Channel ID="c:0" Name="DNA"/><Channel ID="c:1"/>{data}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / names[n], pixels[n], description=xml, metadata=None)
    stack = open_source(tmp_path / names[1]).read()
    assert stack.channels == ("DNA", "Channel 2")
    np.testing.assert_array_equal(everything(stack)[0, :, 0], pixels)
    (tmp_path / names[0]).unlink()
    np.testing.assert_array_equal(stack.plane(c=1), pixels[1])
    with pytest.raises(ImageReadError, match=r"c0\.ome\.tif"):
        stack.plane(c=0)
    alone = open_source(tmp_path / names[1]).read()
    assert (alone.channels, alone.channel_numbers) == (("Channel 2",), (2,))
    np.testing.assert_array_equal(alone.plane(c=0), pixels[1])
    assert channel_index(alone, "2") == 0
    assert names[0] in alone.warnings[0]
    for choice in ("1", "DNA"):
        with pytest.raises(ImageValueError) as caught:
            channel_index(alone, choice)
        assert names[0] in str(caught.value)


def ome_set(folder, *, companion):
    """Write three planes of z in three files, described by a companion file; return their pixels."""
    pixels = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    ids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in range(4)]
    head = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{}">'
    for z in range(3):
        xml = head.format(ids[z]) + f'<BinaryOnly MetadataFile="set.companion.ome" UUID="{ids[3]}"/></OME>'
        tifffile.imwrite(folder / f"set_z{z}.ome.tif", pixels[z], description=xml, metadata=None)
    data = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="set_z{z}.ome.tif">{ids[z]}</UUID></TiffData>'
        for z in range(3)
    )
    if companion:
        (folder / "set.companion.ome").write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>{head.format(ids[3])}<Image ID="Image:0" Name="set">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="30" SizeY="20" SizeZ="3" SizeC="1" '
            'SizeT="1" PhysicalSizeX="0.5" PhysicalSizeY="0.5" PhysicalSizeZ="2"><Channel ID="Channel:0:0" '
            f'Name="DAPI" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>'
        )
    return pixels


@pytest.mark.parametrize("name", ["set.companion.ome", "set_z0.ome.tif", "set_z2.ome.tif"])
def test_a_companion_file_describes_a_set(tmp_path, name):
    pixels = ome_set(tmp_path, companion=True)
    source = open_source(tmp_path / name)
    stack = source.read()
    assert (stack.spacing, stack.channels) == (Spacing(2, 0.5, 0.5), ("DAPI",))
    np.testing.assert_array_equal(everything(stack)[0, 0], pixels)
    assert {part.name for part in source.parts} == {path.name for path in tmp_path.iterdir()}


def test_a_companion_file_that_is_missing_is_named(tmp_path):
    pixels = ome_set(tmp_path, companion=False)
    stack = open_source(tmp_path / "set_z1.ome.tif").read()
    np.testing.assert_array_equal(stack.plane(), pixels[1])
    assert "set.companion.ome" in stack.warnings[0]


def test_planes_of_a_companion_set_that_are_missing_are_named(tmp_path):
    pixels = ome_set(tmp_path, companion=True)
    (tmp_path / "set_z1.ome.tif").unlink()
    stack = open_source(tmp_path / "set.companion.ome").read()
    np.testing.assert_array_equal(stack.plane(z=2), pixels[2])
    with pytest.raises(ImageReadError, match=r"set_z1.ome.tif"):
        stack.plane(z=1)


@pytest.mark.parametrize("text", ["<OME/>", "no xml", '<!DOCTYPE a [<!ENTITY b "c">]><OME/>', ""])
def test_a_companion_file_without_a_set(tmp_path, text):
    path = tmp_path / "a.companion.ome"
    path.write_text(text)
    with pytest.raises(ImageReadError, match=r"a.companion.ome"):
        open_source(path)


def test_a_file_of_a_set_that_another_ome_tiff_describes_is_read_with_it(tmp_path):
    schema = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    data = "".join(
        f'<TiffData FirstC="{c}" IFD="0" PlaneCount="1"><UUID FileName="{name}.ome.tif">{name}</UUID></TiffData>'
        for c, name in enumerate("ab")
    )
    whole = (
        f'<OME {schema} UUID="b"><Image ID="Image:0"><Pixels DimensionOrder="XYCZT" ID="Pixels:0" SizeC="2" SizeT="1" '
        f'SizeX="8" SizeY="8" SizeZ="1" Type="uint16"><Channel ID="c:0"/><Channel ID="c:1"/>{data}</Pixels>'
        "</Image></OME>"
    )
    points_to_b = f'<OME {schema} UUID="a"><BinaryOnly MetadataFile="b.ome.tif" UUID="b"/></OME>'
    for value, (name, said) in enumerate({"a": points_to_b, "b": whole}.items(), 1):
        tifffile.imwrite(
            tmp_path / f"{name}.ome.tif", np.full((8, 8), value, "uint16"), description=said, metadata=None
        )
    for name in "ab":
        stack = open_source(tmp_path / f"{name}.ome.tif").read()
        assert [stack.plane(c=c).max() for c in range(2)] == [1, 2]
    tifffile.imwrite(tmp_path / "b.ome.tif", np.zeros((8, 8), "uint16"), description=points_to_b, metadata=None)
    with pytest.raises(ImageReadError, match="says the same"):
        open_source(tmp_path / "a.ome.tif")
