"""What a person changed of what a model found: how many cells, which, and how good the model was.

Two label images of one field are compared by the pixels their objects share, so that it does not matter which tools
were used, nor whether ids were kept: a correction is what differs in the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.analysis.accuracy import FieldMatch, match_field
from napari_cellvino.analysis.overlap import Overlap, overlap

SAME = 0.5  # intersection over union of one object on both sides, at least
PART = 0.5  # share of a piece that lies in the object that it is a piece of, at least
KINDS = ("added", "deleted", "split", "merged", "reshaped")


@dataclass(frozen=True, slots=True)
class Correction:
    """One thing that was changed: ``model`` and ``corrected`` are ids; ``iou`` of the best pair, 0 where none is left.

    ``kind`` is ``added``, ``deleted``, ``split`` (one of the model is several), ``merged`` (several of the model are
    one) or ``reshaped`` (one is one, of another outline).
    """

    kind: str
    model: tuple[int, ...]
    corrected: tuple[int, ...]
    iou: float


@dataclass(frozen=True, slots=True)
class CorrectionFigures:
    """One field: counts on both sides, what was changed (the worst first), and the model's match with the truth."""

    model_count: int
    corrected_count: int
    untouched: int
    corrections: tuple[Correction, ...]
    match: FieldMatch

    def count(self, kind: str) -> int:
        """Return how many corrections are of a kind."""
        return sum(correction.kind == kind for correction in self.corrections)


def compare(model: NDArray[np.integer], corrected: NDArray[np.integer]) -> CorrectionFigures:
    """Return what turns ``model`` into ``corrected``, both label images (Y, X) or (Z, Y, X) of one shape.

    Raises
    ------
    ImageValueError
        If the shapes differ.
    """
    match = match_field(corrected, model)  # first: it checks the shapes
    pairs = overlap(model, corrected)
    ids = tuple(np.unique(labels[labels != 0]) for labels in (model, corrected))
    found, done = _several(pairs, ids)
    found += _one_to_one(pairs, ids, done)
    for side, kind in enumerate(("deleted", "added")):
        left = np.flatnonzero(~done[side])
        found += [_alone(kind, int(id_)) for id_ in ids[side][left].tolist()]
    changed = sorted((c for c in found if c.iou < 1), key=lambda c: (c.iou, c.kind, c.model, c.corrected))
    return CorrectionFigures(len(ids[0]), len(ids[1]), len(found) - len(changed), tuple(changed), match)


def _alone(kind: str, id_: int) -> Correction:
    return Correction(kind, (id_,) if kind == "deleted" else (), (id_,) if kind == "added" else (), 0.0)


def _several(
    pairs: Overlap, ids: tuple[NDArray[np.integer], ...]
) -> tuple[list[Correction], tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return splits and merges, and which objects of the two sides they are made of."""
    rows, areas = (pairs.true_row, pairs.predicted_row), (pairs.true_area, pairs.predicted_area)
    done = (np.zeros(len(ids[0]), bool), np.zeros(len(ids[1]), bool))
    found = []
    for whole, piece, kind in ((0, 1, "split"), (1, 0, "merged")):
        inside = pairs.both >= PART * areas[piece][rows[piece]]
        inside &= ~done[0][pairs.true_row] & ~done[1][pairs.predicted_row]
        counts = np.bincount(rows[whole][inside], minlength=len(ids[whole]))
        for row in np.flatnonzero(counts > 1):
            of_it = inside & (rows[whole] == row)
            pieces = tuple(ids[piece][rows[piece][of_it]].tolist())
            one = (int(ids[whole][row]),)
            model, corrected = (one, pieces) if kind == "split" else (pieces, one)
            found.append(Correction(kind, model, corrected, float(min(pairs.iou[of_it].max(), 1 - 1e-9))))
            done[whole][row] = True
            done[piece][rows[piece][of_it]] = True
    return found, done


def _one_to_one(
    pairs: Overlap, ids: tuple[NDArray[np.integer], ...], done: tuple[NDArray[np.bool_], NDArray[np.bool_]]
) -> list[Correction]:
    """Return pairs of one object on each side, the best first, and mark them done."""
    found = []
    for pair in np.argsort(-pairs.iou, kind="stable").tolist():
        a, b = int(pairs.true_row[pair]), int(pairs.predicted_row[pair])
        if pairs.iou[pair] < SAME or done[0][a] or done[1][b]:
            continue
        done[0][a] = done[1][b] = True
        found.append(Correction("reshaped", (int(ids[0][a]),), (int(ids[1][b]),), float(pairs.iou[pair])))
    return found
