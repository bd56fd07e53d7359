"""Reasons to review an object, each computed for all objects of an image at once, with its strength.

The one set of rules: what a run writes into its tables and pictures, and the queue of a review, both use `find_doubts`
or `find_reasons`. Strengths go from 0 to 1. What is unusual is measured against the other objects of the same
image: median and median absolute deviation, which a few odd ones do not move.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.objects import Doubt, Objects
from napari_cellvino.measure.outlines import Outlines
from napari_cellvino.quality.overlap import overlap
from napari_cellvino.quality.shape_evidence import ShapeEvidence, find_shape_evidence
from napari_cellvino.quality.waists import SHAPED
from napari_cellvino.segmentation.order_statistics import median_of

LOW_SCORE = 0.7
UNUSUAL = 3.0  # robust standard deviations
LEAST_SPREAD = 0.15  # of the logarithm of an area: in a field of equal cells no 10 % is unusual
ENTROPY_SPREAD = 0.05  # bits
UNSURE = 0.5  # bits: below this an outline is sure, however sure the others are
ROUND = 0.9  # solidity above which no outline is ragged
SAME = 0.5  # IoU above which two outlines are of one cell
TRACE = 0.1  # IoU below which nothing of it was found
THRESHOLDS, TOP = ("confidence", "outline", "split"), 0.95  # of heads; another threshold is halfway to the top
GAP = 2  # planes from one to the next in which a cell goes on

KEPT = Doubt.UNSURE_OUTLINE | Doubt.BROKEN_ALONG_Z | Doubt.THRESHOLDS_DISAGREE  # need the maps of the network
KEPT_TEXTS = {
    Doubt.UNSURE_OUTLINE: (0.3, "unsure outline"),
    Doubt.BROKEN_ALONG_Z: (0.6, "broken along z"),
    Doubt.THRESHOLDS_DISAGREE: (0.35, "another outline when judged more strictly"),
}

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason to review an object: which doubt, its strength (0 to 1), and a text."""

    doubt: Doubt
    strength: float
    text: str


Found = Iterator[tuple[int, Reason]]  # by id


def find_doubts(
    objects: Objects,
    labels: Labels | None,
    shape: tuple[int, ...],
    *,
    foreground_probability: Floats | None = None,
    outlines: Outlines | None = None,
    evidence: ShapeEvidence | None = None,
) -> NDArray[np.int32]:
    """Return the reasons to look twice at each object (N,), as `Doubt` flags; arguments are as of `find_reasons`."""
    found = dict.fromkeys(objects.id.tolist(), 0)
    for id_, reason in find_reasons(
        objects, labels, shape, foreground_probability=foreground_probability, outlines=outlines, evidence=evidence
    ):
        found[id_] |= int(reason.doubt)
    return np.fromiter(found.values(), np.int32, len(found))


def find_reasons(
    objects: Objects,
    labels: Labels | None,
    shape: tuple[int, ...],
    *,
    foreground_probability: Floats | None = None,
    other: Labels | None = None,
    outlines: Outlines | None = None,
    evidence: ShapeEvidence | None = None,
) -> Found:
    """Yield every reason to review an object, with its id.

    Parameters
    ----------
    objects
        Of their present ``doubts``, those that need the maps of the network are kept.
    labels
        Label image of ``shape``, (Y, X) or (Z, Y, X); None where objects are boxes.
    shape
        That of the image.
    foreground_probability
        The model's probability of a cell in each pixel (Y, X), where it was kept; for uncertain outlines.
    other
        The label image that another threshold would give, of the same shape; for objects that depend on the threshold.
    outlines
        Those of ``objects`` in ``labels`` (Y, X), where they are known already.
    evidence
        What the shape of each of ``objects`` in ``labels`` (Y, X) shows, where that is known already.

    Raises
    ------
    ImageValueError
        If a map or label image does not have the size of the image.
    """
    for name, given in (("map", foreground_probability), ("label image", other)):
        if given is not None and given.shape != shape:
            raise ImageValueError(f"a {name} of shape {given.shape} does not fit an image of {shape}")
    found = [low_scores(objects), edges(objects, shape), odd_sizes(objects)]
    if labels is not None and labels.ndim == 2:
        seen = evidence or find_shape_evidence(objects, labels, foreground_probability, outlines)
        found += [odd_shapes(objects, seen.solidity), waists(objects, seen.parts)]
        if seen.entropy is not None:
            found.append(unsure_outlines(objects, seen.entropy))
    elif labels is not None:
        found.append(broken_along_z(objects, labels))
    if other is not None and labels is not None:
        found.append(disagreements(objects, labels, other))
    return _with_kept(objects, chain(*found))


