"""Matching against an exhaustive reference, and cases worked by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.quality.accuracy import IOU_PERCENT, match_field, summarise


def pixels_of(labels, min_area=0):
    sets = [set(np.flatnonzero(labels == i).tolist()) for i in np.unique(labels) if i]
    return [s for s in sets if len(s) >= min_area]


def by_brute_force(truth, predicted, min_area=0):
    """Return matches per threshold and the greatest IoU sum at 0.5, by assignment over exact IoUs."""
    true, found = pixels_of(truth, min_area), pixels_of(predicted, min_area)
    iou = [[Fraction(len(t & p), len(t | p)) for p in found] for t in true]
    matched = []
    for percent in IOU_PERCENT:
        passing = [[float(v) if 100 * v >= percent else 0 for v in row] for row in iou]
        value = np.array(passing).reshape(len(true), len(found))
        rows, columns = linear_sum_assignment((value > 0) * 1000 + value, maximize=True)
        matched.append(value[rows, columns])
    return tuple(np.count_nonzero(m) for m in matched), matched[0].sum()


def small_labels():
    shapes = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
    return shapes.flatmap(
        lambda shape: st.tuples(*[hnp.arrays(np.uint16, shape, elements=st.sampled_from([0, 1, 2, 7, 900]))] * 2)
    )


@settings(max_examples=300, deadline=None)
@given(small_labels(), st.integers(0, 4))
def test_matches_are_those_of_the_assignment(pair, min_area):
    truth, predicted = pair
    match = match_field(truth, predicted, min_area=min_area)
    matched, iou_sum = by_brute_force(truth, predicted, min_area)
    assert match.matched == matched
    assert match.iou_sum == pytest.approx(iou_sum)
    true, found = pixels_of(truth, min_area), pixels_of(predicted, min_area)
    assert (match.n_true, match.n_predicted) == (len(true), len(found))
    both = set().union(*true) & set().union(*found)
    assert match.foreground_both == len(both)


def row(*ids):
    return np.array([ids])


def test_ties_at_exactly_one_half():
    halves = match_field(row(1, 1, 1, 1, 0), row(5, 5, 6, 6, 0))
    assert halves.matched[:2] == (1, 0)
    assert (halves.n_true, halves.n_predicted) == (1, 2)
    merged = match_field(row(5, 5, 6, 6, 0), row(1, 1, 1, 1, 0))
    assert merged.matched[0] == 1
    assert merged.iou_sum == 0.5


def test_iou_of_exactly_three_fifths_is_matched_at_sixty_percent():
    match = match_field(row(1, 1, 1, 1, 0), row(0, 2, 2, 2, 2))
    assert match.matched == (1, 1, 1, 0, 0, 0, 0, 0, 0)
    assert match.iou_sum == 0.6


def test_small_objects_are_left_out_on_both_sides():
    truth, predicted = row(1, 1, 1, 0, 2, 0, 0), row(1, 1, 1, 0, 0, 0, 3)
    whole = match_field(truth, predicted)
    assert (whole.n_predicted, whole.matched[0]) == (2, 1)
    match = match_field(truth, predicted, min_area=2)
    assert (match.n_true, match.n_predicted, match.foreground_true) == (1, 1, 3)


def test_summary_by_hand():
    perfect = match_field(row(1, 1, 0, 2, 2), row(1, 1, 0, 2, 2))
    poor = match_field(row(1, 1, 1, 1, 0), row(0, 2, 2, 2, 2))
    missed = match_field(row(1, 1, 0, 0, 0), row(0, 0, 0, 3, 4))
    score = summarise([perfect, poor, missed])
    assert (score.fields, score.true, score.predicted) == (3, 4, 5)
    assert score.ap50 == 3 / (3 + 2 + 1)
    assert score.ap == pytest.approx([3 / 6] * 3 + [2 / 7] * 6)
    assert score.ap_mean == pytest.approx((3 * 3 / 6 + 6 * 2 / 7) / 9)
    assert (score.precision, score.recall) == (3 / 5, 3 / 4)
    assert score.f1_50 == pytest.approx(2 * 3 / 9)
    assert score.pq_50 == pytest.approx(2.6 / (3 + 1 + 0.5))
    assert score.count_error == pytest.approx(1 / 3)
    assert score.count_r == pytest.approx(np.corrcoef([2, 1, 1], [2, 1, 2])[0, 1])
    assert score.dice == pytest.approx((1 + 6 / 8 + 0) / 3)


def test_empty_fields():
    empty = np.zeros((3, 4), int)
    match = match_field(empty, empty)
    assert (match.n_true, match.n_predicted, match.dice) == (0, 0, 1)
    score = summarise([match])
    assert all(math.isnan(v) for v in (score.ap50, score.ap_mean, score.f1_50, score.pq_50, score.precision))
    assert (score.dice, score.count_error) == (1, 0)
    one_sided = summarise([match_field(empty, empty + 1)])
    assert (one_sided.ap50, one_sided.dice, one_sided.count_error) == (0, 0, 1)
    assert math.isnan(one_sided.recall)


def test_count_correlation_is_nan_without_variation():
    same = match_field(row(1, 0, 2), row(1, 0, 2))
    assert math.isnan(summarise([same, same]).count_r)
    assert math.isnan(summarise([]).count_r)
    assert summarise([]).fields == 0


def test_order_of_ids_does_not_matter():
    rng = np.random.default_rng(0)
    truth, predicted = (np.kron(rng.integers(0, 6, (6, 6)), np.ones((3, 3), int)) for _ in range(2))
    shuffled = rng.permutation(np.arange(1, 7)).tolist()
    renamed = np.array([0, *shuffled])[predicted]
    assert match_field(truth, renamed) == match_field(truth, predicted)


def test_other_shapes_are_refused():
    with pytest.raises(ImageValueError, match=r"\(2, 3\).*\(3, 2\)"):
        match_field(np.zeros((2, 3), int), np.zeros((3, 2), int))
