"""Changes of intensity keep crops usable: finite, in range, with their cells where they were."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.training.data.augment import STYLES, change_intensities
from napari_cellvino.training.synthetic.fields import synthetic_field


@pytest.mark.parametrize("style", list(STYLES))
def test_every_style_keeps_crops_in_the_range_of_normalisation(style: str) -> None:
    field = synthetic_field(3, size=96, kind="round", optics="phase contrast", diameters=(20, 30))
    crop = (field.image - field.image.min()) / np.ptp(field.image)
    rng = np.random.default_rng(0)
    changed = [change_intensities(crop, field.true_labels(), style, rng) for _ in range(12)]
    assert all(c.shape == crop.shape and c.dtype == np.float32 and np.isfinite(c).all() for c in changed)
    assert all(c.min() >= -0.5 and c.max() <= 2.0 for c in changed)
    assert len({c.tobytes() for c in changed}) == len(changed)


def test_another_lens_changes_detail_and_neither_background_nor_contrast_much() -> None:
    change = next(c for c, _ in STYLES["phase"] if c.__name__ == "_transfer")
    rng, image = np.random.default_rng(1), np.zeros((128, 128), np.float32) + 0.4
    image[40:80, 40:80] = 0.9
    for _ in range(8):
        changed = change(image, np.zeros(image.shape, np.int32), rng)
        assert np.median(changed) == pytest.approx(0.4, abs=0.02)
        assert 0.5 < changed.std() / image.std() < 2
        edge = np.abs(np.diff(changed[60])).argmax()
        assert min(abs(edge - 39), abs(edge - 79)) <= 1, "edges stay where they are"
