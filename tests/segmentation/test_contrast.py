"""What sets the contrast of a plane: the cells, not what lies beside them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.segmentation.contrast import LEVELLED, contrast_of, counted_samples
from tests.segmentation.scenes import discs, grid

SIDE = 480
V1, V2, V3 = Normalisation(), Normalisation(version=2), Normalisation(version=3)
Y, X = np.mgrid[:SIDE, :SIDE]


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    """Nuclei of 1200 on a background of 200."""
    soft = ndi.gaussian_filter(
        (discs((SIDE, SIDE), grid((SIDE, SIDE), 42, jitter=6, seed=3), 9) > 0).astype(float), 1.2
    )
    return 200 + 1000 * soft + np.random.default_rng(0).normal(0, 15, (SIDE, SIDE))


def as_camera(pixels: np.ndarray) -> np.ndarray:
    return pixels.clip(0, 65535).astype(np.uint16)


def width(pixels: np.ndarray, normalisation: Normalisation = V2) -> float:
    found = contrast_of(pixels[None], normalisation).ranges[0]
    return found.high - found.low


def disc(y: float, x: float, share: float) -> np.ndarray:
    return (Y - y) ** 2 + (X - x) ** 2 < share * SIDE**2 / np.pi


def test_an_ordinary_field_is_as_in_version_1(field: np.ndarray) -> None:
    pixels = as_camera(field)
    old, new = contrast_of(pixels[None], V1), contrast_of(pixels[None], V2)
    assert (new.ranges, new.notices) == (old.ranges, ())
    assert new.pixels.base is pixels
    np.testing.assert_array_equal(new.apply(), old.apply())


ARTEFACTS = {
    "one": disc(240, 240, 0.02),
    "large": disc(240, 240, 0.05),
    "several": disc(100, 100, 0.01) | disc(380, 300, 0.005) | disc(60, 400, 0.01),
    "corner": (Y < 90) & (X > SIDE - 90),
    "fibre": np.abs(Y - X * 0.7 - 30) < 6,
    "line": np.broadcast_to(Y < 12, (SIDE, SIDE)),
}


@pytest.mark.parametrize("name", ARTEFACTS)
@pytest.mark.parametrize("times", [10, 60])
def test_bright_things_do_not_set_the_contrast(field: np.ndarray, name: str, times: int) -> None:
    bright = 200 + 1000 * times * ndi.gaussian_filter(ARTEFACTS[name].astype(float), 1.5)
    found = contrast_of(as_camera(np.maximum(field, bright))[None], V2)
    assert found.ranges[0].high - found.ranges[0].low == pytest.approx(width(as_camera(field)), rel=0.15)
    assert any("outshine" in notice and " % of the field" in notice for notice in found.notices)


def test_of_few_cells_among_as_many_bright_things_none_is_outshone() -> None:
    """Four cells, twelve clumps."""
    places = np.array([[60, 60], [60, 400], [400, 80], [240, 240]])
    clumps = np.random.default_rng(1).uniform(20, SIDE - 20, (12, 2))
    cells = 200 + 1000 * ndi.gaussian_filter((discs((SIDE, SIDE), places, 9) > 0).astype(float), 1.2)
    cells += np.random.default_rng(0).normal(0, 15, cells.shape)
    bright = 30_000 * ndi.gaussian_filter((discs((SIDE, SIDE), clumps, 8) > 0).astype(float), 1)
    assert width(as_camera(cells + bright)) == pytest.approx(width(as_camera(cells)), rel=0.3)


def test_transmitted_light_is_not_outshone() -> None:
    """Dark cells and texture leave no flat background."""
    texture = ndi.gaussian_filter(np.random.default_rng(2).normal(size=(SIDE, SIDE)), 4)
    tissue = (
        1500
        - 600 * (discs((SIDE, SIDE), grid((SIDE, SIDE), 42, jitter=6, seed=3), 10) > 0)
        + 100 * texture / texture.std()
    )
    bright = 30_000 * ndi.gaussian_filter(disc(240, 240, 0.04).astype(float), 2)
    assert width(as_camera(tissue + bright)) == pytest.approx(width(as_camera(tissue)), rel=0.3)


@pytest.mark.parametrize(("value", "soft"), [(-20_000, 0), (30_000, 0), (30_000, 1.5)])
def test_version_3_covers_what_is_far_from_transmitted_light(value: int, soft: float) -> None:
    """A clump keeps its place in version 2; in version 3 the network sees the middle of the tissue, 1500, there."""
    texture = ndi.gaussian_filter(np.random.default_rng(2).normal(size=(SIDE, SIDE)), 4)
    cells = discs((SIDE, SIDE), grid((SIDE, SIDE), 42, jitter=6, seed=3), 10) > 0
    tissue = (1500 - 600 * cells + 100 * texture / texture.std()).astype(np.float32)
    clump = ndi.gaussian_filter(disc(240, 240, 0.04).astype(np.float32), soft) if soft else disc(240, 240, 0.04)
    pixels = (tissue * (1 - clump) + value * clump).astype(np.float32)
    found = contrast_of(pixels[None], V3)
    assert found.pixels[0, 240, 240] == pytest.approx(1500, abs=60)
    assert any("was covered" in notice for notice in found.notices)
    np.testing.assert_array_equal(found.pixels[0, :100], pixels[:100])
    assert contrast_of(pixels[None], V2).pixels.base is pixels


def test_version_3_changes_no_ordinary_field_and_covers_no_bright_cell(field: np.ndarray) -> None:
    for pixels in (as_camera(field), as_camera(np.maximum(field, 200 + 60_000 * disc(240, 240, 0.02)))):
        old, new = contrast_of(pixels[None], V2), contrast_of(pixels[None], V3)
        assert (new.ranges, new.notices) == (old.ranges, old.notices)
        assert new.pixels.base is pixels


def test_bright_cells_on_haze_are_no_artefacts() -> None:
    haze = 200 + 40 * ndi.gaussian_filter(np.random.default_rng(3).normal(size=(SIDE, SIDE)), 30) * 60
    cells = haze + 5000 * ndi.gaussian_filter(
        (discs((SIDE, SIDE), grid((SIDE, SIDE), 150, jitter=6, seed=3), 15) > 0).astype(float), 2
    )
    pixels = as_camera(cells + np.random.default_rng(0).normal(0, 8, cells.shape))
    assert contrast_of(pixels[None], V2).ranges == contrast_of(pixels[None], V1).ranges


def test_uneven_light_is_taken_off(field: np.ndarray) -> None:
    found = contrast_of(as_camera(field + 10_000 * X / SIDE)[None], V2)
    plain = contrast_of(as_camera(field)[None], V2)
    assert found.notices == (LEVELLED,)
    np.testing.assert_allclose(found.apply()[0, 40:-40, 40:-40], plain.apply()[0, 40:-40, 40:-40], atol=0.25)


@pytest.mark.parametrize("value", [0, 65535, np.nan])
def test_areas_without_data_do_not_count(field: np.ndarray, value: float) -> None:
    pixels = as_camera(field).astype(np.float32)
    pixels[:100] = value
    pixels[:, 300:306] = value
    assert width(pixels) == pytest.approx(width(as_camera(field)), rel=0.05)


def test_dark_clipped_backgrounds_and_saturated_cells_are_data(field: np.ndarray) -> None:
    eight = ((field - 210) / 1000 * 300).clip(0, 255).astype(np.uint8)
    assert contrast_of(eight[None], V2).ranges == contrast_of(eight[None], V1).ranges


def test_planes_without_data_add_nothing_to_the_range_of_a_stack(field: np.ndarray) -> None:
    half = as_camera(field)
    half[:200] = 0
    assert counted_samples(half, V2, samples=4000).min() > 100
    assert counted_samples(half, V1, samples=4000).min() == 0


def test_other_methods_have_no_second_version(field: np.ndarray) -> None:
    how = Normalisation(method="mean_std", version=2)
    assert (
        contrast_of(field[None], how).ranges == contrast_of(field[None], how.model_copy(update={"version": 1})).ranges
    )
