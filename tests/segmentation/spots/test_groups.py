"""Spots of two kinds in one field: what is dimmer is left out only where it is no spot, and that is said."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.core.spots import Spots
from napari_cellvino.quality.point_accuracy import match_points
from napari_cellvino.segmentation.spots.detect import find_spots
from napari_cellvino.segmentation.spots.network import shipped_networks
from napari_cellvino.segmentation.spots.step import _describe, _describe_groups, _describe_left_out
from napari_cellvino.training.synthetic.spot_fields import SpotField, simulate_spots

NOTHING_GIVEN = {"spot_diameter": 0.0, "spot_score": 0.0, "spot_brightness": 0.0}
MOLECULES = SpotField(spots=150, snr=6.0, hot_pixels=0)


@pytest.mark.parametrize(("sites", "times"), [(20, 8.0), (40, 8.0)])
@pytest.mark.parametrize("by_network", [True, False])
def test_molecules_are_counted_beside_bright_transcription_sites(sites, times, by_network):
    image, true = simulate_spots(MOLECULES, 40)
    bright = replace(MOLECULES, spots=sites, snr=times * MOLECULES.snr, cells=0, slope=0.0, spread=0.2)
    other, there = simulate_spots(bright, 41)
    both = np.clip(image.astype(float) + other - bright.background, 0, None).astype(np.uint16)
    found = find_spots(both, networks=shipped_networks() if by_network else None)
    every = np.concatenate([true, there])
    assert len(found) == pytest.approx(len(every), rel=0.2)  # 20 and 40 before: the sites alone
    assert match_points(found.position[:, 1:], every[:, 1:], 2.0).f1 > 0.85
    (told,) = _describe_groups(found)
    number, words = told.split(" ", 1)
    assert int(number) == pytest.approx(sites, abs=4)
    assert words.startswith("of the spots are a group of their own")


def test_spots_of_one_kind_are_one_group():
    found = find_spots(simulate_spots(MOLECULES, 40)[0], networks=shipped_networks())
    assert _describe_groups(found) == ()
    assert found.left_out == 0


def test_hot_pixels_of_a_smoothed_image_do_not_hide_the_spots():
    image, true = simulate_spots(replace(MOLECULES, hot_pixels=12, in_cells=0.6), 30)
    smoothed = np.rint(ndi.gaussian_filter(image.astype(float), 0.5)).astype(np.uint16)
    found = find_spots(smoothed, networks=shipped_networks())
    assert match_points(found.position[:, 1:], true[:, 1:], 2.0).f1 > 0.8  # 0.03 before


def granules_and_spots(seed: int) -> np.ndarray:
    """60 bright spots of 1.4 px among 200 dim granules, which are narrower or wider."""
    field = SpotField(spots=60, snr=40.0, hot_pixels=0, spread=0.2, cells=0, slope=0.0)
    image, rng = simulate_spots(field, seed)[0], np.random.default_rng([3, seed])
    y, x = np.mgrid[:192, :192]
    granules = np.zeros(image.shape)
    for place in rng.uniform(4, 188, (200, 2)):
        wide, peak = rng.choice([0.75, 2.2]), 60 * rng.uniform(0.7, 1.3)
        granules += peak * np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / 2 / wide**2)
    return (image + rng.poisson(granules)).astype(np.uint16)


@pytest.mark.parametrize("seed", [0, 1])
def test_granules_of_other_widths_are_left_out_and_counted(seed):
    found = find_spots(granules_and_spots(seed))
    assert len(found) == pytest.approx(60, abs=3)
    assert found.left_out > 80
    assert found.left_out + len(found) == pytest.approx(found.curve[0, 1], abs=5)
    assert f"{found.left_out} dimmer places are left out" in _describe(found, NOTHING_GIVEN)


def test_nothing_is_said_to_be_left_out_where_a_brightness_is_given():
    found = find_spots(granules_and_spots(0), least_brightness=5.0)
    assert len(found) > 150
    assert found.left_out == 0
    assert "left out" not in _describe(found, NOTHING_GIVEN | {"spot_brightness": 5.0})
    assert _describe_left_out(found) == ()


def test_dimmer_places_that_are_left_out_are_told():
    curve = np.array([[1.0, 500.0], [2.0, 420.0], [10.0, 60.0], [20.0, 30.0]])
    few = Spots(np.zeros((60, 3)), np.ones(60), np.ones(60), np.zeros(60, np.int32), curve=curve, left_out=80)
    assert _describe_left_out(few) == ()
    fewer = replace(few, left_out=440).select(np.arange(20))
    (told,) = _describe_left_out(fewer)
    assert "20 spots are far brighter than 440 dimmer places" in told
    assert "440 dimmer places are left out" in _describe(fewer, NOTHING_GIVEN)
