"""A mask among the images is asked about; no picture is."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.segmentation.mask_test import describe_mask

Y, X = np.mgrid[:200, :200] % 40 - 20
CELLS = np.hypot(Y, X) < 9
LABELS = CELLS * (1 + np.mgrid[:200, :200][0] // 40 * 5 + np.mgrid[:200, :200][1] // 40)


@pytest.mark.parametrize("mask", [LABELS.astype(np.uint16), LABELS.astype(np.float32), CELLS * np.uint8(255), CELLS])
def test_a_mask_is_asked_about(mask: np.ndarray) -> None:
    assert "mask or a label image?" in describe_mask(mask[None])[0]


def test_pictures_are_not() -> None:
    noise = np.random.default_rng(0).normal(0, 3, CELLS.shape)
    shot = np.clip(60 * CELLS + noise, 0, 255).astype(np.uint8)  # dark and in few grey steps
    smooth = (200 * np.exp(-np.hypot(Y, X) / 9)).astype(np.uint8)
    dim = np.rint(7 * np.exp(-np.hypot(Y, X) / 20)).astype(np.uint8)  # of eight grey levels, without noise
    for picture in (
        shot,
        smooth,
        dim,
        30 * dim,
        shot.astype(np.float32),
        np.where(CELLS, np.uint8(9), 1),
        np.zeros_like(shot),
    ):
        assert describe_mask(picture[None]) == ()
