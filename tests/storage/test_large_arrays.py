"""Arrays that do not fit in memory lie in a file that nobody sees, and hold the same."""

import numpy as np
import pytest

from napari_cellvino.storage import large_arrays
from napari_cellvino.storage.large_arrays import allocate, copied


@pytest.fixture(autouse=True)
def no_memory(monkeypatch):
    monkeypatch.setattr(large_arrays, "ALWAYS_FITS", 0)
    monkeypatch.setattr(large_arrays, "IN_MEMORY_SHARE", 0)


def test_zeros_in_a_file():
    array = allocate((3, 4), np.dtype(np.int32))
    assert isinstance(array, np.memmap)
    assert (array.dtype, array.shape, array.any()) == (np.int32, (3, 4), False)


def test_what_is_large_lies_in_a_file_whatever_is_free(monkeypatch):
    monkeypatch.setattr(large_arrays, "IN_MEMORY_SHARE", 1.0)
    assert not isinstance(allocate((3, 4), np.int32), np.memmap)
    monkeypatch.setattr(large_arrays, "MOST_IN_MEMORY", 47)
    assert isinstance(allocate((3, 4), np.int32), np.memmap)
    monkeypatch.setattr(large_arrays, "ON_DISK_SHARE", 0)
    assert not isinstance(allocate((3, 4), np.int32), np.memmap)


def test_a_copy_is_apart_and_of_the_type_that_is_asked_for():
    array = np.arange(12, dtype=np.int32).reshape(3, 4)
    copy = copied(array, np.uint16)
    array += 1
    assert copy.dtype == np.uint16
    np.testing.assert_array_equal(copy, array - 1)
