"""Groups of linked things are those of a search of the graph, and numbered alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_cellvino.core.linked import linked_groups

NONE = np.zeros(0, np.intp)


def searched(count, one, other):
    return connected_components(coo_array((np.ones(len(one)), (one, other)), (count, count)), directed=False)[1]


@given(st.integers(1, 60), st.integers(0, 90), st.integers(0, 2**32 - 1))
def test_groups_are_those_of_a_search(count, links, seed):
    one, other = np.random.default_rng(seed).integers(0, count, (2, links))
    np.testing.assert_array_equal(linked_groups(count, one, other), searched(count, one, other))


@pytest.mark.parametrize("order", ["up", "down", "mixed"])
def test_a_long_chain_is_one_group(order):
    chain = np.arange(5000)
    chain = {"up": chain, "down": chain[::-1], "mixed": np.random.default_rng(0).permutation(chain)}[order]
    assert not linked_groups(5000, chain[:-1], chain[1:]).any()


def test_nothing_is_linked_in_nothing():
    assert len(linked_groups(0, NONE, NONE)) == 0
    assert linked_groups(3, NONE, NONE).tolist() == [0, 1, 2]
