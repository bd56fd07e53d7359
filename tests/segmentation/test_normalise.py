from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.segmentation.normalise import (
    CLIP,
    IN_CACHE_PX,
    IntensityRange,
    intensity_range,
    normalise_into,
    plane_range,
    sample_medians,
)
from napari_cellvino.segmentation.order_statistics import (
    Counted,
    Listed,
    percentile_of_rows,
    percentiles,
    values_of,
)


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    rng = np.random.default_rng(0)
    cells = ndi.gaussian_filter((rng.random((300, 400)) > 0.998).astype(float), 6)
    return (200 + 3000 * cells / cells.max() + rng.normal(0, 15, cells.shape)).clip(0).astype(np.uint16)


def test_range_matches_the_percentiles_of_filtered_pixels(field: np.ndarray) -> None:
    found = intensity_range(field)
    low, high = np.percentile(ndi.median_filter(field.astype(float), 3, mode="nearest"), (1, 99.8))
    assert found.low == pytest.approx(low, abs=2)
    assert found.high == pytest.approx(high, rel=0.01)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_percentiles_are_those_of_numpy_to_the_bit(kind: type) -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 50, 499):
        values = (1000 * rng.normal(size=size)).astype(kind)
        percents = (0, 1, 50, 99.8, 100, *(100 * rng.random(9)))
        assert percentiles(values, percents) == tuple(np.percentile(values, percents).tolist())


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_percentiles_of_many_values_are_those_of_numpy_to_the_bit(kind: type) -> None:
    rng = np.random.default_rng(1)
    normal, size = rng.normal(1000, 200, 60_001), 60_001
    for values in (
        normal,
        np.round(normal),
        np.where(rng.random(size) < 0.7, 0, normal),  # most have one value
        np.append(normal[1:], 1e30),  # one lies far from all others
        np.sort(normal),
        np.tile(np.arange(8.0), size // 8),  # a sample at equal distances may see few of the values
        np.ones(size),
    ):
        percents = (0, 1, 20, 50, 99.8, 100, *(100 * rng.random(5)))
        assert percentiles(values.astype(kind), percents) == tuple(
            np.percentile(values.astype(kind), percents).tolist()
        )


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_percentiles_of_counted_values_are_those_of_sorting_to_the_bit(kind: type) -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(120, 30, 5_001).clip(0, 255).astype(kind)
    percents = (0, 1, 20, 50, 99.8, 100, *(100 * rng.random(5)))
    counted, listed = values_of(values), Listed(values.astype(np.float32))
    for left, among in ((counted, listed), (counted.without(values.min()), listed.without(values.min()))):
        assert isinstance(left, Counted)
        assert (left.size, left.ends) == (among.size, among.ends)
        assert left.number_of(120) == among.number_of(120) > 0
        assert left.percentiles(percents) == among.percentiles(percents)
        assert left.spread() == pytest.approx(among.spread(), rel=1e-6)


def test_percentiles_of_rows_are_those_of_each_row() -> None:
    rows = np.random.default_rng(3).normal(size=(7, 53)).astype(np.float32)
    assert percentile_of_rows(rows, 20).tolist() == [percentiles(row, (20,))[0] for row in rows]


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float32, bool])
@pytest.mark.parametrize("shape", [(2, 9), (17, 700), (400, 331)])
def test_sampled_medians_are_those_of_nine_pixels(kind: type, shape: tuple[int, int]) -> None:
    plane = np.random.default_rng(4).normal(100, 40, shape).clip(0, 255).astype(kind)
    padded = np.pad(plane, 1, mode="edge") if min(shape) < 3 else plane
    for samples in (120_000, 30_000, 4_000):
        step = max(1, int(np.sqrt(padded.size / samples)))
        wanted = ndi.median_filter(padded, 3)[1:-1:step, 1:-1:step]
        np.testing.assert_array_equal(sample_medians(plane, samples), wanted)


def test_salt_does_not_move_the_range(field: np.ndarray) -> None:
    salted = field.copy()
    salted[np.random.default_rng(1).random(field.shape) < 0.01] = 65535
    clean, noisy = intensity_range(field), intensity_range(salted)
    assert noisy.high == pytest.approx(clean.high, rel=0.03)
    assert np.percentile(salted, 99.8) > 10 * clean.high  # what a plain percentile would have said


@pytest.mark.parametrize("change", [lambda x: x.astype(float) / 7, lambda x: x.astype(np.float32) * 2 + 50])
def test_brightness_and_type_do_not_matter(field: np.ndarray, change: object) -> None:
    changed = change(field)  # type: ignore[operator]
    np.testing.assert_allclose(intensity_range(changed).apply(changed), intensity_range(field).apply(field), atol=1e-4)


def test_a_large_tile_is_normalised_as_its_pixels_are_and_mirrored_beyond_them() -> None:
    pixels = np.random.default_rng(5).normal(100, 40, (1, 700, 500)).astype(np.float32)
    assert pixels.size > 2 * IN_CACHE_PX
    pixels[0, 20:30, 20:30] = np.nan  # in the first of the parts alone
    seen, batch = IntensityRange(30.0, 170.0), np.full((2, 768, 768), 7, np.float32)
    normalise_into(batch, pixels, [seen])
    wanted = np.nan_to_num(seen.apply(pixels[0]), nan=0.0)
    wanted = np.pad(wanted, ((0, 68), (0, 268)), mode="symmetric")
    np.testing.assert_array_equal(batch, np.stack([wanted, wanted]))


def test_flat_and_broken_pixels_become_zeros() -> None:
    flat = np.full((5, 7), 12, np.uint8)
    assert not intensity_range(flat).apply(flat).any()
    assert intensity_range(np.full((4, 4), np.nan)).high == 0.0
    one = np.zeros((1, 1), np.int32)
    assert intensity_range(one).apply(one).shape == (1, 1)


def test_large_planes_are_sampled_to_the_same_range(field: np.ndarray) -> None:
    large = np.tile(field, (6, 6))
    assert intensity_range(large).high == pytest.approx(intensity_range(field).high, rel=0.02)


@pytest.mark.parametrize("factor", [1e290, 1e-300])
def test_doubles_of_any_size_are_normalised(field: np.ndarray, factor: float) -> None:
    pixels = field * factor
    np.testing.assert_allclose(intensity_range(pixels).apply(pixels), intensity_range(field).apply(field), atol=1e-4)


def test_wide_integers_keep_their_differences(field: np.ndarray) -> None:
    pixels = field.astype(np.uint32) + 2**31
    np.testing.assert_allclose(intensity_range(pixels).apply(pixels), intensity_range(field).apply(field), atol=1e-4)


def test_a_model_may_want_mean_and_deviation(field: np.ndarray) -> None:
    seen = plane_range(field, Normalisation(method="mean_std")).apply(field)
    assert seen.mean() == pytest.approx(0, abs=1e-3)
    assert seen.std() == pytest.approx(1, abs=1e-3)
    assert seen.max() > CLIP[1]  # nothing is clipped
    assert not plane_range(np.full((5, 7), 12, np.uint8), Normalisation(method="mean_std")).apply(field).any()


def test_a_model_may_want_pixels_as_they_are(field: np.ndarray) -> None:
    np.testing.assert_array_equal(plane_range(field, Normalisation(method="none")).apply(field), field)
