"""A box for each group, a bar for each bin, nothing outside the picture."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.export.group_plot import FILL, MOST_GROUPS, WIDTH, box_stats, draw_groups


def test_boxes_are_tukey_s() -> None:
    stats = box_stats(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 100]))
    assert (stats.first, stats.median, stats.third) == (3, 5, 7)
    assert (stats.low, stats.high) == (1, 8)
    assert stats.beyond.tolist() == [100]
    alone = box_stats(np.array([4.0]))
    assert (alone.low, alone.median, alone.high, len(alone.beyond)) == (4, 4, 4, 0)


@pytest.mark.parametrize("values", [[], [0.0], [5.0, 5.0], [-3.0, 4.0], list(range(1000))])
def test_any_values_are_drawn(values: list[float]) -> None:
    groups = {"a very long name of a field that does not fit": np.array(values, float), "empty": np.zeros(0)}
    page = np.asarray(draw_groups(groups, title="Area", unit="px"))
    assert page.shape[1] == WIDTH
    assert (page == FILL).all(-1).any() == bool(values)


def test_each_group_has_its_row_up_to_a_number() -> None:
    def height(groups: int) -> int:
        return draw_groups({f"{n}": np.arange(9.0) for n in range(groups)}, title="Area", unit="px").height

    assert height(3) - height(2) == height(2) - height(1) > 0
    assert height(MOST_GROUPS + 5) == height(MOST_GROUPS)
