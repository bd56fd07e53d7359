"""The learner: a logistic regression from features of a pixel to what it is.

Some hundred strokes' pixels meet some hundred to thousand features, so the weights are held small (L2), and kinds count
alike however much was painted of each. Measured beside it: trees and small networks, which were no better on held-out
fields, slower to update after a stroke, and cannot be folded into the network that gives the features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import TrainingDataError

PENALTY = 1e-2  # of the squared weights, features scaled to a mean square of 1
STEPS = 60
MOST_PIXELS = 4000  # of a kind that are learnt from, evenly spread: more change nothing and take longer
LEAST_SPREAD = 0.02  # of the median spread: a feature that hardly varies is no feature
FOLDS = 3

Features = NDArray[np.float32]  # (N, F)


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """``weights`` (F, K) and ``bias`` (K,), float32: logits of K kinds are ``features @ weights + bias``."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, features: Features) -> NDArray[np.float32]:
        """Return the probability (N, K) of each kind."""
        return _softmax(features @ self.weights + self.bias)


def fit(features: Features, kinds: NDArray[np.integer], count: int, weight: NDArray[np.float32]) -> Learner:
    """Return the learner of ``count`` kinds; ``kinds`` (N,) has the numbers 0 to ``count - 1``, each at least once.

    ``weight`` (F,) says how freely each feature may be used.

    Raises
    ------
    TrainingDataError
        If a kind has no pixel.
    """
    sizes = np.bincount(kinds, minlength=count)
    if len(sizes) != count or not sizes.all():
        raise TrainingDataError(f"of {count} kinds, one has no stroke: the pixels of each are {sizes.tolist()}")
    taken = _spread_evenly(kinds, count)
    scaled, middle, scale = _scaled(features[taken], weight)
    weights, bias = _descend(scaled, kinds[taken], count)
    unscaled = weights / scale[:, None]
    return Learner(unscaled.astype(np.float32), (bias - middle @ unscaled).astype(np.float32))


def held_out(
    features: Features,
    kinds: NDArray[np.integer],
    count: int,
    weight: NDArray[np.float32],
    strokes: NDArray[np.integer],
) -> NDArray[np.float32]:
    """Return the probabilities (N, ``count``) that learners give the strokes that they did not see.

    ``strokes`` (N,) says which stroke a pixel belongs to: those of one stroke are alike, and never on both sides. Where
    a kind has a single stroke, nobody can say; its rows are NaN.
    """
    fold = _folds(kinds, strokes, count)
    found = np.full((len(kinds), count), np.nan, np.float32)
    for number in range(FOLDS):
        out = fold == number
        if out.any() and len(np.unique(kinds[~out])) == count:
            found[out] = fit(features[~out], kinds[~out], count, weight).probabilities(features[out])
    return found


def _folds(kinds: NDArray[np.integer], strokes: NDArray[np.integer], count: int) -> NDArray[np.intp]:
    """Return the fold of each pixel: strokes of a kind are dealt out in turn."""
    fold = np.full(len(kinds), -1, np.intp)
    for kind in range(count):
        for turn, stroke in enumerate(np.unique(strokes[kinds == kind])):
            fold[(kinds == kind) & (strokes == stroke)] = turn % FOLDS
    return fold


def _spread_evenly(kinds: NDArray[np.integer], count: int) -> NDArray[np.intp]:
    rows = [np.flatnonzero(kinds == kind) for kind in range(count)]
    few = [row[np.linspace(0, len(row) - 1, min(len(row), MOST_PIXELS)).astype(np.intp)] for row in rows]
    return np.concatenate(few)


def _scaled(
    features: Features, weight: NDArray[np.float32]
) -> tuple[Features, NDArray[np.float32], NDArray[np.float32]]:
    middle, spread = features.mean(0), features.std(0)
    scale = np.maximum(spread, LEAST_SPREAD * np.median(spread) + 1e-6) / weight
    return (features - middle) / scale, middle, scale


def _descend(
    scaled: Features, kinds: NDArray[np.integer], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights and bias of least balanced cross-entropy (L-BFGS)."""
    truth = np.eye(count, dtype=np.float32)[kinds]
    share = (1.0 / (count * truth.sum(0)))[kinds].astype(np.float32)
    size = scaled.shape[1] * count

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = values[:size].reshape(-1, count).astype(np.float32)
        given = _softmax(scaled @ weights + values[size:].astype(np.float32))
        error = (given - truth) * share[:, None]
        entropy = -float(share @ np.log(given[np.arange(len(kinds)), kinds] + 1e-9))
        slope = scaled.T @ error + PENALTY * weights
        return entropy + 0.5 * PENALTY * float((weights**2).sum()), np.concatenate(
            [slope.reshape(-1), error.sum(0)]
        ).astype(np.float64)

    from scipy.optimize import minimize  # it takes half a second to import

    found = minimize(loss, np.zeros(size + count), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    return found[:size].reshape(-1, count).astype(np.float32), found[size:].astype(np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)
