"""Descriptions that are not of the pixels they lie beside: sizes, pages, values, and the levels of a pyramid."""

import json

import numpy as np
import pytest
import tifffile
import zarr

from napari_cellvino.core.image import MetadataOverrides, Spacing
from napari_cellvino.formats.reading import read_cells
from napari_cellvino.io import open_as

PIXELS = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96)
OME = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:2">{}</OME>'


def read(path, **said):
    return open_as(path, MetadataOverrides(**said)).read()


def image(um=0.5, *, size=(96, 64), planes=1, file="", page=0, name="s"):
    uuid = f'<UUID FileName="{file}">urn:uuid:{"2" if file == "b.ome.tif" else "1"}</UUID>' if file else ""
    return (
        f'<Image ID="Image:0" Name="{name}"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" '
        f'SizeX="{size[0]}" SizeY="{size[1]}" SizeC="1" SizeZ="{planes}" SizeT="1" PhysicalSizeX="{um}" '
        f'PhysicalSizeY="{um}"><Channel ID="Channel:0"/><TiffData IFD="{page}" PlaneCount="{planes}">{uuid}</TiffData>'
        "</Pixels></Image>"
    )


def write(path, *, pages=1, description="", **more):
    with tifffile.TiffWriter(path) as tif:
        for number in range(pages):
            said = description if number == 0 else None
            tif.write(PIXELS, description=said, metadata=None, photometric="minisblack", **more)
    return path


@pytest.mark.parametrize("name", ["s", ""])
def test_the_scale_of_a_set_is_that_of_the_image_whose_file_is_there(tmp_path, name):
    images = image(0.1, file="a.ome.tif", name=name) + image(0.7, file="b.ome.tif", name=name)
    stack = read(write(tmp_path / "b.ome.tif", description=OME.format(images)))
    assert stack.spacing == Spacing(None, 0.7, 0.7)
    assert "a.ome.tif is missing" in stack.warnings[0]


@pytest.mark.parametrize(
    ("described", "pages"),
    [
        (OME.format(image(planes=3)), 6),
        ("ImageJ=1.53t\nimages=4\nchannels=2\nslices=2\nhyperstack=true\n", 6),
    ],
)
def test_pages_that_a_description_does_not_know_are_told(tmp_path, described, pages):
    stack = read(write(tmp_path / "a.tif", pages=pages, description=described))
    count = stack.shape.c * stack.shape.z
    assert stack.warnings == (
        f"the file has 6 pages, and its description knows of {count}: the other {6 - count} are not counted; if they "
        "are images, export it again",
    )
    assert read(write(tmp_path / "b.tif", pages=count, description=described)).warnings == ()


def test_levels_and_previews_behind_the_images_of_ome_are_no_lost_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(PIXELS, description=OME.format(image()), metadata=None)
        tif.write(PIXELS[::2, ::2], metadata=None, subfiletype=1)
    assert read(tmp_path / "a.tif").warnings == ()


def test_a_description_of_an_image_of_another_size_is_told(tmp_path):
    stack = read(write(tmp_path / "a.tif", description=OME.format(image(size=(192, 128)))))
    assert not stack.spacing.known
    assert "describes an image of 192 x 128 px, and holds one of 96 x 64" in stack.warnings[0]


def test_values_that_imagej_shows_otherwise_are_told(tmp_path):
    said = "ImageJ=1.53t\nimages=1\ncf=0\nc0=-32768.0\nc1=1.0\n"
    assert "-32768 + 1 x the stored number" in read(write(tmp_path / "a.tif", description=said)).warnings[0]
    assert (
        "a function of its own"
        in read(write(tmp_path / "b.tif", description=said.replace("cf=0", "cf=20"))).warnings[0]
    )
    plain = said.replace("-32768.0", "0.0")
    assert read(write(tmp_path / "c.tif", description=plain)).warnings == ()


def test_a_pixel_of_exactly_1_um_is_questioned_unless_a_person_said_so(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, imagej=True, metadata={"unit": "um"})
    assert "exactly 1 µm" in read(tmp_path / "a.tif").warnings[0]
    assert read(tmp_path / "a.tif", spacing=Spacing(None, 1.0, 1.0)).warnings == ()
    tifffile.imwrite(tmp_path / "b.tif", PIXELS, imagej=True, metadata={"unit": "um"}, resolution=(0.5, 0.5))
    assert read(tmp_path / "b.tif").warnings == ()


def test_two_sizes_of_a_pixel_in_a_file_are_told(tmp_path):
    tags = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}  # 0.5 µm
    stack = read(write(tmp_path / "a.tif", description=OME.format(image(0.25)), **tags))
    assert stack.spacing.x == 0.25
    assert "0.25 µm in one place and of 0.5 µm in another" in stack.warnings[0]
    assert read(write(tmp_path / "b.tif", description=OME.format(image(0.5)), **tags)).warnings == ()


