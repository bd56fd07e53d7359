"""One row per field, hand-counted."""

import math

import pandas as pd
import pytest

from napari_cellvino.analysis.counting import count_row
from napari_cellvino.image import Spacing

TABLE = pd.DataFrame(
    {
        "class": ["living", "dead", "living", "living"],
        "score": [0.9, 0.7, 0.5, 0.1],
        "area_px": [100, 50, 80, 7],
        "touches_edge": [True, False, True, True],
        "review": ["unseen", "accepted", "edited", "rejected"],
    }
)
CLASSES = ("living", "dead", "Half-dead")


def test_counts_of_a_field():
    assert count_row(TABLE, CLASSES, Spacing(None, 0.5, 0.5), (1000, 2000)) == {
        "count": 3,
        "count_living": 2,
        "count_dead": 1,
        "count_half_dead": 0,
        "density_per_mm2": 3 / (0.5 * 1.0),
        "median_area_px": 80,
        "median_area_um2": 20,
        "mean_score": pytest.approx(0.7),
        "touching_edge": 2,
    }


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
