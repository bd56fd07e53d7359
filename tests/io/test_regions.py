"""A region is the part of the plane that it names, and costs the tiles that it touches, however pixels are stored."""

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from test_lazy_reading import bytes_read
from test_slides import FULL, ndpi, pyramid

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.recipe import Recipe, make_recipe
from napari_cellvino.io import open_as
from napari_cellvino.io.plates import open_plate

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 60000, (130, 170), np.uint16)
COLOUR = RNG.integers(0, 255, (130, 170, 3), np.uint8)
REGION = "40:97,30:120"
TILES = {"tile": (32, 48)}


def stack(path, region=REGION, **said):
    return open_as(path, MetadataOverrides(region=region, **said)).read()


WAYS = {
    "in one piece": (GREY, {}),
    "big-endian": (GREY, {"byteorder": ">"}),
    "tiles": (GREY, TILES),
    "big-endian tiles": (GREY, {"byteorder": ">", **TILES}),
    "deflated tiles": (GREY, {"compression": "zlib", "predictor": True, **TILES}),
    "strips": (GREY, {"compression": "lzw", "rowsperstrip": 7}),
    "one strip": (GREY, {"compression": "zlib"}),
    "1 bit": (GREY > 30000, {"photometric": "minisblack", "compression": "packbits", "rowsperstrip": 9}),
    "0 is white": (COLOUR[..., 0], {"photometric": "miniswhite", **TILES}),
    "colours": (COLOUR, {"photometric": "rgb", **TILES}),
    "colours in one piece": (COLOUR, {"photometric": "rgb"}),
    "jpeg": (COLOUR, {"photometric": "ycbcr", "compression": "jpeg", "subsampling": (2, 2), "tile": (32, 48)}),
    "separate colours": (COLOUR.transpose(2, 0, 1), {"photometric": "rgb", "planarconfig": "separate", **TILES}),
    "on its side": (GREY, {"extratags": [(274, "H", 1, 6, True)], **TILES}),
    "channels last": (np.stack([GREY, GREY // 2], -1), {"photometric": "minisblack", "metadata": None}),
    "channels last, packed": (
        np.stack([GREY, GREY // 2], -1), {"photometric": "minisblack", "metadata": None, "compression": "zlib"}
    ),
    "pages": (
        np.stack([GREY, GREY // 2, GREY // 3]), {"photometric": "minisblack", "metadata": {"axes": "ZYX"}, **TILES}
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_region_is_a_part_of_the_plane(tmp_path, way):
    pixels, how = WAYS[way]
    path, how = tmp_path / "a.tif", dict(how)
    tifffile.imwrite(path, pixels, byteorder=how.pop("byteorder", None), ome=False, **how)
    whole, part = open_as(path, MetadataOverrides()).read(), stack(path)
    assert part.shape == whole.shape._replace(y=57, x=90)
    for c, z in np.ndindex(whole.shape.c, whole.shape.z):
        np.testing.assert_array_equal(part.plane(c=c, z=z), whole.plane(c=c, z=z)[40:97, 30:120])
    edge = stack(path, f"{whole.shape.y - 3}:{whole.shape.y},0:{whole.shape.x}").plane()
    np.testing.assert_array_equal(edge, whole.plane()[-3:])


def test_a_tile_that_was_never_written_is_empty(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        tiles = iter([GREY[:64, :64], None, None, GREY[64:128, 64:128]])
        writer.write(tiles, shape=(128, 128), dtype="uint16", tile=(64, 64), compression="zlib")
    part = stack(tmp_path / "a.tif", "60:70,60:70").plane()
    assert not part[:4, 4:].any()
    np.testing.assert_array_equal(part[4:, 4:], GREY[64:70, 64:70])


def test_other_formats(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    np.testing.assert_array_equal(stack(tmp_path / "a.png").plane(c=2), COLOUR[40:97, 30:120, 2])
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    axes = [{"name": name, "type": "space" if name in "yx" else "channel"} for name in "cyx"]
    scale = {"coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [{"path": "0", **scale}]}]
    group.create_array("0", data=np.stack([GREY, GREY // 2]), chunks=(1, 32, 32))
    np.testing.assert_array_equal(stack(tmp_path / "a.zarr").plane(c=1), GREY[40:97, 30:120] // 2)


def test_a_slide_by_level(tmp_path):
    ndpi(tmp_path / "a.ndpi", [(FULL, 20.0), (FULL[::4, ::4].copy(), 5.0)], 0.5)
    whole, part = (stack(tmp_path / "a.ndpi", region, level=1) for region in ("", "10:40,8:50"))
    np.testing.assert_array_equal(part.plane(c=1), whole.plane(c=1)[10:40, 8:50])
    assert part.spacing == whole.spacing
    pyramid(tmp_path / "b.tif")
    np.testing.assert_array_equal(
        stack(tmp_path / "b.tif", "3:20,5:30", level=1).plane(),
        stack(tmp_path / "b.tif", "", level=1).plane()[3:20, 5:30],
    )


@pytest.mark.parametrize("how", [{}, {"tile": (256, 256)}, {"tile": (256, 256), "compression": "zlib"}])
def test_a_region_costs_what_it_touches(tmp_path, how):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RNG.integers(0, 60000, (4096, 4096), np.uint16), **how)
    part = stack(path, "1000:1200,1000:1200")
    before = bytes_read()
    part.plane()
    assert bytes_read() - before < 2**21  # of 32 MiB


def test_a_region_has_no_part_outside_the_image_and_is_said(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    with pytest.raises(ImageValueError, match="130 rows and 170 columns"):
        stack(tmp_path / "a.tif", "0:131,0:10")
    assert "rows 40 to 97 and columns 30 to 120 of 130 and 170" in stack(tmp_path / "a.tif").warnings[-1]
    for text in ("5:5,0:9", "0:9", "-1:3,0:9", "0:9,0:9,0:9"):
        with pytest.raises(OptionError, match="Y0:Y1,X0:X1"):
            make_recipe({"region": text})
    assert Recipe(region=" 0:9, 3:7").overrides.region == "0:9,3:7"


def test_a_plate_has_no_region(hcs_folders):
    with pytest.raises(OptionError, match="is for image files"):
        open_plate(hcs_folders / "operetta_harmony", said=MetadataOverrides(region=REGION))
