from types import SimpleNamespace

import numpy as np
import pytest

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import ALL_CHANNELS, ArrayPlanes, Shape, Stack, channel_index
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.some_channels import select_stack_channels
from napari_cellvino.segmentation.channel_choice import by_name, choose_channel, taught_channel, with_channel
from napari_cellvino.segmentation.dye_light import DENSITIES

NUCLEI = SimpleNamespace(name="nuclei", input_channels=1, stain="nuclei", taught=None)
STAINED = SimpleNamespace(name="stained", input_channels=1, stain="transmitted", taught=None, sees_dyes=True)
WHITE = 255
PHASE = SimpleNamespace(input_channels=1, stain="transmitted", taught=None)


@pytest.mark.parametrize(
    ("channels", "hints", "chosen", "guess"),
    [
        (("Phalloidin", "DAPI"), (), "DAPI", False),
        (("DAPI", "GFP"), (), "", False),  # the first as it is
        (("actin", "w2_Hoechst33342"), (), "w2_Hoechst33342", False),
        (("GFP", "H33342"), (), "H33342", False),
        (("Cy3", "DRAQ5"), (), "DRAQ5", False),
        (("488 nm", "405 nm"), (), "405 nm", False),
        (("525/50", "460/50"), (), "460/50", False),
        (("C1", "C2"), ("Alexa 488 488 517", "405 450"), "C2", False),
        (("C1", "C2"), ("#00FF00", "#0000FF"), "C2", True),
        (("Ch1", "Ch2"), (), "", True),
        (("GFP", "Exposure 1405"), (), "", True),  # a number that only holds one of those wavelengths
    ],
)
def test_a_model_of_nuclei_takes_the_channel_that_says_so(channels, hints, chosen, guess):
    choice = by_name(channels, hints, NUCLEI)
    assert (choice.channel, choice.guess) == (chosen, guess)
    assert (chosen or channels[0]) in choice.said


def test_other_models_take_their_own():
    assert by_name(("DAPI", "Phase"), (), PHASE).channel == "Phase"
    assert by_name(("a", "b"), (), SimpleNamespace(input_channels=1, stain="", taught=None)).said == ""


def colours(red, green, blue):
    base = np.zeros((3, 64, 64), np.uint8)
    spots = np.zeros((64, 64), bool)
    spots[8:24, 8:24] = True
    for channel, (background, bright) in enumerate((red, green, blue)):
        base[channel] = np.where(spots if channel == 2 else spots.T[::-1], bright, background)
    pixels = base[None, :, None]
    shape = Shape(1, 3, 1, 64, 64)
    return Stack(ArrayPlanes(pixels), shape, pixels.dtype, channels=("Red", "Green", "Blue"), rgb=True)


@pytest.mark.parametrize(
    ("red", "green", "blue", "chosen"),
    [
        ((5, 200), (0, 0), (5, 220), "Blue"),  # actin in red, nuclei in blue
        ((0, 0), (5, 220), (0, 0), ""),  # green only
        ((0, 0), (0, 0), (5, 220), ""),  # blue only: all colours show the same
        ((220, 120), (200, 60), (220, 160), ""),  # a stain on a bright ground
    ],
)
def test_blue_of_a_merge(red, green, blue, chosen):
    assert choose_channel(colours(red, green, blue), NUCLEI).channel == chosen


def test_grey_pictures_in_colour_stay_grey():
    stack = colours((5, 200), (5, 200), (5, 200))
    same = np.repeat(stack.planes.array[:, :1], 3, axis=1)
    grey = Stack(ArrayPlanes(same), stack.shape, same.dtype, channels=stack.channels, rgb=True)
    assert choose_channel(grey, NUCLEI).channel == ""


def test_a_channel_that_was_named_stays():
    choice = by_name(("Phalloidin", "DAPI"), (), NUCLEI)
    assert with_channel(Recipe(channel="1"), choice).channel == "1"
    assert with_channel(Recipe(), choice).channel == "DAPI"


@pytest.mark.parametrize(("names", "kept"), [(("GFP", "DAPI"), (0,)), (("GFP", "Hoechst", "Cy5"), (0, 2))])
def test_the_channel_of_nuclei_is_not_another_where_its_file_is_missing(names, kept):
    pixels = ArrayPlanes(np.zeros((1, len(names), 1, 4, 4)))
    stack = Stack(pixels, Shape(1, len(names), 1, 4, 4), np.dtype(float), channels=names)
    with pytest.raises(ImageValueError, match=f"channel {names[1]} .* missing"):
        choose_channel(select_stack_channels(stack, kept, "missing"), NUCLEI)
    others = tuple(c for c in range(len(names)) if c != 0)
    assert choose_channel(select_stack_channels(stack, others, "missing"), NUCLEI).channel == names[1]
    with pytest.raises(ImageValueError, match="has no channel '1'"):
        channel_index(select_stack_channels(stack, others, "missing"), "")
    assert choose_channel(stack, NUCLEI).channel == names[1]


@pytest.mark.parametrize(
    ("brown", "chosen", "guess", "said"),
    [(0.7, "haematoxylin", True, "70 % of the tissue"), (0.3, "", False, "30 % of the tissue"), (0.02, "", False, "")],
)
def test_tissue_under_a_brown_stain(brown: float, chosen: str, guess: bool, said: str) -> None:
    dab, blue = ((WHITE * 10.0 ** -(0.5 * DENSITIES[dye])).astype(np.uint8) for dye in (2, 0))
    where = np.arange(100)[None] < round(100 * brown)
    pixels = np.where(where, dab[:, None, None], blue[:, None, None]) * np.ones((1, 80, 1), np.uint8)
    stack = Stack.from_array(pixels.transpose(1, 2, 0), axes="YXS")
    choice = choose_channel(stack, STAINED)
    assert (choice.channel, choice.guess) == (chosen, guess)
    assert said in choice.said
    assert bool(choice.notices) == bool(said)


def test_a_taught_model_takes_the_channel_that_it_was_taught_on() -> None:
    one, several = (SimpleNamespace(channels=names) for names in (("GFP",), ("DAPI", "GFP")))
    assert taught_channel(("DAPI", "gfp"), one).channel == "gfp"
    assert taught_channel(("DAPI", "RFP"), one).guess
    assert taught_channel(("DAPI", "RFP"), several).channel == ALL_CHANNELS
