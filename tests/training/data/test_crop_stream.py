"""How often crops come from each source."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_cellvino.training.data.crop_stream import _sampling_weights


def field(source: str, diameter: float = 20.0) -> Any:
    return SimpleNamespace(source=source, diameter=diameter, image=np.zeros((1, 64, 64)), class_index=np.zeros(3, int))


FIELDS = [field("often"), field("often"), field("often"), field("often", 80.0), field("drawn"), field("drawn")]


RARE = 3**0.5  # how much more often the one of its kind comes than each of three


def test_named_sources_come_as_often_as_said() -> None:
    assert _sampling_weights(FIELDS, {"often": 0.8, "drawn": 0.2}) == pytest.approx([0.2] * 4 + [0.1] * 2)


def test_the_others_share_what_remains_and_rare_kinds_come_more_often() -> None:
    found = _sampling_weights(FIELDS, {"drawn": 0.2})
    assert found[4:] == pytest.approx([0.1, 0.1])
    assert found[:4] / found[0] == pytest.approx([1, 1, 1, RARE])
    assert found.sum() == pytest.approx(1)
    unnamed = _sampling_weights(FIELDS, {"elsewhere": 0.2})
    assert unnamed / unnamed[0] == pytest.approx([1, 1, 1, RARE, RARE / 2**0.5, RARE / 2**0.5])
