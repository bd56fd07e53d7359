import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.io.axes import AxisSizes, resolve_layout


@st.composite
def arrays(draw):
    letters = draw(st.permutations("TCZQRYX"))[: draw(st.integers(2, 7))]
    letters = [*dict.fromkeys([*letters, "Y", "X"])]
    letters = draw(st.permutations(letters))
    return "".join(letters), tuple(draw(st.integers(1, 3)) for _ in letters)


@given(arrays(), st.integers(1, 30))
def test_blocks_and_indices_reach_every_value_once(array, page):
    """Cutting planes out of blocks by `locate` gives each value of the array exactly once."""
    axes, sizes = array
    values = np.arange(math.prod(sizes)).reshape(sizes)
    layout, _ = resolve_layout((AxisSizes("image", axes, sizes),), None)
    start = layout.block_start(page)
    blocks = values.reshape(-1, *sizes[start:])
    seen = []
    for p, t, c, z in product(*(range(layout.count(role)) for role in "PTCZ")):
        number, inside = layout.locate(start, {"P": p, "T": t, "C": c, "Z": z})
        plane = blocks[number][inside]
        assert sorted(plane.shape) == sorted(layout.shape[-2:])
        seen.append(plane.ravel())
    assert sorted(np.concatenate(seen)) == list(range(values.size))


@pytest.mark.parametrize(
    ("axes", "sizes", "roles", "words"),
    [
        ("QYX", (4, 5, 6), "ZYX", "its 4 pages are: taken as planes of a z-stack"),
        ("IZYX", (4, 3, 5, 6), "TZYX", "its 4 pages are: taken as time points"),
        ("TZQYX", (2, 3, 4, 5, 6), "TZCYX", "its 4 pages are: taken as channels"),
        ("QQYX", (3, 4, 5, 6), "ZZYX", "its 12 pages are: taken as planes of a z-stack"),
    ],
)
def test_a_dimension_without_a_name_takes_the_first_free_role(axes, sizes, roles, words):
    layout, assumed = resolve_layout((AxisSizes("image", axes, sizes),), None)
    assert layout.roles == roles
    assert assumed == (f"the file does not say what {words}",)


def test_an_array_without_rows_and_columns_is_refused():
    with pytest.raises(ImageValueError, match="no rows and columns"):
        resolve_layout((AxisSizes("image", "Q", (5,)),), None)


def test_wishes_may_count_dimensions_of_length_one():
    short, full = AxisSizes("image", "QYX", (4, 5, 6)), AxisSizes("image", "QQYX", (1, 4, 5, 6))
    assert resolve_layout((short, full), "TCYX")[0].shape == (1, 4, 1, 5, 6)
    assert resolve_layout((short, full), "CYX")[0].shape == (1, 4, 1, 5, 6)
