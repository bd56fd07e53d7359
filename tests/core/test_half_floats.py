"""Looked-up float16 are those that NumPy converts, to the bit."""

from __future__ import annotations

import numpy as np

from napari_cellvino.core.half_floats import as_rounded, as_singles

EVERY = np.arange(2**16, dtype=np.uint16).view(np.float16)


def test_every_float16_is_looked_up_as_it_is_converted():
    np.testing.assert_array_equal(as_singles(EVERY).view(np.uint32), EVERY.astype(np.float32).view(np.uint32))
    image = EVERY.reshape(256, 256)[::3, 1::2]
    np.testing.assert_array_equal(as_singles(image).view(np.uint32), image.astype(np.float32).view(np.uint32))
    wide = np.array([[0.1, 7e9]], np.float32)
    assert as_singles(wide) is wide


def test_every_finite_float16_is_rounded_as_numpy_rounds_it():
    finite = EVERY[np.isfinite(EVERY)]
    np.testing.assert_array_equal(as_rounded(finite), np.rint(finite.astype(np.float32)).astype(np.int32))
    assert as_rounded(np.array([0.5, 1.5, -2.5, 65504], np.float16)).tolist() == [0, 2, -2, 65504]
