"""Pairs of spots of two channels, against what is put there and against chance."""

import numpy as np
import pandas as pd
import pytest

from napari_cellvino.core.spots import Spots
from napari_cellvino.measure.spot_pairs import count_pairs, pair_spots, with_common_light, with_pairs


def spots(places, partner=None, cell=None):
    number = len(places)
    held = np.zeros(number, np.int32) if cell is None else np.asarray(cell, np.int32)
    return Spots(np.asarray(places, float).reshape(-1, 3), np.ones(number), np.ones(number), held, partner=partner)


def test_pairs_are_each_others_nearest():
    partner = spots([(0, 10, 11), (0, 10, 12.5), (0, 40, 40)])
    pairs = pair_spots(spots([(0, 10, 10), (0, 10, 12), (0, 60, 60)], partner), 2.0)
    assert (pairs.spot.tolist(), pairs.partner.tolist()) == ([0, 1], [0, 1])
    assert pairs.distance == pytest.approx([1.0, 0.5])


def test_planes_are_as_far_apart_as_they_are():
    found = spots([(3, 10, 10)], spots([(4, 10, 10)]))
    assert (len(pair_spots(found, 2.0, 1.5)), len(pair_spots(found, 2.0, 3.0))) == (1, 0)


@pytest.mark.parametrize(("together", "beyond"), [(0.0, False), (0.3, True)])
def test_what_lies_together_by_chance_is_told(together, beyond):
    rng = np.random.default_rng(4)
    one = np.c_[np.zeros(200), rng.uniform(0, 200, (200, 2))]
    other = np.c_[np.zeros(200), rng.uniform(0, 200, (200, 2))]
    same = rng.random(200) < together
    other[same] = one[same] + np.c_[np.zeros(same.sum()), rng.normal(0, 0.5, (same.sum(), 2))]
    found = spots(one, spots(other))
    row = count_pairs(found, pair_spots(found, 2.0), 2.0, (200, 200))
    assert row["spots_paired_by_chance"] == pytest.approx(200 * 200 * 4 * np.pi / 200**2, rel=0.35)
    assert (row["spots_paired_p"] < 0.05) is beyond


def test_pairs_of_cells_and_their_parts():
    partner = spots([(0, 5, 5.5), (0, 5, 15), (0, 30, 30)], cell=[1, 1, 2])
    found = spots([(0, 5, 5), (0, 5, 14.5)], partner, cell=[1, 1])
    nuclei = np.zeros((40, 40), int)
    nuclei[:, :10] = 1
    table = with_pairs(pd.DataFrame({"id": [1, 2]}), found, pair_spots(found, 1.0), nuclei)
    assert table["partner_spots"].tolist() == [2, 1]
    assert table["spots_paired"].tolist() == [2, 0]
    assert table["spots_paired_in_nucleus"].tolist() == table["spots_paired_in_cytoplasm"].tolist() == [1, 0]


def test_light_of_two_channels():
    rng = np.random.default_rng(2)
    labels = np.zeros((40, 90), int)
    labels[5:15, 5:15], labels[5:15, 30:40], labels[30:33, 60:63] = 1, 2, 3
    one, other = rng.normal(100, 2, (2, 40, 90))
    light = rng.uniform(50, 100, (10, 10))
    one[5:15, 5:15] += light
    other[5:15, 5:15] += light
    one[5:15, 30:35] += 80
    other[5:15, 35:40] += 80
    table = with_common_light(pd.DataFrame({"id": [1, 2, 3]}), labels, one, other)
    assert table["pearson"][0] > 0.95
    assert table["pearson"][1] < -0.9
    assert table["manders_spots"].tolist()[:2] == pytest.approx([1.0, 0.0], abs=0.02)
    assert table.iloc[2, 1:].isna().all()
