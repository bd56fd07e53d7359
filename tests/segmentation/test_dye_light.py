import numpy as np
import pytest
from skimage import data

from napari_cellvino import segment
from napari_cellvino.core.dyes import Dye, dye_named
from napari_cellvino.core.image import Stack, channel_index
from napari_cellvino.segmentation.dye_light import DENSITIES, light_through, stain_shares
from napari_cellvino.segmentation.prepare import input_channel, network_inputs


def picture(haematoxylin, eosin, dab, white=255):
    """Return the colours (3, Y, X) of amounts (Y, X) of three dyes, as a camera of ``white`` steps sees them."""
    amounts = np.stack(np.broadcast_arrays(haematoxylin, eosin, dab), axis=-1)
    light = 10.0 ** -(amounts @ DENSITIES)
    return np.moveaxis(np.round(white * light), -1, 0).astype(np.uint8 if white == 255 else np.uint16)


@pytest.mark.parametrize("white", [255, 4095, 65535])
def test_each_dye_is_parted_from_the_others(white: int) -> None:
    rows = np.linspace(0, 0.6, 60)[:, None]
    columns = np.linspace(0, 0.6, 50)[None]
    seen = picture(rows, 0.1, columns, white)
    seen[:, 0, 0] = white
    nuclear, brown = (light_through(seen, dye)[0] for dye in (Dye.HAEMATOXYLIN, Dye.DAB))
    np.testing.assert_allclose(np.log10(255 / nuclear[1:]), np.broadcast_to(rows[1:], (59, 50)), atol=0.02)
    np.testing.assert_allclose(np.log10(255 / brown[1:]), np.broadcast_to(columns, (59, 50)), atol=0.02)
    bands = light_through(np.concatenate([seen] * 400, axis=2), Dye.DAB)[0]
    np.testing.assert_array_equal(bands[:, :50], brown)


def test_brown_and_blue_are_told_apart() -> None:
    tissue = np.zeros((40, 100)) + 0.5
    part = np.arange(100)[None] < 70
    shares = stain_shares(picture(~part * tissue, 0, part * tissue))
    assert (shares.brown, shares.blue) == pytest.approx((0.7, 0.3))
    usual = stain_shares(picture(~part * tissue, part * tissue, 0))
    assert (usual.brown, usual.blue) == pytest.approx((0, 0.3))
    assert stain_shares(np.full((3, 40, 40), 240, np.uint8)).brown == 0


@pytest.mark.parametrize("name", ["haematoxylin", "Hematoxylin", "HAEMATOXYLIN"])
def test_both_spellings(name: str) -> None:
    assert dye_named(name) is Dye.HAEMATOXYLIN
    assert dye_named("dab") is Dye.DAB
    assert dye_named("DAPI") is None


def test_nuclei_under_a_brown_stain_are_found_in_the_blue_one() -> None:
    # tissue of a colon, whose cells are brown and whose nuclei are blue (public domain, with scikit-image)
    image = data.immunohistochemistry()
    found = segment(image, "nuclei-stained", axes="YXS")
    in_grey = segment(image, "nuclei-stained", axes="YXS", channel="grey")
    assert found.count > 80
    assert in_grey.count < 10
    assert any("haematoxylin" in notice and "80 %" in notice for notice in found.notices)


def test_a_dye_is_a_channel_of_a_picture_in_colour_only() -> None:
    pixels = picture(np.full((8, 8), 0.3), 0, 0)
    stack = Stack.from_array(pixels.transpose(1, 2, 0), axes="YXS")
    assert channel_index(stack, "haematoxylin") is None
    assert input_channel(stack, "haematoxylin", 1) is Dye.HAEMATOXYLIN
    assert network_inputs(pixels, Dye.DAB, 1).shape == (1, 8, 8)
    grey = Stack.from_array(np.zeros((2, 8, 8)), axes="CYX")
    with pytest.raises(ValueError, match="no channel 'DAB'"):
        channel_index(grey, "DAB")
