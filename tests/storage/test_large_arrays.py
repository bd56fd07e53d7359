"""Arrays that do not fit in memory lie in a file that nobody sees, and hold the same."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.storage import large_arrays
from napari_cellvino.storage.large_arrays import allocate, copied, give_back_pages, in_bands, is_in_temporary_file


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


def test_an_array_is_told_whose_whole_lies_in_a_file(tmp_path):
    array = allocate((3, 4), np.int32)
    assert is_in_temporary_file(array)
    assert is_in_temporary_file(array[:][None])
    assert not is_in_temporary_file(array[1:])
    assert not is_in_temporary_file(np.zeros((3, 4), np.int32))
    assert not is_in_temporary_file(np.memmap(tmp_path / "image", np.int32, "w+", shape=(3, 4)))


def test_a_copy_is_apart_and_of_the_type_that_is_asked_for():
    array = np.arange(12, dtype=np.int32).reshape(3, 4)
    copy = copied(array, np.uint16)
    array += 1
    assert copy.dtype == np.uint16
    np.testing.assert_array_equal(copy, array - 1)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux, which says what is in memory")
def test_pages_go_and_come_again():
    """What a process holds of its files is the third number, in pages."""

    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[2]) * mmap.PAGESIZE

    array = allocate((64, 2**18), np.uint8)
    array[:] = np.arange(64, dtype=np.uint8)[:, None]
    before = held()
    give_back_pages()
    assert before - held() > 0.9 * array.nbytes
    np.testing.assert_array_equal(array[:, 7], np.arange(64))


@pytest.mark.parametrize(("step", "lengths"), [(1, [5, 5, 1]), (3, [3, 3, 3, 2]), (20, [11])])
def test_bands_cover_an_array_once(monkeypatch, step, lengths):
    array = np.zeros((11, 10), np.uint8)
    monkeypatch.setattr(large_arrays, "BAND_BYTES", 59)
    parts = [array[part] for part in in_bands(array, step)]
    assert [len(part) for part in parts] == lengths
    assert not list(in_bands(array[:0]))
