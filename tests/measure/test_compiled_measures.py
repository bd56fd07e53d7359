"""What compiled loops measure is to the byte what NumPy does, in images of every type."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.measure.image_values import image_values
from napari_cellvino.measure.objects import measure
from napari_cellvino.measure.outlines import find_outlines
from napari_cellvino.measure.runs import find_runs
from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.quality.shape_evidence import outline_entropy
from napari_cellvino.segmentation.contrast import contrast_of
from napari_cellvino.segmentation.heads.connected_components import collect_objects
from napari_cellvino.segmentation.normalise import IntensityRange, medians_of_nine, normalise_into
from napari_cellvino.segmentation.order_statistics import percentile_of_rows, values_of
from napari_cellvino.segmentation.uneven_light import LOWER, _lower_values

DTYPES = ["u1", "<u2", ">u2", "i2", "i4", "f2", "<f4", "f8"]
SHAPES = [(1, 1), (1, 30), (30, 1), (3, 3), (41, 130), (200, 150)]

Use = Callable[[bool], None]


def _image(seed: int, shape: tuple[int, ...], dtype: str) -> NDArray[np.generic]:
    rng = np.random.default_rng(seed)
    values = ndi.gaussian_filter(rng.random(shape), 1.0) * 200 + rng.random(shape) * 50
    image = values.astype(dtype)
    if image.dtype.kind == "f" and image.size > 100:
        image[..., 5:9, 3:7], image[..., 0, 0] = np.nan, np.inf
    return image


def _labels(seed: int, shape: tuple[int, int], smooth: float) -> NDArray[np.int32]:
    fields = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=(9, *shape)), (0, smooth, smooth))
    return fields.argmax(0).astype(np.int32)  # each number in many pieces, with gaps along and across rows


def _ways(image: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    """Return an image as it is, not to be written, and as parts of larger ones."""
    fixed, wide = image.copy(), np.repeat(image, 2, axis=-1)
    fixed.flags.writeable = False
    return [image, fixed, wide[..., ::2], np.flip(image, -2)]


def _both(use: Use, call: Callable[..., object], *given: object) -> tuple[object, object]:
    use(False)
    by_numpy = call(*given)
    use(True)
    return by_numpy, call(*given)


def _check(use: Use, call: Callable[..., NDArray[np.generic]], *given: object) -> None:
    by_numpy, by_loops = _both(use, call, *given)
    assert by_numpy.dtype == by_loops.dtype
    np.testing.assert_array_equal(by_numpy, by_loops)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_tables(with_loops: Use, shape: tuple[int, int], dtype: str) -> None:
    for seed, smooth in enumerate((0.0, 0.8, 2.5)):
        labels = _labels(seed, shape, smooth)
        ids = np.unique(labels[labels > 0])
        objects = collect_objects(labels, 8, np.full(shape, 0.5, np.float16)).select(ids - 1)
        for pixels in _ways(_image(seed, (2, *shape), dtype)):
            given = (labels, objects, pixels, ("a", "b"), Spacing(0.5, 0.4), ("cell",))
            one, other = _both(with_loops, measure, *given)
            pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("probability", ["f2", "f4"])
def test_outlines(with_loops: Use, shape: tuple[int, int], probability: str) -> None:
    for seed, smooth in enumerate((0.0, 0.8, 2.5)):
        labels = _labels(seed, shape, smooth)
        ids = np.unique(labels[labels > 0])
        outlines = find_outlines(labels, ids)
        _check(with_loops, _solidity, labels, ids)
        for maps in _ways(np.random.default_rng(seed).random(shape).astype(probability)):
            _check(with_loops, outline_entropy, outlines.runs, maps)


@pytest.mark.parametrize("many", [1, 10_000_019])  # labels so far apart that no table of all numbers is made
@pytest.mark.parametrize("shape", SHAPES)
def test_runs_of_objects(with_loops: Use, shape: tuple[int, int], many: int) -> None:
    labels = _labels(5, shape, 0.8) * np.int32(many)
    ids = np.random.default_rng(6).permutation(np.unique(labels[labels > 0]))[:5]  # others are passed over
    one, other = _both(with_loops, find_runs, labels, ids)
    for column in ("row", "y", "x0", "x1", "order", "begin", "length", "starts"):
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
    painted = np.zeros(shape, np.int32)
    for row, y, x0, x1 in zip(other.row, other.y, other.x0, other.x1, strict=True):
        painted[y, x0:x1] = ids[row]
    np.testing.assert_array_equal(painted, np.where(np.isin(labels, ids), labels, 0))
    for loops in (False, True):
        with_loops(loops)
        with pytest.raises(ImageValueError, match="object 77 is in the table but not in the label image"):
            find_runs(labels, np.append(ids, 77))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_network_sees(with_loops: Use, shape: tuple[int, int], dtype: str) -> None:
    for pixels in _ways(_image(7, (1, *shape), dtype)):
        with np.errstate(invalid="ignore", over="ignore"):
            for samples in (10, 400, 120_000):
                _check(with_loops, medians_of_nine, pixels[0], samples)
            _check(with_loops, _normalised, pixels, IntensityRange(40.25, 171.7))
            _check(with_loops, _normalised, pixels, IntensityRange(9.0, 9.0))
            seen = _both(with_loops, contrast_of, pixels, Normalisation(version=2))
        assert seen[0].ranges == seen[1].ranges
        assert seen[0].notices == seen[1].notices
        one, other = _both(with_loops, values_of, pixels[0])
        assert one.size == other.size
        assert not one.size or one.percentiles((0, 1, 50, 99)) == other.percentiles((0, 1, 50, 99))


def _solidity(labels: NDArray[np.int32], ids: NDArray[np.int32]) -> NDArray[np.float64]:
    return find_outlines(labels, ids).solidity


def _normalised(pixels: NDArray[np.generic], values: IntensityRange) -> NDArray[np.float32]:
    batch = np.full((2, 256, 256), -9, np.float32)
    normalise_into(batch, pixels, [values])
    return batch


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_image_values(with_loops: Use, dtype: str, channels: int) -> None:
    for shape in ((1, 1), (2, 2), (40, 41), (700, 600)):
        one, other = _both(with_loops, image_values, _image(3, (channels, *shape), dtype))
        assert str(one) == str(other)
        pixels = _image(3, (channels, *shape), dtype)
        grey = (pixels[0] if channels == 1 else pixels.mean(axis=0, dtype=np.float32)).astype(np.float32)
        y, x = (max(0, (size - 512) // 2) for size in shape)
        grey = grey[y : y + 512, x : x + 512]
        diagonal = grey[:-1:2, :-1:2] - grey[:-1:2, 1::2] - grey[1::2, :-1:2] + grey[1::2, 1::2]
        known = np.abs(diagonal[np.isfinite(diagonal)])
        assert one["image_noise"] == (float(np.median(known)) / 2 / 0.6745 if known.size else 0.0)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("shape", [(12, 12), (13, 40), (121, 97)])
def test_lower_values_are_those_of_each_block(shape: tuple[int, int], missing: float) -> None:
    rng = np.random.default_rng(4)
    grid, known = rng.random(shape).astype(np.float32), rng.random(shape) >= missing
    places, lower = _lower_values(grid, known)
    rows, columns = (np.linspace(0, n, 13).astype(int) for n in shape)
    expected = []
    for i in range(12):
        for j in range(12):
            block = np.s_[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            if known[block].sum() * 2 > known[block].size:
                place = ((i + 0.5) / 12 * 2 - 1, (j + 0.5) / 12 * 2 - 1)
                expected.append((*place, percentile_of_rows(grid[block][known[block]][None], LOWER)[0]))
    np.testing.assert_array_equal(np.column_stack([places, lower]), np.array(expected).reshape(-1, 3))