def _with_kept(objects: Objects, found: Found) -> Found:
    """Yield what was found, and earlier doubts that need the maps of the network, where they were not found again."""
    again: dict[int, int] = {}
    for id_, reason in found:
        again[id_] = again.get(id_, 0) | int(reason.doubt)
        yield id_, reason
    earlier = objects.doubts & int(KEPT)
    for row in np.flatnonzero(earlier).tolist():
        id_ = int(objects.id[row])
        for doubt in Doubt(int(earlier[row]) & ~again.get(id_, 0)):
            yield id_, Reason(doubt, *KEPT_TEXTS[doubt])


def low_scores(objects: Objects) -> Found:
    """Yield the objects that the model was not sure of."""
    for row in np.flatnonzero(objects.score < LOW_SCORE).tolist():
        score = float(objects.score[row])
        yield int(objects.id[row]), Reason(Doubt.LOW_SCORE, 1 - score / LOW_SCORE, f"low score {score:.2f}")


def edges(objects: Objects, shape: tuple[int, ...]) -> Found:
    """Yield the objects that touch the edge of the image in the plane."""
    axes = len(shape)
    low, high = objects.box[:, axes - 2 : axes], objects.box[:, 2 * axes - 2 :]
    for row in np.flatnonzero((low == 0).any(1) | (high == np.asarray(shape[-2:])).any(1)).tolist():
        yield int(objects.id[row]), Reason(Doubt.TOUCHES_EDGE, 0.15, "touches the edge")


def odd_sizes(objects: Objects) -> Found:
    """Yield the objects much larger or smaller than the others."""
    if len(objects) == 0:
        return
    size = np.log(np.maximum(objects.area_px, 1))
    away, usual = _unusual(size, LEAST_SPREAD)
    for row in np.flatnonzero(np.abs(away) > UNUSUAL).tolist():
        ratio = float(np.exp(size[row] - usual))
        text = f"{ratio:.1f} times the usual size" if ratio > 1 else f"{100 * ratio:.0f} % of the usual size"
        yield int(objects.id[row]), Reason(Doubt.ODD_SIZE, _strength(abs(float(away[row]))), text)


def odd_shapes(objects: Objects, solidity: Floats) -> Found:
    """Yield the objects of a shape more ragged or bent than the others', by ``solidity`` (N,)."""
    if len(objects) == 0:
        return
    away, _ = _unusual(solidity, 0.02)
    for row in np.flatnonzero((away < -UNUSUAL) & (solidity < ROUND) & (objects.area_px >= SHAPED)).tolist():
        text = f"ragged or bent (fills {100 * float(solidity[row]):.0f} % of its hull)"
        yield int(objects.id[row]), Reason(Doubt.ODD_SHAPE, 0.7 * _strength(-float(away[row])), text)


def unsure_outlines(objects: Objects, entropy: Floats) -> Found:
    """Yield the objects along whose outline the model was less sure than along the others': by ``entropy`` (N,)."""
    if len(objects) == 0:
        return
    away, _ = _unusual(entropy, ENTROPY_SPREAD)
    for row in np.flatnonzero((away > UNUSUAL) & (entropy > UNSURE)).tolist():
        yield int(objects.id[row]), Reason(Doubt.UNSURE_OUTLINE, _strength(float(away[row])), "unsure outline")


