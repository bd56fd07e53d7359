"""What the boxes that a model finds at a zoom say for it.

A model of boxes finds next to nothing of cells that are far smaller than those it knows, and is as sure of the specks
that it does find; far larger ones it finds in pieces. So the zoom counts at which its boxes cover most of what it looks
at, less where it is unsure of them. (Boxes of one size cover more the smaller the image is made, and their sureness
does not tell either: models of such boxes cannot seek.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads import check_parameters, head_for
from napari_cellvino.segmentation.look import WINDOW, look_at
from napari_cellvino.segmentation.normalise import IntensityRange

STANDARD_ERRORS = 2.0  # by which another zoom has to be better than the usual one: few boxes say little
SURENESS_POWER = 3  # of the mean score, that what boxes cover is worth less by
LEAST_COVERED = 0.001  # share that boxes cover at another zoom, worth less where they are unsure: less are specks


@dataclass(frozen=True, slots=True)
class ZoomBoxes:
    """The ``scores`` (N,) of boxes at a zoom, and the share of what was looked at that they cover."""

    scores: NDArray[np.float32]
    covered: float

    def score(self, *, usual: bool) -> float | None:
        """Return what speaks for this zoom, of 1; None where nothing does. The ``usual`` zoom needs no better proof."""
        number = len(self.scores)
        if not number:
            return None
        worth = min(self.covered, 1.0) * float(self.scores.mean()) ** SURENESS_POWER
        if usual:
            return worth
        return worth / (1 + STANDARD_ERRORS / math.sqrt(number)) if worth > LEAST_COVERED else None


def boxes_at(
    part: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine, zoom: float
) -> ZoomBoxes:
    """Return what a model of boxes finds in a part (K, y, x) of a plane at a zoom, in as many windows as it takes."""
    head, values, found = head_for(spec), check_parameters(spec, {}), []
    rows, columns = (
        np.array_split(np.arange(size), math.ceil(size * zoom / min(WINDOW, spec.tile))) for size in part.shape[1:]
    )
    for y, x in product(rows, columns):
        raw = look_at(part[:, y[0] : y[-1] + 1, x[0] : x[-1] + 1], ranges, spec, engine, zoom=zoom)
        found.append(head.decode(raw, values).objects)
    area = sum(float(objects.area_px.sum()) for objects in found)
    scores = np.concatenate([objects.score for objects in found])
    return ZoomBoxes(scores, area / (part.shape[1] * part.shape[2]))
