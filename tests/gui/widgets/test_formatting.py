from __future__ import annotations

import pytest

from napari_cellvino.core.image import Spacing
from napari_cellvino.gui.widgets.formatting import format_bytes, format_count, format_parameter, format_seconds
from napari_cellvino.segmentation.heads import Parameter

AREA = Parameter("smallest", "Smallest", 16, 0, 2000, 1, "px²")


@pytest.mark.parametrize(("count", "words"), [(0, "0 cells"), (1, "1 cell"), (12034, "12\u2009034 cells")])
def test_counts(count: int, words: str) -> None:
    assert format_count(count) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.01, "0.1 s"), (0.84, "0.8 s"), (12.4, "12 s"), (170, "3 min")])
def test_times(seconds: float, words: str) -> None:
    assert format_seconds(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(10, "1 MB"), (310_000_000, "310 MB"), (1_240_000_000, "1.2 GB")])
def test_memory(count: int, words: str) -> None:
    assert format_bytes(count) == words


def test_parameters_take_the_unit_that_is_known() -> None:
    assert format_parameter(AREA, 16, Spacing()) == "16 px²"
    assert format_parameter(AREA, 16, Spacing(y=0.5, x=0.5)) == "4.0 µm²"
    assert format_parameter(Parameter("c", "Confidence", 0.55, 0, 1, 0.01), 0.55, Spacing()) == "0.55"
