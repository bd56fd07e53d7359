"""One row per field, hand-counted."""

import math

import pandas as pd
import pytest

from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import format_left_out
from napari_cellvino.measure.counts import count_row

TABLE = pd.DataFrame(
    {
        "class": ["living", "dead", "living", "living"],
        "score": [0.9, 0.7, 0.5, 0.1],
        "area_px": [100, 50, 80, 7],
        "touches_edge": [True, False, True, True],
        "review": ["unseen", "accepted", "edited", "rejected"],
        "excluded": [False] * 4,
    }
)
CLASSES = ("living", "dead", "Half-dead")


def test_counts_of_a_field():
    assert count_row(TABLE, CLASSES, Spacing(None, 0.5, 0.5), (1000, 2000)) == {
        "count": 3,
        "rejected": 1,
        "excluded": 0,
        "count_living": 2,
        "count_dead": 1,
        "count_half_dead": 0,
        "density_per_mm2": 3 / (0.5 * 1.0),
        "median_area_px": 80,
        "median_area_um2": 20,
        "mean_score": pytest.approx(0.7),
        "touching_edge": 2,
    }


def test_what_is_left_out_is_counted_once():
    excluded = TABLE.assign(excluded=[True, False, False, True])
    row = count_row(excluded, CLASSES, Spacing(None, 1, 1), (10, 10))
    assert (row["count"], row["rejected"], row["excluded"]) == (2, 1, 1)
    assert (row["count_living"], row["median_area_px"], row["touching_edge"]) == (1, 65, 1)


@pytest.mark.parametrize(
    ("rejected", "excluded", "words"),
    [
        (0, 0, ""),
        (1, 0, "1 rejected cell is not counted"),
        (0, 1200, "1,200 excluded cells are not counted"),
        (2, 1, "2 rejected and 1 excluded cells are not counted"),
    ],
)
def test_what_is_left_out_in_words(rejected, excluded, words):
    assert format_left_out(rejected, excluded) == words


def test_nothing_in_um_without_a_scale():
    row = count_row(TABLE, CLASSES, Spacing(), (10, 10))
    assert not {"density_per_mm2", "median_area_um2"} & set(row)


def test_empty_field():
    row = count_row(TABLE[:0], CLASSES, Spacing(None, 1, 1), (10, 10))
    assert (row["count"], row["count_living"], row["density_per_mm2"], row["touching_edge"]) == (0, 0, 0, 0)
    assert all(math.isnan(row[name]) for name in ("median_area_px", "median_area_um2", "mean_score"))


def test_viability_is_told_where_classes_are_living_and_dead():
    assert count_row(TABLE, ("living", "dead"), Spacing(), (10, 10))["viability"] == pytest.approx(2 / 3)
    assert math.isnan(count_row(TABLE[:0], ("living", "dead"), Spacing(), (10, 10))["viability"])
    assert "viability" not in count_row(TABLE, CLASSES, Spacing(), (10, 10))
