from __future__ import annotations

from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package.spec import Score
from napari_cellvino.quality.score_table import markdown_table, text_table

SCORES = [
    Score(set=name, metric=metric, precision=precision, value=value)
    for precision in (Precision.INT8, Precision.FAST)
    for name, metric, value in (("one", "ap50", 0.12345), ("one", "true", 1204.0), ("two", "ap50:dead", 1.0))
    if (precision, name) != (Precision.INT8, "two")
]


def test_a_card_has_a_row_per_figure_and_a_column_per_precision():
    assert markdown_table(SCORES).splitlines() == [
        "| set | score | Fast | INT8 |",
        "| --- | --- | ---: | ---: |",
        "| one | AP@0.5 | 0.123 | 0.123 |",
        "|  | true cells | 1204 | 1204 |",
        "| two | AP@0.5, dead | 1.000 | – |",
    ]


def test_a_terminal_shows_the_same_aligned():
    assert text_table(SCORES).splitlines() == [
        "set  score          Fast   INT8",
        "one  AP@0.5        0.123  0.123",
        "     true cells     1204   1204",
        "two  AP@0.5, dead  1.000      –",
    ]
