"""Filters in bands give what the filters of the whole image do."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.segmentation.spots.bands import gaussian, highest_beside, neighbours_in_plane
from napari_cellvino.segmentation.spots.response import background_of, noise_of, quantile_of_sorted

SHAPES = ((1, 700, 900), (5, 300, 400), (1, 9, 7), (3, 4, 1), (2, 1, 50))  # the first two of several bands


@pytest.fixture(params=SHAPES, ids=str)
def image(request):
    """Return noise (Z, Y, X) with grey values of which no two are alike and, added, some that are."""
    rng = np.random.default_rng(0)
    pixels = rng.poisson(30, request.param) + rng.random(request.param).round(1)
    return pixels.astype(np.float32)


@pytest.mark.parametrize(
    ("sigma", "order"),
    [((0.0, 1.3, 1.3), (0, 2, 0)), ((1.5, 2.2, 2.2), (2, 0, 0)), ((0.0, 3.0, 3.0), (0, 0, 0))],
)
def test_gaussian_is_that_of_scipy(image, sigma, order):
    expected = ndi.gaussian_filter(image, sigma, order=order, mode="mirror", truncate=4.0)
    np.testing.assert_allclose(gaussian(image, sigma, order), expected, rtol=0, atol=2e-6 * image.max())


def test_neighbours_are_those_of_rank_filters(image):
    ring = np.ones((1, 3, 3), bool)
    ring[0, 1, 1] = False
    middle, highest = neighbours_in_plane(image)
    np.testing.assert_array_equal(middle, ndi.median_filter(image, footprint=ring, mode="mirror"))
    np.testing.assert_array_equal(highest, ndi.maximum_filter(image, footprint=ring, mode="mirror"))
    size = [3 if n > 1 else 1 for n in image.shape]
    expected = ndi.maximum_filter(image, size=size, mode="constant", cval=-np.inf)
    np.testing.assert_array_equal(highest_beside(image), expected)


def test_quantiles_of_sorted_values_are_those_of_numpy():
    values = np.sort(np.random.default_rng(1).normal(50, 9, 12_345).astype(np.float32))
    shares = np.linspace(0, 1, 17)
    np.testing.assert_array_equal(quantile_of_sorted(values, shares), np.quantile(values, shares))


def test_noise_is_what_was_simulated_at_each_level_of_light():
    rng = np.random.default_rng(2)
    light = np.repeat(np.float32([100, 400, 1600]), 300)[None, :, None] * np.ones((1, 900, 400), np.float32)
    image = (light + rng.normal(0, np.sqrt(light))).astype(np.float32)
    background = background_of(image, (0.0, 1.3, 1.3))
    noise = noise_of(image - light, background, 0.3)
    for row, expected in ((150, 10), (450, 20), (750, 40)):
        assert np.median(background[0, row]) == pytest.approx(expected**2, rel=0.02)
        assert np.median(noise[0, row]) == pytest.approx(expected, rel=0.05)
