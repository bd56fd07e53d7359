"""What the values of a page are: turned pictures, palettes, inks."""

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io import open_source
from napari_cellvino.io.label_tiff import read_labels

PIXELS = np.arange(4 * 6, dtype=np.uint8).reshape(4, 6)
UPRIGHT = {1: PIXELS, 3: PIXELS[::-1, ::-1], 4: PIXELS[::-1], 6: np.rot90(PIXELS, -1), 8: np.rot90(PIXELS), 9: PIXELS}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_image_is_turned_as_the_file_says(tmp_path, orientation):
    path = tmp_path / "a.tif"
    resolution = {"resolution": (40000, 20000), "resolutionunit": "CENTIMETER"}  # 0.25 µm in a row, 0.5 µm between rows
    tifffile.imwrite(path, PIXELS, extratags=[(274, "H", 1, orientation, True)], **resolution)
    stack = open_source(path).read()
    np.testing.assert_array_equal(stack.plane(), UPRIGHT[orientation])
    assert (stack.shape.y, stack.shape.x) == UPRIGHT[orientation].shape
    on_its_side = orientation in (6, 8)
    assert stack.spacing == (Spacing(None, 0.25, 0.5) if on_its_side else Spacing(None, 0.5, 0.25))
    assert any("turned" in said for said in stack.remarks) == (orientation in (3, 4, 6, 8))
    np.testing.assert_array_equal(read_labels(path)[0], UPRIGHT[orientation])


def test_colours_of_each_plane_are_turned(tmp_path):
    pixels = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    stack = open_source(tmp_path / "a.tif").read()
    np.testing.assert_array_equal(stack.plane(c=1, z=1), np.rot90(pixels[1, ..., 1], -1))


def palette(**colours):
    table = np.zeros((3, 256), np.uint16)
    for name, ramp in colours.items():
        table["rgb".index(name)] = ramp
    return table


RAMP = np.arange(256, dtype=np.uint16) * 257
HI_LO = RAMP.copy()
HI_LO[255] = 0  # ImageJ's HiLo: what is saturated is red


@pytest.mark.parametrize(
    ("table", "ordered"),
    [
        (palette(g=RAMP), True),
        (palette(r=RAMP[::-1], g=RAMP[::-1], b=RAMP[::-1]), True),
        (palette(r=RAMP, g=HI_LO, b=HI_LO), True),
        (palette(r=np.random.default_rng(1).permutation(RAMP), g=RAMP[::-1] // 3), False),
    ],
)
def test_a_palette_in_no_order_is_said(tmp_path, table, ordered):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, photometric="palette", colormap=table)
    stack = open_source(tmp_path / "a.tif").read()
    falls = ordered and bool(table[0, 0] > table[0, 255])
    np.testing.assert_array_equal(stack.plane(), 255 - PIXELS if falls else PIXELS)
    assert any("palette" in said for said in stack.remarks) is falls
    assert any("palette" in said for said in stack.warnings) is not ordered


@pytest.mark.parametrize(("kind", "values"), [("separated", 4), ("cielab", 3), ("ycbcr", 3)])
def test_what_is_no_light_is_refused(tmp_path, kind, values):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((16, 16, values), np.uint8), photometric=kind)
    with pytest.raises(ImageValueError, match="save it as RGB"):
        open_source(tmp_path / "a.tif")


def test_smaller_pages_that_only_look_like_levels_are_said(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for shape in ((64, 80), (32, 40)):
            tif.write(np.zeros(shape, np.uint16), metadata=None)
    assert "smaller pages" in open_source(tmp_path / "a.tif").read().warnings[0]


def test_tiles_that_are_not_stored_are_told(tmp_path):
    whole = np.full((16, 16), 7, np.uint8)
    tiles = iter([whole, None, whole, None, whole, whole])
    tifffile.imwrite(tmp_path / "a.tif", tiles, shape=(32, 48), dtype=np.uint8, tile=(16, 16))
    stack = open_source(tmp_path / "a.tif").read()
    assert (stack.plane() == 0).sum() == 2 * 16 * 16
    assert any("2 of the 6 tiles" in said for said in stack.warnings)
