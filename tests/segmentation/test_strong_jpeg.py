"""What is left of an image that was compressed as JPEG is told where little is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage as ndi

from napari_cellvino.segmentation.strong_jpeg import blockiness, describe_strong_jpeg


def _jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _cells() -> NDArray[np.uint8]:
    y, x = np.mgrid[:320, :320] % 37 - 18
    noise = np.random.default_rng(3).normal(0, 4, (320, 320))
    return (ndi.gaussian_filter(60 + 120.0 * (np.hypot(y, x) < 10), 2) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("quality", "told"), [(5, True), (75, False), (90, False)])
def test_only_strong_compression_is_told(quality: int, *, told: bool) -> None:
    assert bool(describe_strong_jpeg(_jpeg(_cells(), quality)[None])) == told


def test_what_was_not_compressed_is_not_told() -> None:
    assert blockiness(_cells()) == pytest.approx(1.0, abs=0.2)
    for inputs in (_cells()[None], np.zeros((1, 64, 64), np.uint16), np.full((1, 64, 64), np.nan), np.ones((1, 4, 4))):
        assert describe_strong_jpeg(inputs) == ()


def test_noise_in_squares_is_told() -> None:
    noise = ndi.gaussian_filter(np.random.default_rng(0).standard_normal((256, 256)), 4)
    field = (80 + 90 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)
    (said,) = describe_strong_jpeg(_jpeg(field, 5)[None])
    assert "8 px" in said
