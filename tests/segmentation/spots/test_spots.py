"""Spots in simulated fields whose places are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

from napari_cellvino.core.spots import labels_at
from napari_cellvino.quality.point_accuracy import match_points
from napari_cellvino.segmentation.spots.detect import find_spots
from napari_cellvino.segmentation.spots.network import shipped_networks
from napari_cellvino.segmentation.spots.step import _describe_between
from napari_cellvino.training.synthetic.particle_stacks import simulate_stack
from napari_cellvino.training.synthetic.spot_fields import SpotField, simulate_spots

FIELD = SpotField(spots=60, snr=10.0, shape=(128, 128))


def test_places_are_found_to_parts_of_a_pixel():
    image, true = simulate_spots(FIELD, 1)
    found = find_spots(image)
    assert match_points(found.position[:, 1:], true[:, 1:], 2.0).f1 > 0.85
    distance, _ = cKDTree(found.position[:, 1:]).query(true[:, 1:])
    assert np.median(distance) < 0.25
    assert found.sigma[1] == pytest.approx(1.4, rel=0.08)
    assert not found.planes


def test_light_of_a_spot_is_its_sum():
    image, _ = simulate_spots(replace(FIELD, spots=20, spread=0.0, snr=20.0, cells=0, slope=0.0, hot_pixels=0), 2)
    light = 20 * np.sqrt(100) * 2 * np.pi * 1.4**2
    assert np.median(find_spots(image).intensity) == pytest.approx(light, rel=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_field_without_spots_has_nearly_none(seed):
    image, _ = simulate_spots(replace(FIELD, spots=0, shape=(192, 192), hot_pixels=30), seed)
    assert len(find_spots(image)) <= 2


@pytest.mark.parametrize("photons", [0.05, 0.3, 1.0])
def test_few_photons_are_no_spots(photons):
    image = np.random.default_rng(3).poisson(photons, (160, 160)).astype(np.uint16)
    assert len(find_spots(image)) <= 2


@pytest.mark.parametrize(("sigma", "snr", "least"), [(0.6, 10.0, 0.85), (1.4, 3.0, 0.75)])
def test_small_and_dim_spots_are_found(sigma, snr, least):
    field = replace(FIELD, snr=snr, sigma=(1.2, sigma, sigma), cells=0, slope=0.0, hot_pixels=0)
    image, true = simulate_spots(field, 5)
    assert match_points(find_spots(image).position[:, 1:], true[:, 1:], 2.0).f1 > least


@pytest.mark.parametrize("image", [np.zeros((40, 40), np.uint8), np.full((30, 30), np.nan), np.full((8, 5, 5), 7)])
def test_field_without_anything_has_none(image):
    assert len(find_spots(image)) == 0


def test_stack_has_places_along_z():
    image, true = simulate_spots(replace(FIELD, spots=40, shape=(12, 96, 96)), 3)
    found = find_spots(image, z_over_x=2.0)
    assert found.planes
    assert match_points(found.position, true, 2.0).f1 > 0.82


@pytest.mark.parametrize(("spots", "least"), [(300, 0.82), (800, 0.5)])
def test_crowded_spots_are_told_apart(spots, least):
    image, true = simulate_spots(replace(FIELD, spots=spots, shape=(160, 160)), 4)
    assert match_points(find_spots(image).position[:, 1:], true[:, 1:], 2.0).f1 > least


def test_width_is_learnt_from_four_spots():
    image, _ = simulate_spots(replace(FIELD, spots=4, snr=15.0, sigma=(1.2, 2.8, 2.8), cells=0, spread=0.0), 1)
    assert find_spots(image).sigma[1] == pytest.approx(2.8, rel=0.15)


def test_wide_things_are_no_spots():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:192, :192]
    things = [(*rng.uniform(0, 192, 2), rng.uniform(5, 10), rng.uniform(200, 800)) for _ in range(12)]
    light = 200 + sum(peak * np.exp(-((y - a) ** 2 + (x - b) ** 2) / 2 / s**2) for a, b, s, peak in things)
    assert len(find_spots(rng.poisson(light).astype(np.uint16))) <= 2


@pytest.mark.parametrize(("sigma", "spots", "beyond"), [(4.8, 24, 0.0), (7.0, 0, 7.0)])
def test_wide_spots_are_learnt_or_told(sigma, spots, beyond):
    at = np.array([(y, x) for y in range(24, 230, 45) for x in range(24, 230, 45)][:24], float)
    y, x = np.mgrid[:240, :240]
    light = 100 + sum(80 * np.exp(-((y - a) ** 2 + (x - b) ** 2) / 2 / sigma**2) for a, b in at)
    found = find_spots(np.random.default_rng(1).poisson(light).astype(np.uint16))
    assert len(found) == pytest.approx(spots, abs=2)
    assert found.beyond == pytest.approx(beyond, rel=0.1)


def test_fibres_are_no_spots():
    y, x = np.mgrid[:192, :192]
    away = [x - 40 - 6 * np.sin(y / 25), x - 96 - 5 * np.sin(y / 12), x - 150 + 0.15 * y]
    light = 20 + sum(peak * np.exp(-0.5 * (d / 1.5) ** 2) for d, peak in zip(away, (20, 50, 80), strict=True))
    assert len(find_spots(np.random.default_rng(5).poisson(light).astype(np.uint16))) <= 1


def test_field_of_single_photons_is_searched():
    light = np.full((128, 128), 0.02)
    light[60:64, 60:64] = 6.0
    found = find_spots(np.random.default_rng(2).poisson(light).astype(np.uint8))
    assert np.hypot(*(found.position[:, 1:] - 61.5).T).min() < 1


def test_thresholds_that_are_given_hold():
    image, _ = simulate_spots(FIELD, 1)
    strict = find_spots(image, least_score=20.0)
    assert (strict.score >= 20).all()
    assert len(strict) < len(find_spots(image))
    bright = find_spots(image, least_brightness=150.0)
    assert bright.least_brightness == 150
    assert len(bright) < len(find_spots(image))


def test_curve_falls_to_the_brightest():
    curve = find_spots(simulate_spots(FIELD, 1)[0]).curve
    assert (np.diff(curve[:, 1]) <= 0).all()
    assert curve[-1, 1] >= 1


@pytest.mark.parametrize(("planes", "deep"), [(2, 1.2), (3, 1.2), (5, 1.2)])
def test_thin_stacks_keep_their_spots(planes, deep):
    image, true = simulate_spots(replace(FIELD, spots=40, sigma=(deep, 1.4, 1.4), shape=(planes, 112, 112)), 3)
    found = find_spots(image)
    assert found.planes
    assert match_points(found.position, true, 2.0).f1 > 0.8


@pytest.mark.parametrize("snr", [4.0, 8.0])
def test_network_sees_more_than_the_filter(snr):
    field = replace(FIELD, spots=60, snr=snr)
    (image, true), networks = simulate_spots(field, 7), shipped_networks()
    filtered, seen = find_spots(image), find_spots(image, networks=networks)
    assert (filtered.by_network, seen.by_network) == (False, True)
    one, other = (match_points(found.position[:, 1:], true[:, 1:], 2.0).f1 for found in (filtered, seen))
    assert other > one + (0.05 if snr < 5 else 0)
    distance, _ = cKDTree(seen.position[:, 1:]).query(true[:, 1:])
    assert np.median(distance) < (0.7 if snr < 5 else 0.35)
    strict = find_spots(image, networks=networks, least_score=float(np.median(seen.score)))
    assert 0 < len(strict) < len(seen)


def test_network_sees_more_of_dense_crowds_and_what_is_hidden_is_told():
    image, true = simulate_spots(replace(FIELD, spots=500, snr=10.0), 2)
    filtered, seen = find_spots(image), find_spots(image, networks=shipped_networks())
    one, other = (match_points(found.position[:, 1:], true[:, 1:], 2.0).f1 for found in (filtered, seen))
    assert other > 0.74 > one + 0.1  # the filter was taken there: 230 of 500
    assert seen.hidden > 0.2


def test_network_is_not_asked_for_what_it_did_not_learn():
    rng = np.random.default_rng(3)
    grain = np.clip(ndi.gaussian_filter(rng.normal(0, 60, (160, 160)), 1.0) + 500, 0, None).astype(np.uint16)
    photons = rng.poisson(0.05, (160, 160)).astype(np.uint16)
    for image in (grain, photons):
        assert not find_spots(image, networks=shipped_networks()).by_network
    assert len(find_spots(simulate_spots(replace(FIELD, spots=0), 1)[0], networks=shipped_networks())) <= 2


@pytest.mark.parametrize(("field", "least"), [
    (replace(FIELD, spots=60, snr=6.0, shape=(12, 96, 96), in_cells=0.9, glow=4.0), 0.7),
    (replace(FIELD, spots=90, snr=10.0, shape=(14, 112, 112), in_cells=0.9), 0.85),
])  # fmt: skip
def test_spots_of_stacks_are_found_in_cells(field, least):
    image, true = simulate_spots(field, 0)
    networks = shipped_networks()
    found, filtered = find_spots(image, networks=networks, z_over_x=2.0), find_spots(image, z_over_x=2.0)
    assert (found.by_network, filtered.by_network) == (True, False)
    accuracy = match_points(found.position, true, 2.0).f1
    assert accuracy > least
    assert accuracy > match_points(filtered.position, true, 2.0).f1 - 0.02
    distance, _ = cKDTree(true).query(found.position)
    assert np.median(distance) < 0.65
    assert len(find_spots(simulate_spots(replace(field, spots=0), 0)[0], networks=networks)) <= 2


def test_smoothed_noise_is_not_taken_for_spots():
    image, true = simulate_spots(replace(FIELD, spots=40, snr=12.0, spread=0.1, hot_pixels=0, glow=0.0), 1)
    smoothed = ndi.median_filter(image, 3)
    found = find_spots(smoothed, networks=shipped_networks())
    assert not found.by_network
    assert match_points(found.position[:, 1:], true[:, 1:], 2.0).f1 > 0.85


def test_grains_of_what_shines_through_are_told():
    rng, y = np.random.default_rng(0), np.hypot(*(np.mgrid[:128, :128] - 64))
    chromatin = ndi.gaussian_filter(rng.normal(0, 1, y.shape), 2.0)
    nucleus = 300 / (1 + np.exp(y - 36)) * np.clip(1 + 0.35 * chromatin / chromatin.std(), 0.1, None)
    even = replace(FIELD, snr=20.0, spots=30, cells=0, slope=0.0, hot_pixels=0)
    for field, most, unsure in ((even, 55, True), (replace(even, spots=0), 9, False)):  # 83 and 40 once
        image = simulate_spots(field, 3)[0] + rng.poisson(nucleus)
        found = find_spots(image.astype(np.uint16), networks=shipped_networks())
        assert found.between is not None
        assert found.between[0] <= field.spots + 6
        assert len(found) <= most
        told = _describe_between(found)
        assert bool(told) == unsure
        assert not unsure or f"between {found.between[0]} and {found.between[1]} spots" in told[0]


def test_width_is_that_of_spots_among_granules():
    image, _ = simulate_spots(replace(FIELD, spots=90, snr=12.0, spread=0.1), 4)
    y, x = np.mgrid[:128, :128]
    at = np.random.default_rng(4).uniform(8, 120, (14, 2))
    granules = sum(130 * np.exp(-((y - a) ** 2 + (x - b) ** 2) / 2 / 4.5**2) for a, b in at)
    light = image + np.random.default_rng(5).poisson(granules)
    assert find_spots(light.astype(np.uint16)).sigma[1] == pytest.approx(1.4, rel=0.15)


def test_particles_of_one_kind_are_told_from_the_grain_of_cells():
    stack = simulate_stack(4_000_001, shape=(256, 320), cells=14)
    image = stack.image.max(0).mean(2)
    any_bright, alike = (
        np.bincount(labels_at(found.position, stack.labels), minlength=stack.labels.max() + 1)[1:]
        for found in (find_spots(image), find_spots(image, least_share=0.4))
    )
    assert np.corrcoef(alike, stack.particles)[0, 1] > 0.9
    assert 2 * np.abs(alike - stack.particles).sum() < np.abs(any_bright - stack.particles).sum()


def test_spots_of_the_network_lie_in_the_image():
    image = simulate_spots(SpotField(spots=60, snr=12.0, sigma=(2.0, 1.4, 1.4), shape=(9, 96, 96)), 1)[0][2:-2]
    found = find_spots(image, networks=shipped_networks())
    assert found.by_network
    assert ((found.position >= -0.5) & (found.position <= np.array(image.shape) - 0.5)).all()


def test_spots_that_may_be_grain_are_told():
    field = replace(FIELD, snr=12.0, shape=(300, 300))
    image, _ = simulate_spots(field, 0)
    clear = find_spots(image)
    assert clear.may_be_noise < 0.15
    waves = ndi.gaussian_filter(np.random.default_rng(0).normal(size=(2, *image.shape)), (0, 1, 1))
    speckle = (waves**2).sum(0)
    grain = np.clip(image * speckle / speckle.mean(), 0, 65535).astype(np.uint16)
    found = find_spots(grain)
    assert len(found) > 10 * field.spots
    assert found.may_be_noise > 0.9


def test_texture_of_chromatin_is_told_where_the_filter_looks():
    rng, y = np.random.default_rng(0), np.hypot(*(np.mgrid[:256, :256] % 128 - 64))
    chromatin = ndi.gaussian_filter(rng.normal(0, 1, y.shape), 2.0)
    nuclei = 300 / (1 + np.exp(y - 36)) * np.clip(1 + 0.35 * chromatin / chromatin.std(), 0.1, None)
    even = replace(FIELD, snr=20.0, spots=80, cells=0, slope=0.0, hot_pixels=0, shape=(256, 256))
    clear, _ = simulate_spots(even, 3)
    assert find_spots(clear).may_be_noise < 0.15
    assert find_spots((clear + rng.poisson(nuclei)).astype(np.uint16)).may_be_noise > 0.7


def test_a_few_spots_tell_nothing_of_noise():
    assert find_spots(simulate_spots(replace(FIELD, spots=5), 1)[0]).may_be_noise is None
