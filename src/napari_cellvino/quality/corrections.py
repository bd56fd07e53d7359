"""Differences between the result of a model and the corrected one: which cells, how many, and the model's accuracy.

Two label images of one field are compared by the pixels their objects share, two sets of boxes by how far they cover
each other, so that it does not matter which tools were used, nor whether ids were kept: a correction is what differs in
the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.quality.accuracy import FieldMatch, match_field
from napari_cellvino.quality.box_accuracy import DetectionMatch, box_iou, join_classes, match_boxes
from napari_cellvino.quality.overlap import Overlap, overlap

SAME = 0.5  # intersection over union of one object on both sides, at least
PART = 0.5  # share of a piece that lies in the object that it is a piece of, at least
RECLASSIFIED = "reclassified"
KINDS = ("added", "deleted", "split", "merged", "reshaped", RECLASSIFIED)

ClassOf = Mapping[int, str]  # name of the class by id
Ids = NDArray[np.integer]
Done = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # of each side, which objects are in a correction already
UNKNOWN: tuple[ClassOf, ClassOf] = ({}, {})


@dataclass(frozen=True, slots=True)
class Correction:
    """One thing that was changed: ``model`` and ``corrected`` are ids; ``iou`` of the best pair, 0 where none is left.

    ``kind`` is ``added``, ``deleted``, ``split`` (one of the model is several), ``merged`` (several of the model are
    one), ``reshaped`` (one is one, of another outline or box) or ``reclassified`` (one is one, of another class, of
    which ``classes`` has both names; it may be of another outline, too).
    """

    kind: str
    model: tuple[int, ...]
    corrected: tuple[int, ...]
    iou: float
    classes: tuple[str, ...] = ()

    @property
    def agreement(self) -> float:
        """How far both sides agree, 0 to 1: the IoU; not at all where the class is another one."""
        return 0.0 if self.kind == RECLASSIFIED else self.iou


@dataclass(frozen=True, slots=True)
class CorrectionFigures:
    """One field: counts on both sides, what was changed (the worst first), and the model's match with the truth.

    Boxes of the wrong class are no match; of outlines, classes are not asked for.
    """

    model_count: int
    corrected_count: int
    untouched: int
    corrections: tuple[Correction, ...]
    match: FieldMatch | DetectionMatch

    def count(self, kind: str) -> int:
        """Return how many corrections are of a kind."""
        return sum(correction.kind == kind for correction in self.corrections)


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of one side: ids (N,), corners (N, 4) y0, x0, y1, x1 in px, half-open, and class and score of each."""

    ids: Ids
    yxyx: NDArray[np.float64]
    classes: tuple[str, ...]
    score: NDArray[np.float64]


def compare(
    model: NDArray[np.integer], corrected: NDArray[np.integer], classes: tuple[ClassOf, ClassOf] = UNKNOWN
) -> CorrectionFigures:
    """Return what turns ``model`` into ``corrected``, both label images (Y, X) or (Z, Y, X) of one shape.

    ``classes`` are those of the objects on both sides; without, none was changed.

    Raises
    ------
    ImageValueError
        If the shapes differ.
    """
    match = match_field(corrected, model)  # first: it checks the shapes
    pairs = overlap(model, corrected)
    ids = tuple(np.unique(labels[labels != 0]) for labels in (model, corrected))
    several, done = _several(pairs, ids)
    order = np.argsort(-pairs.iou, kind="stable")
    candidates = zip(pairs.true_row[order].tolist(), pairs.predicted_row[order].tolist(), pairs.iou[order], strict=True)
    names = ([classes[side].get(id_, "") for id_ in ids[side].tolist()] for side in (0, 1))
    return _figures([*several, *_one_to_one(candidates, ids, done, tuple(names))], ids, done, match)


