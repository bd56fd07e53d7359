"""A picture of the differences of two models on held-out fields: a crop, with the old model left and the new one right.

True positives are blue, false positives orange, and false negatives have dashed black and white outlines, so that the
difference does not depend on colour alone.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.progress import Progress
from napari_cellvino.engines.engine import Engine
from napari_cellvino.engines.provider import open_engine
from napari_cellvino.figures.composite import Picture, composite
from napari_cellvino.model_package import ModelOutput, ModelPackage
from napari_cellvino.quality.overlap import overlap
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.predict import decode
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.metrics.evaluate import infer_field

CORRECT, FALSE_POSITIVE, MISSED, DASH_GAPS = (86, 180, 233), (230, 159, 0), (255, 255, 255), (0, 0, 0)
SIDE, ZOOM = 160, 2  # px of the crop of each half, and its magnification
DASH = 4  # px
MIN_IOU = 0.5
GAP = 6  # px between the halves

Labels = NDArray[np.int32]
_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class ModelDifference:
    """A picture (Y, X, 3) uint8 of a crop of one field, and the true positives of each model in the whole field."""

    field: str
    picture: Picture
    right_before: int
    right_after: int
    true: int


def find_difference(
    fields: list[LabelledImage], before: ModelPackage, after: ModelPackage
) -> Generator[Progress, None, ModelDifference | None]:
    """Yield progress and return the picture of the field on which two outlining models differ most.

    None if one of the models gives no outlines, or there is no field.
    """
    if {before.spec.gives, after.spec.gives} != {ModelOutput.OUTLINES} or not fields:
        return None
    engines = [(package, open_engine(package)) for package in (before, after)]
    best: tuple[int, ModelDifference] | None = None
    for number, field in enumerate(fields):
        sides = [_labels(field, package, engine) for package, engine in engines]
        found = [_ModelResult.compare(field.true_labels().astype(np.int32), labels) for labels in sides]
        changed = int((found[0].errors != found[1].errors).sum())
        if best is None or changed > best[0]:
            best = changed, _draw(field, found)
        yield Progress("fields", number + 1, len(fields))
    return best[1] if best else None


def _labels(field: LabelledImage, package: ModelPackage, engine: Engine) -> Labels:
    raw = infer_field(field, package.spec, engine)
    return decode(raw, package.spec, check_parameters(package.spec, {})).label_image().astype(np.int32)


@dataclass(frozen=True, slots=True)
class _ModelResult:
    """Result of one model on a field: label images of truth and result, and which of their ids match."""

    truth: Labels
    labels: Labels
    right: NDArray[np.bool_]  # by id of `labels`
    found: NDArray[np.bool_]  # by id of `truth`

    @classmethod
    def compare(cls, truth: Labels, labels: Labels) -> _ModelResult:
        pairs = overlap(truth, labels)
        hit = pairs.iou >= MIN_IOU
        right, found = np.zeros(labels.max() + 1, bool), np.zeros(truth.max() + 1, bool)
        right[np.unique(labels[labels > 0])[pairs.predicted_row[hit]]] = True
        found[np.unique(truth[truth > 0])[pairs.true_row[hit]]] = True
        return cls(truth, labels, right, found)

    @property
    def errors(self) -> NDArray[np.bool_]:
        """Return the mask (Y, X) of false positives and false negatives."""
        return ((self.labels > 0) & ~self.right[self.labels]) | ((self.truth > 0) & ~self.found[self.truth])


def _draw(field: LabelledImage, sides: list[_ModelResult]) -> ModelDifference:
    window = _window(sides[0].errors != sides[1].errors)
    grey = _enlarged(composite(field.grey()[None])[window])
    halves = [_half(grey, side, window) for side in sides]
    gap = np.full((len(halves[0]), GAP, 3), 255, np.uint8)
    before, after = (int(side.found.sum()) for side in sides)
    true = len(np.unique(sides[0].truth)) - int((sides[0].truth == 0).any())
    return ModelDifference(field.id, np.concatenate([halves[0], gap, halves[1]], 1), before, after, true)


def _window(changed: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return a square window around the median position of the changes, inside the image."""
    parts = []
    for axis, length in enumerate(changed.shape):
        places = np.flatnonzero(changed.any(axis=1 - axis))
        middle = int(np.median(places)) if len(places) else length // 2
        start = min(max(middle - SIDE // 2, 0), max(length - SIDE, 0))
        parts.append(slice(start, min(start + SIDE, length)))
    return parts[0], parts[1]


def _half(picture: Picture, side: _ModelResult, window: tuple[slice, slice]) -> Picture:
    out = np.array(picture)
    labels, truth = _enlarged(side.labels[window]), _enlarged(side.truth[window])
    missed, edge = np.where(side.found[truth], 0, truth), _edge(labels)
    y, x = np.nonzero(_edge(missed))
    dashed = (y // DASH + x // DASH) % 2 == 0
    out[y[dashed], x[dashed]] = MISSED
    out[y[~dashed], x[~dashed]] = DASH_GAPS
    right = side.right[labels]
    out[edge & right] = CORRECT
    out[edge & ~right] = FALSE_POSITIVE
    return out


def _enlarged(part: NDArray[_Value]) -> NDArray[_Value]:
    """Return an array (Y, X, …) enlarged by `ZOOM` along Y and X, so that outlines are thin relative to cells."""
    return part.repeat(ZOOM, 0).repeat(ZOOM, 1)


def _edge(labels: Labels) -> NDArray[np.bool_]:
    padded = np.pad(labels, 1, mode="edge")
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.asarray((labels != 0) & np.logical_or.reduce([side != labels for side in sides]))