def film(times, said="", axis="T"):
    """OME-XML of three planes, at some times (s) or heights (µm)."""
    key = 'DeltaT="{}"' if axis == "T" else 'PositionZ="{}" PositionZUnit="µm"'
    planes = "".join(f'<Plane TheC="0" The{axis}="{n}" {key.format(t)}/>' for n, t in enumerate(times))
    sizes = {"Z": 1, "T": 1, axis: 3}
    size = f'SizeX="96" SizeY="64" SizeC="1" SizeZ="{sizes["Z"]}" SizeT="{sizes["T"]}" {said}'
    held = f'<Channel ID="Channel:0"/><TiffData/>{planes}'
    return OME.format(
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" {size}>{held}</Pixels></Image>'
    ).encode()


@pytest.mark.parametrize(
    ("times", "said", "told"),
    [
        ((0, 30, 60), 'TimeIncrement="30"', ""),
        ((0, 30, 60), 'TimeIncrement="1"', "a frame every 1 s, and its time stamps are 30 s apart"),
        ((0, 30, 600), "", "not even (30 to 570 s): the mean, 300 s"),
        ((0, 31, 60), "", ""),
    ],
)
def test_times_between_frames_that_are_not_what_is_said_are_told(tmp_path, times, said, told):
    stack = read(write(tmp_path / "a.tif", pages=3, description=film(times, said)))
    assert (len(stack.warnings), told in "".join(stack.warnings)) == (bool(told), True)


@pytest.mark.parametrize(
    ("said", "step", "told"), [('PhysicalSizeZ="1"', 1.0, 1), ('PhysicalSizeZ="2"', 2.0, 0), ("", 2.0, 0)]
)
def test_planes_lie_as_far_apart_as_the_stage_moved(tmp_path, said, step, told):
    stack = read(write(tmp_path / "a.tif", pages=3, description=film((10, 12, 14), said, "Z")))
    assert (stack.spacing.z, len(stack.warnings)) == (step, told)
    assert not told or "says 1 µm between planes, and the stage was 2 µm apart" in stack.warnings[0]


@pytest.mark.parametrize(("dpi", "unit"), [(72, "INCH"), (300, "INCH"), (118.11, "CENTIMETER")])
def test_resolutions_of_print_beside_the_unit_of_imagej_are_not_taken(tmp_path, dpi, unit):
    said = {"description": "ImageJ=1.53t\nunit=um\n", "resolution": (dpi, dpi)}
    assert not read(write(tmp_path / "a.tif", resolutionunit=unit, **said)).spacing.known
    assert read(write(tmp_path / "b.tif", resolutionunit="NONE", **said)).spacing.known


@pytest.mark.parametrize(("kind", "told"), [("unspecified", 1), ("unassalpha", 0)])
def test_a_fourth_value_of_8_bits_that_is_not_called_transparency_is_told(tmp_path, kind, told):
    four = np.stack([PIXELS.astype(np.uint8)] * 4, axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", four, photometric="rgb", extrasamples=[kind], metadata=None)
    assert sum("fourth value" in said for said in read(tmp_path / "a.tif").warnings) == told


def test_levels_of_a_pyramid_that_come_before_the_largest_are_no_images(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for step in (4, 2, 1):
            tif.write(PIXELS[::step, ::step], metadata=None)
    source = open_as(tmp_path / "a.tif", MetadataOverrides())
    assert [source.read(p).shape[-2:] for p in source.positions] == [(64, 96)]
    assert any("smaller page(s) are taken for levels" in said for said in source.read().warnings)


STACK_OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="P:0" DimensionOrder="XYZCT" Type="uint16" SizeX="96" SizeY="64" SizeZ="3" SizeC="2" SizeT="1" '
    'PhysicalSizeX="0.5" PhysicalSizeY="0.5" PhysicalSizeZ="2"{end}</Image></OME>'
)


@pytest.mark.parametrize(
    ("end", "fits"),
    [
        ('><Channel ID="C:0" Name="DNA"/><Channel ID="C:1" Name="Actin"/></Pixels>', True),
        ("/>", True),
        ("><TiffData/></Pixels>", True),
        ("><MetadataOnly/></Pixels>", False),
    ],
)
def test_ome_that_does_not_say_where_planes_are_is_in_the_order_of_the_pages(tmp_path, end, fits):
    pages = np.stack([PIXELS + n for n in range(6)])
    said = STACK_OME.format(end=end).encode()
    tifffile.imwrite(tmp_path / "a.tif", pages, description=said, metadata=None, photometric="minisblack")
    stack = read(tmp_path / "a.tif")
    assert stack.shape[:3] == ((1, 2, 3) if fits else (1, 1, 6))
    assert (stack.spacing.z, stack.spacing.x) == ((2.0, 0.5) if fits else (None, None))
    assert any("does not fit its pages" in told for told in stack.warnings) is not fits
    if fits:
        assert np.array_equal(stack.plane(t=0, c=1, z=2), PIXELS + 5)


# -- OME-Zarr


def zarr_image(path, levels, scales, axes="yx", *, labels=None):
    group = zarr.open_group(path, mode="w", zarr_format=2)
    put(group, levels, scales, axes)
    if labels is not None:
        group.create_group("labels").attrs["labels"] = ["n"]
        put(group.create_group("labels/n"), *labels)
    return path


def put(group, levels, scales, axes):
    for number, level in enumerate(levels):
        group.create_array(str(number), shape=level.shape, dtype=level.dtype, chunks=level.shape)[...] = level
    moves = [[{"type": "scale", "scale": scale}] for scale in scales]
    datasets = [{"path": str(n), "coordinateTransformations": move} for n, move in enumerate(moves)]
    described = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in axes]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": described, "datasets": datasets}]


