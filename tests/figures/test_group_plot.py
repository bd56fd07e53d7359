"""A box for each group, a bar for each bin, round numbers on the axes, nothing outside the picture."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.figures.box_plot import BLUE, FEW, box_stats
from napari_cellvino.figures.group_plot import MOST_GROUPS, PAPER, ROWS, SKY, WIDTH, PlotWords, draw_groups

WORDS = PlotWords("Area, by well", "Area, µm²")
COUNTS = PlotWords("Cells per field, by well", "Cells per field", counted="fields", whole=True)


def test_boxes_are_tukey_s() -> None:
    stats = box_stats(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 100]))
    assert (stats.first, stats.median, stats.third) == (3, 5, 7)
    assert (stats.low, stats.high) == (1, 8)
    assert stats.beyond.tolist() == [100]
    alone = box_stats(np.array([4.0]))
    assert (alone.low, alone.median, alone.high, len(alone.beyond)) == (4, 4, 4, 0)


@pytest.mark.parametrize("words", [WORDS, COUNTS])
@pytest.mark.parametrize(
    "values",
    [
        [],
        [0.0],
        [5.0, 5.0],
        [0.0] * 9,
        [-3.0, 4.0],
        [-2.0] * 3,
        [0.9, 0.91],
        list(range(1000)),
        [1e-7, 3e-6],
        [4e9, 1],
        [0, 6e5],
        [-99999, 99999],
    ],
)
def test_any_values_are_drawn_inside_the_picture(values: list[float], words: PlotWords) -> None:
    groups = {"a very long name of a field that does not fit": np.array(values, float), "empty": np.zeros(0)}
    page = np.asarray(draw_groups(groups, words))
    assert page.shape[1] == WIDTH
    assert (page == SKY).all(-1).any() == bool(values)
    assert (page[:, [0, 1, -2, -1]] == PAPER).all()


def test_each_group_has_its_row_up_to_a_number() -> None:
    def height(groups: int) -> int:
        return draw_groups({f"{n}": np.arange(9.0) for n in range(groups)}, WORDS).height

    assert height(3) - height(2) == ROWS[0][1]
    assert height(60) - height(59) == ROWS[-1][1]
    assert 0 < height(MOST_GROUPS + 5) - height(MOST_GROUPS) < 60  # a line that says so


def test_a_group_without_values_has_a_row() -> None:
    one = {"a": np.arange(9.0)}
    assert draw_groups(one | {"b": np.zeros(0)}, WORDS).height - draw_groups(one, WORDS).height == ROWS[0][1]


def test_few_values_are_dots_and_equal_ones_are_all_seen() -> None:
    def dots(values: list[float]) -> tuple[int, int]:
        page = np.asarray(draw_groups({"a": np.array(values)}, WORDS))
        rows, columns = (page == BLUE).all(-1).nonzero()
        return int(np.ptp(rows)), int(np.ptp(columns))

    one, equal, apart = dots([2.0]), dots([2.0] * (FEW - 1)), dots([0.5, 2.0])
    assert equal[0] > 2 * one[0]
    assert apart[1] > 10 * one[1]
    assert apart[0] == one[0]
