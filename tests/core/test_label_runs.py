from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.core.label_runs import numbered, starts_of_runs


@given(st.lists(st.sampled_from([0, 1, 2, 7, 70_000, 2**31 - 1])))
def test_numbers_are_those_of_unique(values: list[int]) -> None:
    for kind in (np.int32, np.int64):
        given_values = np.array(values, kind)
        found, place = numbered(given_values)
        wanted, wanted_place = np.unique(given_values, return_inverse=True)
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(place, wanted_place)
        assert found.dtype == kind


def test_a_run_ends_with_its_row_and_at_another_value() -> None:
    labels = np.array([[0, 1, 1], [1, 1, 2]], np.int32)
    assert starts_of_runs(labels).tolist() == [0, 1, 3, 5]
    assert starts_of_runs(np.zeros((0, 3), np.int32)).tolist() == []
    assert starts_of_runs(np.zeros((3, 0), np.int32)).tolist() == []