def compare_boxes(model: Boxes, corrected: Boxes) -> CorrectionFigures:
    """Return what turns the boxes ``model`` into ``corrected``.

    Of boxes that fit equally well, those of one class are one object. None is split or merged: what one box becomes
    two of is as a rule another cell beside it.
    """
    iou = box_iou(model.yxyx, corrected.yxyx)
    a, b = np.nonzero(iou >= SAME)
    other = np.array([model.classes[i] != corrected.classes[k] for i, k in zip(a.tolist(), b.tolist(), strict=True)])
    order = np.lexsort((other, -iou[a, b])) if len(a) else np.zeros(0, np.intp)
    candidates = zip(a[order].tolist(), b[order].tolist(), iou[a, b][order], strict=True)
    ids, names = (model.ids, corrected.ids), (model.classes, corrected.classes)
    done = (np.zeros(len(ids[0]), bool), np.zeros(len(ids[1]), bool))
    return _figures(_one_to_one(candidates, ids, done, names), ids, done, _match_boxes(model, corrected))


def _match_boxes(model: Boxes, corrected: Boxes) -> DetectionMatch:
    matches = []
    for name in sorted({*model.classes, *corrected.classes}):
        found, true = (np.array([c == name for c in side.classes], bool) for side in (model, corrected))
        matches.append(match_boxes(corrected.yxyx[true], model.yxyx[found], model.score[found]))
    return join_classes(matches)


def _figures(
    found: list[Correction], ids: tuple[Ids, ...], done: Done, match: FieldMatch | DetectionMatch
) -> CorrectionFigures:
    """Return the figures of a field, with what is on one side only."""
    for side, kind in enumerate(("deleted", "added")):
        left = np.flatnonzero(~done[side])
        found += [_alone(kind, int(id_)) for id_ in ids[side][left].tolist()]
    changed = [c for c in found if c.iou < 1 or c.kind == RECLASSIFIED]
    changed.sort(key=lambda c: (c.agreement, c.kind, c.model, c.corrected))
    return CorrectionFigures(len(ids[0]), len(ids[1]), len(found) - len(changed), tuple(changed), match)


def _alone(kind: str, id_: int) -> Correction:
    return Correction(kind, (id_,) if kind == "deleted" else (), (id_,) if kind == "added" else (), 0.0)


def _several(pairs: Overlap, ids: tuple[Ids, ...]) -> tuple[list[Correction], Done]:
    """Return splits and merges, and which objects of the two sides they are made of."""
    rows, areas = (pairs.true_row, pairs.predicted_row), (pairs.true_area, pairs.predicted_area)
    done = (np.zeros(len(ids[0]), bool), np.zeros(len(ids[1]), bool))
    found = []
    for whole, piece, kind in ((0, 1, "split"), (1, 0, "merged")):
        inside = pairs.both >= PART * areas[piece][rows[piece]]
        inside &= ~done[0][pairs.true_row] & ~done[1][pairs.predicted_row]
        counts = np.bincount(rows[whole][inside], minlength=len(ids[whole]))
        for row in np.flatnonzero(counts > 1):
            of_it = inside & (rows[whole] == row) & ~done[piece][rows[piece]]  # halves may lie in two objects
            if of_it.sum() < 2:
                continue
            pieces = tuple(ids[piece][rows[piece][of_it]].tolist())
            one = (int(ids[whole][row]),)
            model, corrected = (one, pieces) if kind == "split" else (pieces, one)
            found.append(Correction(kind, model, corrected, float(min(pairs.iou[of_it].max(), 1 - 1e-9))))
            done[whole][row] = True
            done[piece][rows[piece][of_it]] = True
    return found, done


def _one_to_one(
    candidates: Iterable[tuple[int, int, float]],
    ids: tuple[Ids, ...],
    done: Done,
    names: tuple[Iterable[str], ...],
) -> list[Correction]:
    """Return pairs of one object on each side, and mark them done.

    ``candidates`` are rows of both sides with their IoU, the best first; ``names`` those of the classes, in these rows.
    """
    before, after = (list(side) for side in names)
    found = []
    for a, b, iou in candidates:
        if iou < SAME or done[0][a] or done[1][b]:
            continue
        done[0][a] = done[1][b] = True
        classes = (before[a], after[b]) if before[a] and after[b] and before[a] != after[b] else ()
        kind = RECLASSIFIED if classes else "reshaped"
        found.append(Correction(kind, (int(ids[0][a]),), (int(ids[1][b]),), float(iou), classes))
    return found
