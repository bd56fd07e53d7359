"""Matching of boxes and centres against an exhaustive reference, and cases worked by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.quality.box_accuracy import (
    box_iou,
    join_classes,
    match_boxes,
    match_centres,
    summarise_detections,
)

NONE = np.zeros((0, 4))


def boxes_of(*rows):
    return np.array(rows, float).reshape(-1, 4)


def small_boxes():
    side = st.tuples(st.integers(0, 5), st.integers(1, 4))
    one = st.tuples(side, side).map(lambda s: (s[0][0], s[1][0], s[0][0] + s[0][1], s[1][0] + s[1][1]))
    return st.lists(one, max_size=4).map(lambda rows: boxes_of(*rows))


def pixels_of(box):
    y0, x0, y1, x1 = (int(v) for v in box)
    return set(itertools.product(range(y0, y1), range(x0, x1)))


def most_pairs(truth, predicted):
    """Return the largest number of one-to-one pairs that fit, by trying all of them."""
    fits = [[2 * len(a & b) >= len(a | b) for b in map(pixels_of, predicted)] for a in map(pixels_of, truth)]
    few, many = (len(truth), len(predicted)) if len(truth) <= len(predicted) else (len(predicted), len(truth))

    def good(i, j):
        return fits[i][j] if len(truth) <= len(predicted) else fits[j][i]

    return max(sum(good(i, j) for i, j in enumerate(order)) for order in itertools.permutations(range(many), few))


@given(small_boxes(), small_boxes())
def test_iou_is_that_of_the_pixels(a, b):
    iou = box_iou(a, b)
    assert iou.shape == (len(a), len(b))
    for (i, one), (j, other) in itertools.product(enumerate(map(pixels_of, a)), enumerate(map(pixels_of, b))):
        assert iou[i, j] == pytest.approx(len(one & other) / len(one | other))


@given(small_boxes(), small_boxes())
def test_as_many_pairs_as_possible_are_made(truth, predicted):
    match = match_boxes(truth, predicted, np.ones(len(predicted)))
    assert (match.n_true, match.n_predicted) == (len(truth), len(predicted))
    assert match.matched == most_pairs(truth, predicted)
    assert match.hit.sum() <= match.matched


@given(small_boxes(), small_boxes(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(truth, predicted, random):
    score = np.arange(len(predicted)) / 10
    order = list(range(len(predicted)))
    random.shuffle(order)
    plain, shuffled = match_boxes(truth, predicted, score), match_boxes(truth, predicted[order], score[order])
    assert plain.matched == shuffled.matched
    assert plain.hit[order].tolist() == shuffled.hit.tolist()


def test_a_true_box_is_found_once():
    match = match_boxes(boxes_of((0, 0, 10, 10)), boxes_of((0, 0, 10, 10), (0, 0, 10, 9)), np.array([0.6, 0.9]))
    assert match.matched == 1
    assert match.hit.tolist() == [False, True]


def test_the_surest_takes_the_best_that_is_left():
    truth = boxes_of((0, 0, 10, 10), (0, 2, 10, 12))
    predicted = boxes_of((0, 1, 10, 11), (0, 0, 10, 10))
    match = match_boxes(truth, predicted, np.array([0.9, 0.8]))
    assert match.matched == 2
    assert match.hit[0]


def test_centres_fit_within_the_radius():
    truth = np.array([[10.0, 10.0], [30.0, 30.0]])
    predicted = np.array([[10.0, 15.0], [30.0, 35.1], [50.0, 50.0]])
    match = match_centres(truth, predicted, np.ones(3), radius_px=5.0)
    assert (match.n_true, match.n_predicted, match.matched) == (2, 3, 1)
    assert match.hit.tolist() == [True, False, False]


def test_summary_by_hand():
    truth = boxes_of((0, 0, 10, 10), (20, 20, 30, 30))
    first = match_boxes(truth, boxes_of((0, 0, 10, 10), (50, 50, 60, 60)), np.array([0.9, 0.8]))
    second = match_boxes(truth[:1], boxes_of((0, 0, 10, 10)), np.array([0.7]))
    score = summarise_detections([first, second])
    assert (score.fields, score.true, score.predicted) == (2, 3, 3)
    assert score.ap50 == 2 / (2 + 1 + 1)
    assert score.f1_50 == pytest.approx(2 / 3)
    assert (score.precision, score.recall) == pytest.approx((2 / 3, 2 / 3))
    assert score.count_error == 0
    assert score.count_r == pytest.approx(1)
    # recall 1/3 at precision 1, then (after one that hit nothing) 2/3 at precision 2/3
    assert score.average_precision == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)


def test_equal_scores_come_at_once():
    truth, predicted = boxes_of((0, 0, 4, 4)), boxes_of((0, 0, 4, 4), (8, 8, 9, 9))
    for order in ([0, 1], [1, 0]):
        score = summarise_detections([match_boxes(truth, predicted[order], np.ones(2))])
        assert score.average_precision == pytest.approx(0.5)


def test_a_wrong_class_is_no_match():
    box = boxes_of((0, 0, 4, 4))
    living, dead = match_boxes(box, NONE, np.zeros(0)), match_boxes(NONE, box, np.ones(1))
    score = summarise_detections([join_classes([living, dead])])
    assert (score.true, score.predicted, score.ap50, score.count_error) == (1, 1, 0, 0)


def test_empty_fields():
    nothing = match_boxes(NONE, NONE, np.zeros(0))
    score = summarise_detections([nothing])
    assert math.isnan(score.ap50)
    assert math.isnan(score.average_precision)
    assert score.count_error == 0
    assert summarise_detections([match_boxes(boxes_of((0, 0, 1, 1)), NONE, np.zeros(0))]).average_precision == 0


def test_boxes_that_end_before_they_begin_are_refused():
    with pytest.raises(ImageValueError, match=r"\[5\.0, 0\.0, 2\.0, 4\.0\] ends before"):
        box_iou(boxes_of((5, 0, 2, 4)), NONE)
