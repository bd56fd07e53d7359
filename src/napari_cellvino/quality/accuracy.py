"""How well predicted objects agree with true ones: AP, F1, PQ, count error and Dice.

Fields are matched one by one and only small counts are kept, so that a set of any size can be scored, and scores are
of the pooled objects: a field with three cells does not weigh as much as one with three hundred.

Matching needs no assignment solver. Where two pairs that share an object both have an IoU of at least 1/2, the objects
of one side are disjoint halves that make up the shared one exactly, and overlap nothing else: either may be taken.
Above 1/2 pairs share no object at all.

References
----------
Caicedo et al. 2019, "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl" (AP);
Weigert et al. 2020, "Star-convex polyhedra for 3D object detection" (``stardist.matching``, the same terms);
Kirillov et al. 2019, "Panoptic Segmentation" (PQ).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.quality.overlap import Overlap, overlap

IOU_PERCENT = (50, 55, 60, 65, 70, 75, 80, 85, 90)  # integers: a pair at exactly 3/5 is matched at 0.60


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """What one field adds to the score of a set.

    ``matched`` are the pairs at IoU of at least 0.50, 0.55, … 0.90; ``iou_sum`` is the sum of IoU of those at 0.50.
    Foregrounds are in px (voxels).
    """

    n_true: int
    n_predicted: int
    matched: tuple[int, ...]
    iou_sum: float
    foreground_true: int
    foreground_predicted: int
    foreground_both: int

    @property
    def dice(self) -> float:
        """Dice coefficient of the foregrounds; 1 where both are empty."""
        sizes = self.foreground_true + self.foreground_predicted
        return 2 * self.foreground_both / sizes if sizes else 1.0


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Scores of a set, NaN where nothing was there to score.

    ``ap`` is AP = TP / (TP + FP + FN) at IoU 0.50, 0.55, … 0.90 and ``ap_mean`` their mean; ``precision``,
    ``recall``, ``f1_50`` and ``pq_50`` are at IoU 0.50. ``count_error`` is the mean of |predicted - true| per field,
    ``count_r`` Pearson's correlation of the counts over fields, ``dice`` the mean over fields.
    """

    ap50: float
    ap_mean: float
    ap: tuple[float, ...]
    f1_50: float
    pq_50: float
    precision: float
    recall: float
    count_error: float
    count_r: float
    dice: float
    fields: int
    true: int
    predicted: int


def match_field(truth: NDArray[np.integer], predicted: NDArray[np.integer], *, min_area: int = 0) -> FieldMatch:
    """Return how the objects of two label images of the same field agree.

    Parameters
    ----------
    truth, predicted
        (Y, X) or (Z, Y, X) label images of one shape, 0 is background; ids need not be dense.
    min_area
        True and predicted objects of fewer px (voxels) are left out, as if they were background.

    Raises
    ------
    ImageValueError
        If the shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ImageValueError(
            f"true labels of shape {truth.shape} and predicted of {predicted.shape} are not one field"
        )
    pairs = overlap(truth, predicted, min_area=min_area)
    matched = [_one_to_one(pairs, percent) for percent in IOU_PERCENT]
    return FieldMatch(
        n_true=len(pairs.true_area),
        n_predicted=len(pairs.predicted_area),
        matched=tuple(len(rows) for rows in matched),
        iou_sum=float(pairs.iou[matched[0]].sum()),
        foreground_true=int(pairs.true_area.sum()),
        foreground_predicted=int(pairs.predicted_area.sum()),
        foreground_both=int(pairs.both.sum()),
    )


def _one_to_one(pairs: Overlap, percent: int) -> NDArray[np.intp]:
    """Return the pairs with IoU of at least ``percent`` %, each object in one pair only."""
    rows = np.flatnonzero(100 * pairs.both >= percent * pairs.union)
    rows = rows[np.unique(pairs.true_row[rows], return_index=True)[1]]
    return rows[np.unique(pairs.predicted_row[rows], return_index=True)[1]]


def summarise(fields: Sequence[FieldMatch]) -> Accuracy:
    """Return the scores of a set of fields."""
    true, predicted = (np.array([getattr(f, name) for f in fields], int) for name in ("n_true", "n_predicted"))
    n_true, n_predicted = int(true.sum()), int(predicted.sum())
    matched = np.array([f.matched for f in fields], int).reshape(-1, len(IOU_PERCENT)).sum(axis=0).tolist()
    ap = tuple(ratio(tp, n_true + n_predicted - tp) for tp in matched)
    return Accuracy(
        ap50=ap[0],
        ap_mean=sum(ap) / len(ap),
        ap=ap,
        f1_50=ratio(2 * matched[0], n_true + n_predicted),
        pq_50=ratio(2 * sum(f.iou_sum for f in fields), n_true + n_predicted),
        precision=ratio(matched[0], n_predicted),
        recall=ratio(matched[0], n_true),
        count_error=ratio(int(np.abs(predicted - true).sum()), len(fields)),
        count_r=correlation(true, predicted),
        dice=ratio(sum(f.dice for f in fields), len(fields)),
        fields=len(fields),
        true=n_true,
        predicted=n_predicted,
    )


def ratio(part: float, whole: float) -> float:
    """Return a share, NaN of nothing."""
    return part / whole if whole else float("nan")


def correlation(a: NDArray[np.integer], b: NDArray[np.integer]) -> float:
    """Return Pearson's r, NaN for fewer than two fields or where one side does not vary."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
