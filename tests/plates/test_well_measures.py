"""Numbers of wells in words: which there are, their units, their values and the flags."""

from __future__ import annotations

import pytest

from napari_cellvino.core.plate import Well
from napari_cellvino.plates.well_measures import (
    FLAGS,
    REVIEWED,
    Measure,
    flags_of,
    measures,
    value_of,
    value_range,
    values_of,
)

LINES = {
    Well(0, 0): {"count": 12, "density_per_mm2": 250.0, "median_gfp_488": 31.5, "ring_ratio_gfp_488": 1.25,
                 "share_living": 0.75, "share_dead": 0.25, "mean_score": 0.9, "outlier": "", "edge_effect": "",
                 "failed": 0, REVIEWED: 0.5},
    Well(0, 1): {"count": 0, "outlier": "count mean_dna", "edge_effect": "count", "failed": 2.0, REVIEWED: None},
    Well(1, 0): {"count": None, "failed": 1},
}  # fmt: skip


def test_numbers_that_some_well_has_are_offered_with_their_units():
    found = [measure.heading for measure in measures(LINES, ("DNA", "GFP 488"))]
    assert found == [
        "Cells (per well)",
        "Density (cells/mm²)",
        "Median intensity, GFP 488 (grey values)",
        "Nucleus / ring ratio, GFP 488",
        "Share of living (%)",
        "Share of dead (%)",
        "Flags (outlier, edge, failed)",
        "Reviewed (% of cells)",
    ]


def test_share_of_the_only_class_is_no_number_to_compare():
    line = {Well(0, 0): {"count": 3, "share_nucleus": 1.0}}
    assert [m.name for m in measures(line, ("DNA",))] == ["count"]


def test_wells_without_a_number_have_no_value():
    assert values_of(LINES, "count") == {Well(0, 0): 12.0, Well(0, 1): 0.0}
    assert values_of(LINES, FLAGS) == {Well(0, 0): 0.0, Well(0, 1): 4.0}
    assert values_of(LINES, REVIEWED) == {Well(0, 0): 0.5}
    assert value_range([]) == (0.0, 1.0)
    assert value_range([3.0, 1.0, 2.0]) == (1.0, 3.0)


def test_flags_are_told_in_words():
    assert flags_of(LINES[Well(0, 1)]) == (
        "outlier in count", "outlier in mean_dna", "edge effect in count", "2 fields failed",
    )  # fmt: skip
    assert flags_of(LINES[Well(1, 0)]) == ("1 field failed",)
    assert value_of(LINES[Well(1, 0)], FLAGS) is None  # judged only against the rest of the plate


@pytest.mark.parametrize(
    ("unit", "value", "words"),
    [
        ("", 304.0, "304"),
        ("", 12034.0, "12,034"),
        ("", 1.2749, "1.27"),
        ("%", 0.125, "12.5 %"),
        ("% of cells", 1.0, "100 %"),
    ],
)
def test_values_are_words(unit: str, value: float, words: str):
    assert Measure("x", "X", unit).format(value) == words