@pytest.mark.parametrize(
    ("steps", "scales", "level", "size", "um", "told"),
    [
        ((1, 2), [[0.5, 0.5], [1.0, 1.0]], 1, (32, 48), 1.0, False),
        ((1, 2), [[0.5, 0.5], [0.5, 0.5]], 1, (32, 48), 1.0, True),  # no writer of a smaller level scaled it
        ((2, 1), [[0.5, 0.5], [0.5, 0.5]], 0, (64, 96), 0.5, False),  # the smaller one is listed first
        ((2, 1), [[0.5, 0.5], [1.0, 1.0]], 0, (64, 96), 1.0, True),  # and says that it is the finer one
    ],
)
def test_levels_of_ome_zarr_are_told_by_their_arrays(tmp_path, steps, scales, level, size, um, told):
    levels = [PIXELS[::step, ::step] for step in steps]
    stack = read(zarr_image(tmp_path / "a.zarr", levels, scales), level=level)
    assert (stack.shape[-2:], stack.spacing.y, stack.spacing.x) == (size, um, um)
    assert any("levels of the pyramid say" in said for said in stack.warnings) == told


def test_labels_of_ome_zarr_lie_as_their_axes_say(tmp_path):
    labels = np.zeros((64, 64), np.uint16)
    labels[4:10, 30:50] = 3
    held = ([labels[::2, ::2].T, labels.T.copy()], [[1.0, 1.0], [0.5, 0.5]], "xy")
    path = zarr_image(tmp_path / "a.zarr", [PIXELS[:, :64]], [[0.5, 0.5]], labels=held)
    assert json.loads((path / "labels/n/.zattrs").read_text())["multiscales"][0]["axes"][0]["name"] == "x"
    assert np.array_equal(read_cells(path, (64, 64), "a").labels, labels)


@pytest.mark.parametrize(
    ("image", "labels", "said"),
    [
        ([0.0, 0.0], [0.0, 0.0], ""),
        ([100.0, 200.0], [100.0, 200.2], ""),
        ([100.0, 200.0], [106.0, 200.0], "y 12 px"),
        ([100.0, 200.0], None, "y -200, x -400 px"),
    ],
)
def test_labels_of_ome_zarr_that_are_said_to_lie_elsewhere_are_told(tmp_path, image, labels, said):
    held = ([np.pad(np.full((10, 10), 3, np.uint16), 27)], [[0.5, 0.5]], "yx")
    path = zarr_image(tmp_path / "a.zarr", [PIXELS[:, :64]], [[0.5, 0.5]], labels=held)
    for attributes, place in ((path / ".zattrs", image), (path / "labels/n/.zattrs", labels)):
        content = json.loads(attributes.read_text())
        if place is not None:
            steps = content["multiscales"][0]["datasets"][0]["coordinateTransformations"]
            steps.append({"type": "translation", "translation": place})
        attributes.write_text(json.dumps(content))
    notices = read_cells(path, (64, 64), "a").notices
    assert bool(notices) == bool(said)
    assert said in "".join(notices)


@pytest.mark.parametrize(("size", "told"), [(1.0, 1), (0.5, 0)])
def test_a_pixel_of_exactly_1_um_of_ome_zarr_is_questioned(tmp_path, size, told):
    path = zarr_image(tmp_path / "a.zarr", [PIXELS], [[size, size]])
    assert sum("exactly 1 µm" in said for said in read(path).warnings) == told
    said = MetadataOverrides(spacing=Spacing(None, size, size))
    assert not open_as(path, said).read().warnings
