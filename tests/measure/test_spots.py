"""Counts of spots: those told apart, and those that the light of all of them is that of."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_cellvino.core.spots import Spots
from napari_cellvino.measure.spots import count_spots, with_spots
from napari_cellvino.segmentation.spots.detect import find_spots
from napari_cellvino.segmentation.spots.network import shipped_networks
from napari_cellvino.segmentation.spots.step import _describe_crowd
from napari_cellvino.training.synthetic.spot_fields import SpotField, simulate_spots

LIGHT = np.array([100.0, 100.0, 100.0, 300.0, 150.0])  # the fourth is three on each other
SPOTS = Spots(np.zeros((5, 3)), LIGHT, np.full(5, 9.0), np.array([1, 1, 2, 2, 0], np.int32))


def test_spots_are_counted_by_their_light_in_cells_and_in_the_field():
    table = with_spots(pd.DataFrame({"id": [1, 2, 3]}), SPOTS)
    assert table["spots"].tolist() == [2, 2, 0]
    assert table["spots_by_intensity"].tolist() == [2.0, 4.0, 0.0]
    assert count_spots(table, SPOTS, cells=False) == {"spots": 5, "spots_by_intensity": 7.5}
    none = SPOTS.select(np.zeros(5, bool))
    assert count_spots(table, none, cells=False) == {"spots": 0, "spots_by_intensity": 0.0}
    dark = replace(SPOTS, intensity=np.zeros(5))
    assert with_spots(table, dark)["spots_by_intensity"].tolist() == [0.0, 0.0, 0.0]
    assert dark.by_intensity == 0.0


@pytest.mark.parametrize(("spots", "seed"), [(300, 0), (300, 1), (600, 0), (600, 1), (700, 0), (700, 1)])
def test_light_of_crowds_tells_how_many_there_are(spots, seed):
    image, true = simulate_spots(SpotField(spots=spots, snr=10.0), seed)
    found = find_spots(image, networks=shipped_networks())
    assert found.by_intensity == pytest.approx(len(true), rel=0.1 if spots < 600 else 0.18)
    assert abs(found.by_intensity - len(true)) < abs(len(found) - len(true))


def test_crowds_that_hide_spots_are_told():
    few = find_spots(simulate_spots(SpotField(spots=150, snr=10.0), 0)[0], networks=shipped_networks())
    many = find_spots(simulate_spots(SpotField(spots=700, snr=10.0), 0)[0], networks=shipped_networks())
    assert few.hidden < 0.13 < many.hidden
    assert _describe_crowd(few) == ()
    (told,) = _describe_crowd(many)
    assert f"{len(many)} spots may be too few" in told
    assert f"about {many.by_intensity:.0f}" in told
