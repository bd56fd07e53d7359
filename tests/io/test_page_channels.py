"""Channels of files that do not say what their pages are, told by the pages."""

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.recipe import Recipe, SpotPlanes
from napari_cellvino.io import open_source
from napari_cellvino.segmentation.channel_choice import choose_spot_channel
from napari_cellvino.training.synthetic.spot_fields import SpotField, simulate_spots

PLANES, SIDE = 6, 96


def spots():
    return simulate_spots(SpotField(spots=60, snr=12.0, shape=(PLANES, SIDE, SIDE), hot_pixels=0), 0)[0]


def nuclei():
    rng, y = np.random.default_rng(0), np.hypot(*(np.mgrid[:SIDE, :SIDE] - 40))
    light = 120 / (1 + np.exp((y - 14) / 2))
    return rng.poisson([100 + light * np.exp(-(((z - 2.5) / 3) ** 2)) for z in range(PLANES)]).astype(np.uint16)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("in_turn", [True, False])
def test_channels_of_pages_are_told(tmp_path, in_turn, compression):
    channels = [nuclei(), spots()]
    pages = np.stack(channels, 1).reshape(-1, SIDE, SIDE) if in_turn else np.concatenate(channels)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pages, metadata=None, compression=compression)
    stack = open_source(path).read()
    assert (stack.shape.c, stack.shape.z) == (2, PLANES)
    for c, planes in enumerate(channels):
        assert all((stack.plane(c=c, z=z) == plane).all() for z, plane in enumerate(planes))
    assert f"they look like 2 channels of {PLANES} planes" in stack.warnings[0]
    choice = choose_spot_channel(stack, Recipe(model="", spots=SpotPlanes.STACK))
    assert choice.channel == "Channel 2"
    assert "shows most of them" in choice.said
    planes = open_source(path, axes="ZYX").read()
    assert (planes.shape.c, planes.shape.z) == (1, 2 * PLANES)


@pytest.mark.parametrize("pages", [spots(), nuclei(), np.zeros((PLANES, 20, 20), np.uint8)])
def test_planes_of_one_channel_stay_planes(tmp_path, pages):
    tifffile.imwrite(tmp_path / "a.tif", pages, metadata=None)
    stack = open_source(tmp_path / "a.tif").read()
    assert (stack.shape.c, stack.shape.z) == (1, PLANES)
    assert "taken as planes of a z-stack" in stack.warnings[0]
