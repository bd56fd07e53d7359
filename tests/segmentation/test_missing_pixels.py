"""Pixels without a value are told, where there are many."""

from __future__ import annotations

import numpy as np

from napari_cellvino.segmentation.missing_pixels import describe_missing


def test_a_border_without_values_is_told():
    image = np.random.default_rng(0).normal(100, 5, (1, 100, 100)).astype(np.float32)
    assert describe_missing(image) == ()
    image[0, 3, 4] = np.nan
    assert describe_missing(image) == ()
    image[0, :16] = np.nan
    (told,) = describe_missing(image)
    assert told.startswith("16% of the pixels have no value")


def test_whole_numbers_are_all_there():
    assert describe_missing(np.zeros((1, 10, 10), np.uint16)) == ()
