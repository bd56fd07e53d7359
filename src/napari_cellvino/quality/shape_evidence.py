"""What the shape of each object shows by itself, whatever the others are: it stays as others come and go.

So it is found once for all that a model may have found, and a limit on score or area only chooses among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.core.objects import Objects
from napari_cellvino.measure.outlines import Outlines, find_outlines
from napari_cellvino.measure.runs import Runs
from napari_cellvino.quality.waists import count_waisted
from napari_cellvino.storage.large_arrays import give_back_pages

RUNS_AT_ONCE = 2**18  # whose ends are looked at together

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class ShapeEvidence:
    """Of N objects: the share of its hull that each fills, its number of parts, the entropy of its outline in bits.

    The entropy is None where there is no map of the network.
    """

    solidity: NDArray[np.float64]
    parts: NDArray[np.int64]
    entropy: NDArray[np.float64] | None

    def at(self, rows: NDArray[np.integer[Any]]) -> ShapeEvidence:
        """Return that of some objects, in the order of ``rows``."""
        return ShapeEvidence(
            self.solidity[rows], self.parts[rows], None if self.entropy is None else self.entropy[rows]
        )


def find_shape_evidence(
    objects: Objects,
    labels: NDArray[np.int32],
    foreground_probability: Floats | None = None,
    outlines: Outlines | None = None,
) -> ShapeEvidence:
    """Return what the shapes of ``objects`` in ``labels`` (Y, X) show.

    Parameters
    ----------
    objects
        One row per object.
    labels
        The label image with their ids.
    foreground_probability
        The model's probability of a cell in each pixel (Y, X), where it was kept.
    outlines
        Those of the objects, where they are known already.
    """
    outlines = outlines or find_outlines(labels, objects.id)
    parts = np.ones(len(objects), np.int64)
    waisted = count_waisted(labels, objects, outlines.solidity)
    parts[list(waisted)] = list(waisted.values())
    entropy = None if foreground_probability is None else outline_entropy(outlines.runs, foreground_probability)
    return ShapeEvidence(outlines.solidity, parts, entropy)


def outline_entropy(runs: Runs, foreground_probability: Floats) -> NDArray[np.float64]:
    """Return the mean entropy in bits (N,) of ``foreground_probability`` (Y, X) along the outline of each object.

    That is at both ends of every run of the object, on the pixel inside and the one outside.
    """
    entropy = np.empty(len(runs.row))
    for first in range(0, len(entropy), RUNS_AT_ONCE):
        some = slice(first, first + RUNS_AT_ONCE)
        entropy[some] = _entropy_at_ends(runs.y[some], runs.x0[some], runs.x1[some], foreground_probability)
        if len(entropy) > RUNS_AT_ONCE:
            give_back_pages()
    return runs.total(entropy) / np.maximum(runs.total(np.ones(len(runs.row))), 1)


def _entropy_at_ends(
    y: NDArray[np.intp], x0: NDArray[np.intp], x1: NDArray[np.intp], foreground_probability: Floats
) -> NDArray[np.float64]:
    """Return the mean entropy of the pixels inside and outside both ends of runs (R,)."""
    width = foreground_probability.shape[1]
    loops = compiled(foreground_probability)
    if loops is not None and foreground_probability.dtype == np.float16:
        means, halves = np.empty(len(y)), foreground_probability.reshape(-1).view(np.uint16)
        loops.means_at_ends(y, x0, x1, width, halves, _entropies(), means)
        return means
    last = width - 1
    ends = (x0, x1 - 1, np.maximum(x0 - 1, 0), np.minimum(x1, last))
    return np.asarray(np.mean([_entropy(foreground_probability[y, x]) for x in ends], axis=0))


def _entropy(probability: Floats) -> NDArray[np.float64]:
    """Return the entropy in bits of each probability; there are only 65,536 different ones of two bytes."""
    if probability.dtype == np.float16:
        return np.asarray(_entropies()[probability.view(np.uint16)])
    p = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))


@cache
def _entropies() -> NDArray[np.float64]:
    every = np.arange(65_536, dtype=np.uint16).view(np.float16)
    return _entropy(np.nan_to_num(every.astype(np.float64)))
