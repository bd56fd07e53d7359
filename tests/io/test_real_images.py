"""Files that instruments and other programs wrote."""

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.image import Spacing
from napari_cellvino.io import open_source


@pytest.mark.parametrize("name", ["Channel1-01-A-01.tif", "Channel2-05-A-05.tif"])
def test_palette_images_of_a_plate(member, name):
    path = member("sbs_plate", name)
    stack = open_source(path).read()
    assert (stack.shape, stack.dtype, stack.rgb) == ((1, 1, 1, 640, 640), np.uint8, False)
    assert stack.spacing == Spacing()
    np.testing.assert_array_equal(stack.plane(), tifffile.imread(path))


@pytest.mark.parametrize(
    ("name", "size_um", "channel"),
    [
        ("imagexpress_exported/9987_Plate_3420/TimePoint_1/9987_B02.TIF", 1.3672, "DAPI"),
        (
            "imagexpress_projection_mix/2023-02-21/1334/ZStep_1/"
            "Projection-Mix_E08_s1_w1D73270D7-0918-4C49-8F3D-31C031A588ED.tif",
            1.3668,
            "FITC_05",
        ),
    ],
)
def test_imagexpress(member, name, size_um, channel):
    path = member("hcs_formats", name)
    stack = open_source(path).read()
    assert stack.spacing == Spacing(None, size_um, size_um)
    assert stack.channels == (channel,)
    assert stack.assumptions == ()
    np.testing.assert_array_equal(stack.plane(), tifffile.imread(path))


@pytest.mark.parametrize(
    ("name", "planes"), [("ovule_membrane", 32), ("stardist_img3d", 31), ("cellseg3d_c5", 124), ("monolayer_9z", 9)]
)
def test_compressed_volumes(member, name, planes):
    path = member("volumes3d_small", f"images/{name}.tif")
    stack = open_source(path).read()
    assert stack.shape.z == planes
    assert len(stack.assumptions) == 2
    np.testing.assert_array_equal([stack.plane(z=z) for z in range(planes)], tifffile.imread(path))
