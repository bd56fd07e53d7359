"""Filters in bands give what the filters of the whole image do."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.segmentation.spots.background import background_of
from napari_cellvino.segmentation.spots.bands import highest_beside, local_maxima, neighbours_in_plane, peaks_in_plane
from napari_cellvino.segmentation.spots.gaussian_filter import gaussian
from napari_cellvino.segmentation.spots.noise import measure_noise, noise_of, quantile_of_sorted
from napari_cellvino.segmentation.spots.response import spot_response, spot_response_at

SHAPES = ((1, 700, 900), (5, 300, 400), (1, 9, 7), (3, 4, 1), (2, 1, 50))  # the first two of several bands


@pytest.fixture(params=SHAPES, ids=str)
def image(request):
    """Return noise (Z, Y, X) with grey values of which no two are alike and, added, some that are."""
    rng = np.random.default_rng(0)
    pixels = rng.poisson(30, request.param) + rng.random(request.param).round(1)
    return pixels.astype(np.float32)


@pytest.mark.parametrize(
    ("sigma", "order"),
    [((0.0, 1.3, 1.3), (0, 2, 0)), ((1.5, 2.2, 2.2), (2, 0, 0)), ((0.0, 9.0, 9.0), (0, 0, 0))],
)
def test_gaussian_is_that_of_scipy(image, sigma, order):
    expected = ndi.gaussian_filter(image, sigma, order=order, mode="mirror", truncate=4.0)
    np.testing.assert_allclose(gaussian(image, sigma, order), expected, rtol=0, atol=2e-6 * image.max())


def test_neighbours_are_those_of_rank_filters(image):
    ring = np.ones((1, 3, 3), bool)
    ring[0, 1, 1] = False
    every = np.argwhere(np.ones(image.shape, bool))
    ranked = neighbours_in_plane(image, every).reshape(*image.shape, 8)
    highest = ndi.maximum_filter(image, footprint=ring, mode="mirror")
    np.testing.assert_array_equal(ranked[..., 4], ndi.median_filter(image, footprint=ring, mode="mirror"))
    np.testing.assert_array_equal(ranked[..., 7], highest)
    np.testing.assert_array_equal(peaks_in_plane(image, 2.5), np.argwhere(image - highest > 2.5))
    size = [3 if n > 1 else 1 for n in image.shape]
    expected = ndi.maximum_filter(image, size=size, mode="constant", cval=-np.inf)
    np.testing.assert_array_equal(highest_beside(image), expected)
    np.testing.assert_array_equal(local_maxima(image, 31.0), np.argwhere((image == expected) & (image > 31)))


@pytest.mark.parametrize("sigma", [(0.0, 1.3, 1.3), (1.2, 1.5, 1.5)])
def test_response_at_a_few_places_is_that_of_the_image(image, sigma):
    rng = np.random.default_rng(3)
    at = np.concatenate([np.zeros((1, 3), int), rng.integers(0, image.shape, (20, 3))])
    expected = spot_response(image, sigma)[tuple(at.T)]
    np.testing.assert_allclose(spot_response_at(image, at, sigma), expected, rtol=0, atol=2e-5 * image.max())


def test_quantiles_of_sorted_values_are_those_of_numpy():
    values = np.sort(np.random.default_rng(1).normal(50, 9, 12_345).astype(np.float32))
    shares = np.linspace(0, 1, 17)
    np.testing.assert_array_equal(quantile_of_sorted(values, shares), np.quantile(values, shares))


def test_noise_is_what_was_simulated_at_each_level_of_light():
    rng = np.random.default_rng(2)
    light = np.repeat(np.float32([100, 400, 1600]), 300)[None, :, None] * np.ones((1, 900, 400), np.float32)
    image = (light + rng.normal(0, np.sqrt(light))).astype(np.float32)
    background = background_of(image, (0.0, 1.3, 1.3)).everywhere()
    noise = noise_of(image - light, background, 0.3)
    for row, expected in ((150, 10), (450, 20), (750, 40)):
        assert np.median(background[0, row]) == pytest.approx(expected**2, rel=0.02)
        assert np.median(noise[0, row]) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("whole", [False, True])
def test_noise_of_a_large_image_is_told_from_strips_of_it(whole):
    rng = np.random.default_rng(4)
    light = np.linspace(100, 900, 2600, dtype=np.float32)[None, :, None] * np.ones((1, 2600, 1200), np.float32)
    image = rng.poisson(light).astype(np.float32)
    sigma = (0.0, 1.3, 1.3)
    response = spot_response(image, sigma)
    noise = measure_noise(image, sigma, whole=whole, response=response)
    assert len(noise.told) < image.size / 3
    at = np.stack([np.zeros(5, int), np.array([100, 700, 1300, 1900, 2500]), np.full(5, 600)], 1)
    expected = [response[0, y - 60 : y + 60].std() for y in at[:, 1]]
    np.testing.assert_allclose(noise.at(at), expected, rtol=0.03)
    part = (slice(0, 1), slice(690, 720), slice(580, 620))
    assert noise.within(part)[0, 10, 20] == pytest.approx(noise.at(at[1:2])[0], rel=1e-5)
    without = measure_noise(image, sigma, whole=whole)
    np.testing.assert_allclose(without.told, noise.told, rtol=1e-3)
    assert (without.at_most(noise).at(at) <= noise.at(at)).all()
