"""Areas without data beside spots: nothing is found there, and as much as ever beside them."""

import numpy as np
import pytest

from napari_cellvino.quality.point_accuracy import match_points
from napari_cellvino.segmentation.spots.detect import find_spots
from napari_cellvino.segmentation.spots.missing import without_gaps
from napari_cellvino.segmentation.spots.network import shipped_networks
from napari_cellvino.training.synthetic.spot_fields import SpotField, simulate_spots

FIELD = SpotField(spots=120, snr=6.0, hot_pixels=4, in_cells=0.5, shape=(256, 256))


@pytest.mark.parametrize("value", [np.nan, 0.0, 180.0])
@pytest.mark.parametrize("by_network", [True, False])
def test_a_border_without_data_hides_no_spots(value, by_network):
    image, true = simulate_spots(FIELD, 50)
    image = image.astype(np.float32)
    image[:40] = value
    found = find_spots(image, networks=shipped_networks() if by_network else None).position[:, 1:]
    true = true[true[:, 1] > 40, 1:]
    assert (found[:, 0] > 39).all()
    assert match_points(found, true, 2.0).f1 > 0.8  # 0.19 by the filter before: 31 of 94


def test_gaps_are_filled_with_what_lies_beside_them():
    image = np.random.default_rng(0).poisson(100, (2, 80, 90)).astype(np.float32)
    image[0, :20], image[1, 30:50, 30:60] = np.nan, 7.0
    filled, missing = without_gaps(image)
    assert missing is not None
    assert missing[0].sum() == 20 * 90
    assert missing[1].sum() == pytest.approx(20 * 30, rel=0.1)
    np.testing.assert_array_equal(filled[0, 18], filled[0, 22])
    np.testing.assert_array_equal(filled[~missing], image[~missing])
    assert filled[missing].std() == pytest.approx(10, rel=0.1)


def test_single_photons_and_a_background_of_one_value_are_data():
    few = np.random.default_rng(0).poisson(0.02, (1, 160, 160)).astype(np.uint16)
    flat = np.zeros((1, 160, 160), np.uint16)
    flat[0, :40] = np.random.default_rng(1).poisson(100, (40, 160))
    for image in (few, flat):
        assert without_gaps(image)[1] is None


def test_an_image_without_any_data_has_no_spots():
    assert len(find_spots(np.full((64, 64), np.nan, np.float32), networks=shipped_networks())) == 0
