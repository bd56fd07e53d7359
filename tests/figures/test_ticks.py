"""Round numbers that cover the values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.figures.ticks import round_step, round_ticks, tick_texts

NUMBERS = st.floats(-1e9, 1e9, allow_subnormal=False).filter(lambda v: v == 0 or abs(v) > 1e-9)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 137.25, ["0", "50", "100", "150"]),
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (1000, 1050, ["1,000", "1,010", "1,020", "1,030", "1,040", "1,050"]),
        (-3, 4, ["-4", "-2", "0", "2", "4"]),
        (5, 5, ["0", "1", "2", "3", "4", "5"]),
        (0, 7.3e6, ["0", "2M", "4M", "6M", "8M"]),
        (0, 6e5, ["0", "100k", "200k", "300k", "400k", "500k", "600k"]),
        (0, 2e-6, ["0", "5e-07", "1e-06", "1.5e-06", "2e-06"]),
    ],
)
def test_ticks(low, high, texts):
    assert list(tick_texts(round_ticks(low, high))) == texts


def test_whole_numbers_have_no_fractions():
    assert tick_texts(round_ticks(0, 3, whole=True)) == ("0", "1", "2", "3")
    assert tick_texts(round_ticks(0, 0, whole=True)) == ("0", "1")


@given(NUMBERS, NUMBERS)
def test_ticks_cover_the_values_evenly_and_are_few(a, b):
    low, high = sorted((a, b))
    ticks = round_ticks(low, high)
    step = ticks[1] - ticks[0]
    assert ticks[0] <= low + 1e-6 * step
    assert ticks[-1] >= high - 1e-6 * step
    assert 2 <= len(ticks) <= 9
    assert len(set(tick_texts(ticks))) == len(ticks)


@given(st.floats(1e-9, 1e12))
def test_steps_are_the_next_round_number(at_least):
    step = round_step(at_least)
    assert at_least * (1 - 1e-6) <= step <= 2.5 * at_least * (1 + 1e-6)
    assert f"{step:.0e}"[0] in "125"
