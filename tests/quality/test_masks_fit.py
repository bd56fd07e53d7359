"""Masks that lie where the picture has no edges, or would lie on steeper ones if they were turned, are told."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_cellvino.core.recipe import make_recipe
from napari_cellvino.quality.masks_fit import describe_masks_fit
from napari_cellvino.workflows.import_masks import import_masks

SIDE = 96


def field(seed=0, size=(SIDE, SIDE)):
    """Discs at random places (Y, X) and their labels."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    pixels, labels = chance.normal(200, 20, size), np.zeros(size, np.int32)
    while labels.max() < 12:
        cy, cx = chance.integers(8, size[0] - 8), chance.integers(8, size[1] * 2 // 3)  # more of them on the left
        inside = np.hypot(y - cy, x - cx) <= 6
        if not labels[inside].any():
            labels[inside], pixels[inside] = labels.max() + 1, 3000
    return pixels.astype(np.uint16), labels


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (lambda a: a[::-1, ::-1], "turned by 180°"),
        (lambda a: a[::-1], "turned over from top to bottom"),
        (lambda a: a.T, "with rows and columns exchanged"),
        (np.rot90, "turned by 90° to the right"),
    ],
)
def test_masks_that_are_turned_are_told_with_the_way_back(turn, said):
    pixels, labels = field()
    (notice,) = describe_masks_fit("a.tif", np.ascontiguousarray(turn(labels)), pixels[None])
    assert f"times steeper edges of the image if they were {said}" in notice


def test_masks_of_another_field_are_told_and_those_of_any_channel_are_not():
    pixels, labels = field()
    (notice,) = describe_masks_fit("a.tif", labels, np.random.default_rng(1).normal(500, 20, (1, SIDE, SIDE)))
    assert "no more than elsewhere" in notice
    other = np.full_like(pixels, 7)
    assert describe_masks_fit("a.tif", labels, np.stack([other, pixels])) == ()
    assert describe_masks_fit("a.tif", labels, other[None]) == ()  # of a blank image nothing is known
    assert describe_masks_fit("a.tif", np.stack([labels, labels]), pixels[None]) == ()


@pytest.mark.parametrize(
    ("shift", "said"),
    [((0, 6), "6 px to the left"), ((-5, 3), "5 px down and 3 px to the left"), ((0, 0), ""), ((1, -1), "")],
)
def test_masks_that_were_moved_are_told_with_the_way_back(shift, said):
    pixels, labels = field()
    notices = describe_masks_fit("a.tif", np.roll(labels, shift, (0, 1)), pixels[None])
    assert len(notices) == bool(said)
    assert said in "".join(notices)


def test_cells_that_fill_the_image_are_not_doubted():
    y, x = np.mgrid[:SIDE, :SIDE]
    labels = 1 + y // 16 * 6 + x // 16
    membranes = np.where((y % 16 < 2) | (x % 16 < 2), 900, 100)
    assert describe_masks_fit("a.tif", labels.astype(np.int32), membranes[None]) == ()


def test_masks_of_stored_pixels_beside_an_image_that_exif_turns_are_told(tmp_path):
    pixels, labels = field()
    turned = Image.Exif()
    turned[274] = 3
    Image.fromarray((pixels // 16).astype(np.uint8)).save(tmp_path / "a.png", exif=turned)
    tifffile.imwrite(tmp_path / "a_masks.tif", labels.astype(np.uint16))
    recipe = make_recipe({}, source="the test")
    (done,) = import_masks(tmp_path / "a_masks.tif", [tmp_path / "a.png"], tmp_path / "out", recipe)
    assert "turned by 180°" in done.notices[0]
    tifffile.imwrite(tmp_path / "a_masks.tif", labels[::-1, ::-1].astype(np.uint16))
    (done,) = import_masks(tmp_path / "a_masks.tif", [tmp_path / "a.png"], tmp_path / "out2", recipe)
    assert done.notices == ()


@pytest.mark.parametrize(
    ("image_um", "masks_um", "said"),
    [(0.5, 0.25, "a pixel of 0.25 µm, and the image of 0.5 µm"), (0.5, 0.5, ""), (None, 0.25, "--pixel-size 0.25"),
     (0.5, None, "")],
)  # fmt: skip
def test_masks_of_another_scale_than_the_image_are_told(tmp_path, image_um, masks_um, said):
    pixels, labels = field()
    for name, held, um in (("a.tif", pixels, image_um), ("a_masks.tif", labels.astype(np.uint16), masks_um)):
        size = {} if um is None else {"PhysicalSizeX": um, "PhysicalSizeY": um}
        tifffile.imwrite(tmp_path / name, held, ome=True, metadata={"axes": "YX", **size})
    recipe = make_recipe({}, source="the test")
    (done,) = import_masks(tmp_path / "a_masks.tif", [tmp_path / "a.tif"], tmp_path / "out", recipe)
    assert len(done.notices) == bool(said)
    assert said in "".join(done.notices)
