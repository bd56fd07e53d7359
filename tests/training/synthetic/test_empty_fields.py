"""Fields without cells fill the range of normalisation, and squares of JPEG begin where they are told to."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.segmentation.strong_jpeg import MOST_BETWEEN, blockiness
from napari_cellvino.training.synthetic import empty_fields
from napari_cellvino.training.synthetic.camera import compressed
from napari_cellvino.training.synthetic.empty_fields import DRAWINGS, empty_field


@pytest.mark.parametrize("drawing", [drawing for drawing, _ in DRAWINGS])
def test_every_kind_is_stretched_to_the_range_of_normalisation(drawing, monkeypatch) -> None:
    monkeypatch.setattr(empty_fields, "DRAWINGS", ((drawing, 1.0),))
    fields = [empty_field(96, np.random.default_rng(seed)) for seed in range(12)]
    for field in fields:
        assert field.shape == (96, 96)
        assert field.dtype == np.float32
        low, high = np.percentile(field, (1, 99.8))
        assert low == pytest.approx(0, abs=0.01)
        assert 0.45 < high < 1.25
    assert len({field.tobytes() for field in fields}) == len(fields)


def test_the_same_seed_draws_the_same_field() -> None:
    one, other = (empty_field(64, np.random.default_rng(5)) for _ in range(2))
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("start", [(0, 0), (3, 5)])
def test_squares_of_jpeg_begin_where_they_are_told_to(start) -> None:
    y, x = np.mgrid[:128, :128].astype(np.float32)
    image = 1000 + y + 2 * x  # in any units
    seen = compressed(image, 5, start)
    assert seen.shape == image.shape
    assert np.abs(seen - image).mean() < 0.1 * np.ptp(image)
    from_a_corner = seen[(8 - start[0]) % 8 :, (8 - start[1]) % 8 :]
    assert blockiness(from_a_corner) > MOST_BETWEEN
    assert blockiness(from_a_corner[:, 4:]) < 1
