"""Which fields look empty: noise of any correlation and patterns do, a few dim cells do not."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage as ndi
from skimage.data import immunohistochemistry

from napari_cellvino.core.objects import Objects
from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.heads import Decoded
from napari_cellvino.segmentation.samples import sampled
from napari_cellvino.segmentation.signal_test import (
    SIGNAL_TEST,
    Emptiness,
    SignalWatch,
    believed,
    describe_emptiness,
    find_emptiness,
    signal_parameters,
)
from tests.segmentation.scenes import discs, grid

SIDE = 360
ON, OFF = {SIGNAL_TEST.name: 1.0}, {SIGNAL_TEST.name: 0.0}


def white(side: int = SIDE, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(side, side))


def as_grey(field: np.ndarray, spread: float = 20.0) -> np.ndarray:
    return (300 + spread * field / field.std()).astype(np.uint16)


def as_jpeg(pixels: np.ndarray, quality: int = 20) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def cells(count_pitch: float, radius: float, contrast: float) -> np.ndarray:
    """Return soft discs on noise of spread 20."""
    places = grid((SIDE, SIDE), count_pitch, jitter=4, seed=2)
    soft = ndi.gaussian_filter((discs((SIDE, SIDE), places, radius) > 0).astype(float), 1.5)
    return (300 + contrast * soft + 20 * white()).astype(np.uint16)


NOISE = {
    "white": as_grey(white()),
    "8 bits": (128 + 4 * white()).astype(np.uint8),
    **{f"smoothed by {s}": as_grey(ndi.gaussian_filter(white(), s)) for s in (1, 2, 4, 8)},
    "along rows": as_grey(ndi.gaussian_filter(white(), (1, 6))),
    "stripes": as_grey(white(seed=9)[:1] + white()),
    "JPEG": as_jpeg(128 + 25 * white()),
    "JPEG of smoothed": as_jpeg(128 + 60 * ndi.gaussian_filter(white(), 2)),
    "JPEG, coarse": as_jpeg(128 + 25 * white(), 10),
    "JPEG of smoothed, coarse": as_jpeg(128 + 50 * ndi.gaussian_filter(white(), 1), 12),
    "enlarged twice": as_grey(np.kron(white(SIDE // 2), np.ones((2, 2)))),
    "enlarged 3x, linear": as_grey(ndi.zoom(white(SIDE // 3), 3, order=1)),
    "enlarged 4x, cubic": as_grey(ndi.zoom(white(SIDE // 4), 4, order=3)),
    "enlarged 7x, linear": as_grey(ndi.zoom(white(SIDE // 7), 7, order=1)),
    "enlarged 12x, linear": as_grey(ndi.zoom(white(SIDE // 12), 12, order=1)),
    "blocks": np.kron(np.random.default_rng(1).integers(8, 12, (45, 45)), np.ones((8, 8))).astype(np.uint8),
    "black seams": np.where(np.arange(SIDE) % 120 < 4, 0, as_grey(ndi.gaussian_filter(white(), 2))).astype(np.uint16),
    "NaN border": np.where(np.arange(SIDE) < 50, np.nan, as_grey(ndi.gaussian_filter(white(), 2))),
    "speckle": np.random.default_rng(3).exponential(300, (SIDE, SIDE)),
    "squared": 300 * ndi.gaussian_filter(white(), 2) ** 2,
    "exponentiated": np.exp(8 * ndi.gaussian_filter(white(), 2)),
    "smoothed after it": ndi.gaussian_filter(300 * np.exp(white()), 2),
    "below zero": (ndi.gaussian_filter(white(), 3) * 9 - 50).astype(np.float32),
}
Y, X = np.mgrid[:SIDE, :SIDE]
ROW = ndi.gaussian_filter((discs((256, 256), [(24, x) for x in range(24, 200, 40)], 9) > 0).astype(float), 1.5)
PATTERNS = {
    "checkers": ((Y // 16 + X // 16) % 2 * 100 + 50).astype(np.uint8),
    "noisy checkers": ((Y // 16 + X // 16) % 2 * 100 + 50 + 5 * white()).astype(np.uint8),
    "waves": (128 + 40 * np.sin(X * np.pi / 8) * np.sin(Y * np.pi / 8)).astype(np.uint8),
}
RODS = np.zeros((258, 258))
for _y, _x in np.argwhere(np.random.default_rng(5).random((27, 10)) < 0.4):
    RODS[9 * _y + 6 : 9 * _y + 11, 25 * _x + 5 : 25 * _x + 24] = 1
RODS = 1000 - 400 * ndi.gaussian_filter(RODS, 1) + 40 * white(258)
CELLS = {
    "rods": RODS.astype(np.uint16),
    **{f"rods enlarged {n}/{d}": ndi.zoom(RODS, n / d, order=1).astype(np.uint16) for n, d in ((5, 4), (7, 5), (5, 3))},
    "many": cells(40, 9, 500),
    "dim": cells(40, 9, 40),
    "one": cells(200, 9, 60),
    "one, small": (500 + 20 * white(256) + 120 * (discs((256, 256), [(99, 70)], 5) > 0)).astype(np.uint16),
    "dark": (600 - cells(40, 9, 60)).astype(np.uint16),
    "touching": cells(22, 10, 300),
    "enlarged": np.kron(cells(40, 9, 60), np.ones((2, 2), np.uint16)),
    "one in a JPEG": as_jpeg(cells(200, 9, 60) / 5, 30),
    "few in a coarse JPEG": as_jpeg(cells(100, 9, 80) / 5, 10),
    "tissue in a JPEG": immunohistochemistry().mean(2),
    "a corner of it": immunohistochemistry()[:300, :300].mean(2),
    "enlarged 6x": ndi.zoom(cells(40, 9, 200)[:120, :120].astype(float), 6, order=1),
    "on a background of 0": np.where(discs((SIDE, SIDE), [(90, 100), (250, 200)], 9) > 0, cells(40, 9, 60), 0),
    "a row at the edge": (200 + 3000 * ROW + 30 * white(256)).astype(np.uint16),
    "beside a border": np.where(X < 50, 0, cells(60, 9, 60)).astype(np.uint16),
}


@pytest.mark.parametrize("name", NOISE)
def test_noise_of_any_correlation_looks_empty(name: str) -> None:
    assert find_emptiness(NOISE[name][None]) in {Emptiness.NOISE, Emptiness.PATTERN}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_regular_pattern_looks_empty(name: str) -> None:
    assert find_emptiness(PATTERNS[name][None]) is Emptiness.PATTERN


@pytest.mark.parametrize("name", CELLS)
def test_cells_are_a_signal(name: str) -> None:
    assert find_emptiness(CELLS[name][None]) is None


def test_cells_on_a_large_offset_are_a_signal() -> None:
    centres = [(y, x) for y in range(30, 512, 60) for x in range(30, 512, 60)]
    cells = discs((512, 512), centres, 9) > 0
    field = 1e12 + np.random.default_rng(0).normal(100, 5, (512, 512)) + 300.0 * cells
    assert find_emptiness(field[None]) is None


def test_cells_of_a_mosaic_whose_samples_lie_further_apart_than_cells_are_wide_are_a_signal() -> None:
    rng = np.random.default_rng(0)
    tile = np.zeros((1000, 1000), np.float32)
    tile[tuple(rng.integers(4, 995, (2, 7000)))] = rng.uniform(0.7, 1.0, 7000)
    shape = np.hypot(*np.mgrid[-3:4, -3:4]) < 3.5
    mosaic = np.tile(rng.poisson(ndi.grey_dilation(tile, footprint=shape) * 1500 + 300).astype(np.uint16), (3, 3))
    assert find_emptiness(mosaic[None]) is None
    assert find_emptiness(rng.exponential(100.0, (1, 1500, 1500)).astype(np.float32)) is not None


@pytest.mark.parametrize("value", [0, 517, np.nan])
def test_one_value_looks_empty(value: float) -> None:
    assert find_emptiness(np.full((1, 200, 200), value, np.float32)) is Emptiness.CONSTANT


@pytest.mark.parametrize("factor", [1e-30, 1e27, 1e34])
def test_floats_of_any_size_tell_cells_from_noise(factor: float) -> None:
    for field, found in ((CELLS["one"], None), (NOISE["white"], Emptiness.NOISE)):
        assert find_emptiness((field.astype(np.float64) * factor).astype(np.float32)[None]) is found


def test_a_small_field_is_never_called_noise() -> None:
    assert find_emptiness(NOISE["white"][None, :100, :100]) is None


def test_one_channel_or_plane_with_a_signal_is_enough() -> None:
    assert find_emptiness(np.stack([NOISE["white"], CELLS["one"]])) is None
    watch = SignalWatch()
    watch.add(NOISE["white"][None])
    assert watch.emptiness is Emptiness.NOISE
    assert watch.samples(NOISE["white"].copy()[None]) == ()
    (known,) = watch.samples(NOISE["white"][None])
    assert np.array_equal(known.grid, sampled(NOISE["white"]).grid)
    watch.add(CELLS["one"][None])
    assert watch.samples(NOISE["white"][None]) == ()
    watch.add(NOISE["white"][None])
    assert watch.emptiness is None


def test_objects_of_an_empty_field_do_not_count_unless_they_are_wanted() -> None:
    labels = discs((40, 40), [(10, 10), (30, 30)], 5)
    objects = Objects.found(
        score=np.ones(2), box=np.array([[5, 5, 16, 16], [25, 25, 36, 36]]),
        centroid=np.array([[10, 10], [30, 30]]), area_px=np.array([81, 81]),
    )  # fmt: skip
    found = Decoded(labels, objects)
    kept, disbelieved = believed(found, Emptiness.NOISE, ON)
    assert (len(kept.objects), kept.label_image().max(), disbelieved) == (0, 0, 2)
    assert believed(found, Emptiness.NOISE, OFF) == believed(found, None, ON) == (found, 0)
    assert "2 objects of the model not counted" in describe_emptiness(Emptiness.NOISE, 2, ON)
    assert "counted all the same" in describe_emptiness(Emptiness.NOISE, 0, OFF)


def test_a_package_decides_for_itself_and_crops_are_not_tested() -> None:
    spec = find_package("nuclei").spec
    assert signal_parameters(spec)[0].default == 1.0
    assert signal_parameters(spec.model_copy(update={"signal_test": False}))[0].default == 0.0
    assert signal_parameters(find_package("cell-contour").spec) == ()