def waists(objects: Objects, parts: NDArray[np.integer[Any]]) -> Found:
    """Yield the objects with a clear waist, by the number of ``parts`` (N,) that each seems to have."""
    for row in np.flatnonzero(parts > 1).tolist():
        text = "looks like two" if parts[row] == 2 else f"looks like {parts[row]}"
        yield int(objects.id[row]), Reason(Doubt.LOOKS_LIKE_TWO, 0.8, text)


def disagreements(objects: Objects, labels: Labels, other: Labels) -> Found:
    """Yield the objects that are not the same in ``other``, the labels decoded with another threshold."""
    pairs = overlap(labels, other)
    inside = 2 * pairs.both > pairs.predicted_area[pairs.predicted_row]
    parts = np.bincount(pairs.true_row[inside], minlength=len(objects))
    best = np.zeros(len(objects))
    np.maximum.at(best, pairs.true_row, pairs.iou)
    for row in np.flatnonzero(best <= SAME).tolist():
        moved = parts[row] < 2 and best[row] > TRACE
        what = "another outline" if moved else f"{parts[row]} cells" if parts[row] > 1 else "not found"
        text = f"{what} when judged more strictly"
        yield int(objects.id[row]), Reason(Doubt.THRESHOLDS_DISAGREE, 0.35 if moved else 0.6, text)


def another_threshold(values: Mapping[str, float]) -> dict[str, float]:
    """Return the parameters of a head with stricter thresholds, for the labels that `disagreements` takes.

    Stricter ones find no boxes but those found before, so that no network runs to outline a cell.
    """
    return {name: max(value, (value + TOP) / 2) if name in THRESHOLDS else value for name, value in values.items()}


def broken_along_z(objects: Objects, labels: Labels) -> Found:
    """Yield the objects of a stack that miss a plane, or end where another begins over the same place."""
    first = dict(zip(objects.id.tolist(), objects.box[:, 0].tolist(), strict=True))
    for id_, box in zip(objects.id.tolist(), objects.box.tolist(), strict=True):
        z0, y0, x0, z1, y1, x1 = box
        own = labels[z0:z1, y0:y1, x0:x1] == id_
        if not own.any(axis=(1, 2)).all():
            yield id_, Reason(Doubt.BROKEN_ALONG_Z, 0.6, "broken along z: a plane is missing")
        other = _goes_on_as(labels[z1 : z1 + GAP, y0:y1, x0:x1], own[-1], z1, first)
        if other:
            yield id_, Reason(Doubt.BROKEN_ALONG_Z, 0.7, f"broken along z: goes on as #{other}")
            yield other, Reason(Doubt.BROKEN_ALONG_Z, 0.7, f"broken along z: began as #{id_}")


def _goes_on_as(beyond: Labels, last: NDArray[np.bool_], after: int, first: Mapping[int, int]) -> int:
    """Return the object that begins in the planes ``beyond`` over half of the last plane of one, 0 if none does."""
    for plane, over in enumerate(beyond, after):
        ids, count = np.unique(over[last & (over != 0)], return_counts=True)
        for id_, shared in zip(ids.tolist(), count.tolist(), strict=True):
            if first.get(id_) == plane and 2 * shared > last.sum():
                return int(id_)
    return 0


def _unusual(values: Floats, least_spread: float) -> tuple[NDArray[np.float64], float]:
    """Return by how many robust standard deviations each value is away from the median, and the median."""
    usual = median_of(values)
    spread = max(least_spread, 1.4826 * median_of(np.abs(values - usual)))
    return np.asarray((values - usual) / spread, np.float64), usual


def _strength(away: float) -> float:
    """Return 0.3 for what is just unusual, rising to 0.9."""
    return min(0.9, 0.3 + (away - UNUSUAL) / 10)
