"""How well predicted boxes, or centres, agree with true ones: AP, the precision-recall curve, F1 and counts.

Boxes overlap, so that several may fit one object and which pairs are made has to be chosen; no object is ever in two.

- What was found (AP@0.5 = TP / (TP + FP + FN), F1, precision, recall) takes the largest possible number of pairs, an
  assignment, as the matching of outlines does: it depends neither on scores nor on the order of the rows.
- The area under the precision-recall curve asks the same at every confidence, so there boxes choose in the order of
  their scores, the surest first, each the best true box that is left. A box keeps its object as less sure ones come.

Two boxes fit where their IoU is at least 1/2; two centres where they are at most a radius apart.

References
----------
Everingham et al. 2015, "The PASCAL Visual Object Classes Challenge: A Retrospective" (the curve, all its points);
Lin et al. 2014, "Microsoft COCO" (each box takes the best true one that is left).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.quality.accuracy import correlation, ratio

FITS = 0.5  # intersection over union of two boxes of one object, at least

Numbers = NDArray[np.integer[Any]] | NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class DetectionMatch:
    """What one field adds to the score of a set.

    ``matched`` is the number of pairs; ``hit`` (P,) is for each predicted object, with its ``score`` (P,), whether
    it found one when the surest chose first.
    """

    n_true: int
    n_predicted: int
    matched: int
    score: NDArray[np.float64]
    hit: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DetectionAccuracy:
    """Scores of a set, NaN where nothing was there to score.

    ``ap50`` is TP / (TP + FP + FN); ``average_precision`` the area under the precision-recall curve, over the objects
    that were given: those below the confidence of the run are not among them unless asked for. ``count_error`` is the
    mean of |predicted - true| per field, ``count_r`` Pearson's correlation of the counts over fields.
    """

    ap50: float
    average_precision: float
    f1_50: float
    precision: float
    recall: float
    count_error: float
    count_r: float
    fields: int
    true: int
    predicted: int


def box_iou(a: Numbers, b: Numbers) -> NDArray[np.float64]:
    """Return intersection over union (N, M) of half-open boxes (N, 4) and (M, 4), each y0, x0, y1, x1 in px.

    Raises
    ------
    ImageValueError
        If a box ends before it begins.
    """
    first, second = (_checked(boxes) for boxes in (a, b))
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - both
    return np.asarray(np.divide(both, union, out=np.zeros_like(both), where=union > 0))


def _checked(boxes: Numbers) -> NDArray[np.float64]:
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    if (corners[:, 2:] < corners[:, :2]).any():
        wrong = corners[(corners[:, 2:] < corners[:, :2]).any(axis=1)][0].tolist()
        raise ImageValueError(f"box {wrong} ends before it begins; boxes are y0, x0, y1, x1")
    return corners


def match_boxes(truth: Numbers, predicted: Numbers, score: Numbers) -> DetectionMatch:
    """Return how boxes of one class in one field agree: true (N, 4), predicted (M, 4) with their scores (M,)."""
    return _match(box_iou(truth, predicted), score, FITS)


def match_centres(truth: Numbers, predicted: Numbers, score: Numbers, *, radius_px: float) -> DetectionMatch:
    """Return how centres (y, x) in px of one class in one field agree: true (N, 2), predicted (M, 2) with scores (M,).

    A true and a predicted centre fit where they are at most ``radius_px`` apart.
    """
    points = [np.asarray(yx, np.float64).reshape(-1, 2) for yx in (truth, predicted)]
    away = np.linalg.norm(points[0][:, None] - points[1][None], axis=-1)
    return _match(-away, score, -radius_px)


def _match(agreement: NDArray[np.float64], score: Numbers, least: float) -> DetectionMatch:
    """Match rows (true) with columns (predicted) where their agreement is at least ``least``."""
    from scipy.optimize import linear_sum_assignment  # it takes half a second to import

    fits = agreement >= least
    rows, columns = linear_sum_assignment(fits, maximize=True)
    sureness = np.asarray(score, np.float64)
    hit = _surest_first(np.where(fits, agreement, -np.inf), sureness)
    n_true, n_predicted = fits.shape
    return DetectionMatch(n_true, n_predicted, int(fits[rows, columns].sum()), sureness, hit)


def _surest_first(agreement: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each column whether it got a row: in order of scores, each takes the best row that is left."""
    left = agreement.copy()
    hit = np.zeros(len(score), bool)
    if len(left):
        for column in np.argsort(-score, kind="stable"):
            row = int(left[:, column].argmax())
            hit[column] = left[row, column] > -np.inf
            if hit[column]:
                left[row] = -np.inf
    return hit


def join_classes(parts: Sequence[DetectionMatch]) -> DetectionMatch:
    """Return the matches of several classes of one field as one: an object of the wrong class is no match."""
    return DetectionMatch(
        n_true=sum(part.n_true for part in parts),
        n_predicted=sum(part.n_predicted for part in parts),
        matched=sum(part.matched for part in parts),
        score=np.concatenate([np.zeros(0), *(part.score for part in parts)]),
        hit=np.concatenate([np.zeros(0, bool), *(part.hit for part in parts)]),
    )


def summarise_detections(fields: Sequence[DetectionMatch]) -> DetectionAccuracy:
    """Return the scores of a set of fields; objects are pooled."""
    true, predicted = (np.array([getattr(f, name) for f in fields], int) for name in ("n_true", "n_predicted"))
    n_true, n_predicted, matched = int(true.sum()), int(predicted.sum()), sum(f.matched for f in fields)
    return DetectionAccuracy(
        ap50=ratio(matched, n_true + n_predicted - matched),
        average_precision=_area_under_curve(join_classes(fields)),
        f1_50=ratio(2 * matched, n_true + n_predicted),
        precision=ratio(matched, n_predicted),
        recall=ratio(matched, n_true),
        count_error=ratio(int(np.abs(predicted - true).sum()), len(fields)),
        count_r=correlation(true, predicted),
        fields=len(fields),
        true=n_true,
        predicted=n_predicted,
    )


def _area_under_curve(pooled: DetectionMatch) -> float:
    """Return the area under precision over recall, precision being the best at that recall or a higher one."""
    if not pooled.n_true:
        return float("nan")
    order = np.argsort(-pooled.score, kind="stable")
    true_positives = np.cumsum(pooled.hit[order])
    last = np.append(np.diff(pooled.score[order]) != 0, True)[: len(order)]  # equal scores come all at once
    precision = (true_positives / np.arange(1, len(order) + 1))[last]
    best = np.maximum.accumulate(precision[::-1])[::-1]
    recall = true_positives[last] / pooled.n_true
    return float((np.diff(recall, prepend=0.0) * best).sum())
