from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import ArrayPlanes, Origin, Shape, Spacing, Stack, ZChoice, channel_index


@pytest.fixture
def stack() -> Stack:
    array = np.zeros((1, 2, 24, 6, 8), np.uint16)
    return Stack(
        ArrayPlanes(array),
        Shape(*array.shape),
        array.dtype,
        Spacing(1, 0.32, 0.32),
        ("DNA", "GFP"),
        origin=Origin("a.tif"),
    )


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((0.5, 0.25), ""),  # as of a scanner of lines
        ((325.0, 325.0), "a pixel of 325 µm is unlikely"),  # nm
        ((1e-7, 1e-7), "a pixel of 1e-07 µm"),  # m
        ((1000.0, 0.3, 0.3), "a pixel of 1000 µm"),  # planes in nm
        ((0.325, 32.5), "pixels of 0.325 x 32.5 µm (y, x) are unlikely"),
        (None, ""),
    ],
)
def test_sizes_that_no_microscope_gives_are_questioned(size, said):
    array = np.zeros((2, 8, 8)[-max(2, len(size or ())) :], np.uint8)
    told = " ".join(Stack.from_array(array, axes="ZYX"[-array.ndim :], spacing_um=size).assumptions)
    assert (said in told) if said else "unlikely" not in told


def test_a_stack_describes_itself(stack: Stack) -> None:
    assert stack.describe() == "24 planes · 2 channels · 8 × 6 px · uint16"
    assert stack.describe_spacing() == "0.32 × 0.32 × 1 µm per pixel"
    unknown = replace(stack, spacing=Spacing())
    assert unknown.describe_spacing() == "pixel size unknown: results in pixels"


def test_corrections_take_their_doubts_away(stack: Stack) -> None:
    doubtful = replace(stack, spacing=Spacing(), remarks=("the pages are planes",))
    mended = doubtful.with_spacing(Spacing(None, 0.5, 0.5))
    assert mended.assumptions == ("the pages are planes", *mended.unknown_sizes)
    assert mended.with_spacing(Spacing(1, 0.5, 0.5)).assumptions == ("the pages are planes",)
    assert mended.planes is doubtful.planes
    assert stack.with_channels(["a", "b"]).channels == ("a", "b")
    with pytest.raises(ImageValueError, match="2 .*1 "):
        stack.with_channels(["a"])


def test_a_stack_without_pixels_is_refused() -> None:
    with pytest.raises(ImageValueError, match=r"a\.b"):
        Stack(ArrayPlanes(np.zeros((1, 1, 1, 0, 5))), Shape(1, 1, 1, 0, 5), np.dtype(float), origin=Origin("a.b"))


@pytest.mark.parametrize(("choice", "index"), [("", 0), ("dna", 0), ("GFP", 1), ("1", 0), ("2", 1)])
def test_channels_by_name_and_number(stack: Stack, choice: str, index: int) -> None:
    assert channel_index(stack, choice) == index


@pytest.mark.parametrize("choice", ["0", "3", "grey", "RFP", "-1"])
def test_channels_that_are_not_there(stack: Stack, choice: str) -> None:
    with pytest.raises(ImageValueError, match="1 DNA, 2 GFP"):
        channel_index(stack, choice)


@pytest.mark.parametrize(
    ("path", "name"), [("/a/b/cell.ome.tif", "cell"), ("C:\\x\\y.v2.TIFF", "y.v2"), ("", "image"), ("k.png", "k")]
)
def test_names_come_from_paths(path: str, name: str) -> None:
    assert Origin(path).name == name


@pytest.mark.parametrize("text", ["mip", "mean", "focus", "plane:3", "3d"])
def test_z_choices_read_back(text: str) -> None:
    assert str(ZChoice.parse(text)) == text


@pytest.mark.parametrize("text", ["plane:0", "plane:", "plane", "plane:-1", "MIP "])
def test_other_z_choices_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="mip, mean, focus, 3d.*plane:K"):
        ZChoice.parse(text)
