"""How likely places are spots, and from which likelihood on they are taken.

The network says how likely a spot is in a field as those that it learnt from have it on the average. A place that
stands out of what is usual at such light, noise and texture together, is likelier. Where spots are few, each is less
likely than on the average, where they are many, more: how many there are is told by the places themselves.

It is taken what makes the expected F1 highest: where spots are clear, what is rather one than none; where many are dim,
less likely ones too, as else most would be lost.

References
----------
Saerens et al. 2002, "Adjusting the outputs of a classifier to new a priori probabilities"; Lipton et al. 2014, "Optimal
thresholding of classifiers to maximize F1 measure".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEARNT_DENSITY = 2.3e-3  # spots per px and plane, of a typical field that was learnt from
# Log-odds where the network has none and the score is usual, and how these grow by them and by the other response: for
# planes of 65 simulated fields and 90 of other kinds, for stacks of 84 of 28 kinds.
IN_PLANES, IN_STACKS = (0.6, 0.8, 1.5, 1.0), (3.3, 1.5, 1.2, -0.6)
# Widths of other responses, in planes and stacks, and from where to where they tell.
OTHER, OTHERS = (0.7, 2.0), (0.2, 4.0)
# Planes that a spot is deep, below which it is less likely, as noise is seen in one; and how much less.
DEEP, BY_DEPTH = 1.2, 1.5
USUAL, SCORES = 4.0, (0.5, 20.0)  # score of a spot, and from where to where it tells
DENSITIES = (1e-5, 2e-2)  # spots per px and plane, that there are at least and at most
ROUNDS = 40
END = 1e-3  # share of the density, less than which it changes in the last round
UTMOST = 0.01  # likelihood, nearer than which to 0 and 1 the network's own does not come


def likelihood(
    chance: NDArray[np.floating], score: NDArray[np.floating], other: NDArray[np.floating], each: float, *, deep: float
) -> NDArray[np.float64]:
    """Return how likely places are spots (N,).

    ``chance`` (N,) is what the network says, ``score`` (N,) how many times the usual spread of responses the one there
    is, ``other`` (N,) the response at `OTHER` times the width over that of a spot, ``each`` how many spots per px and
    plane one is, ``deep`` the width of spots along z in planes, 0 in one plane.
    """
    start, by_chance, by_score, by_other = IN_STACKS if deep > 0 else IN_PLANES
    bounded = np.clip(np.asarray(chance, np.float64), UTMOST, 1 - UTMOST)
    odds = np.exp(start) * (bounded / (1 - bounded)) ** by_chance * (np.clip(score, *SCORES) / USUAL) ** by_score
    odds *= np.clip(other, *OTHERS) ** by_other
    odds *= min(deep / DEEP, 1.0) ** BY_DEPTH if deep > 0 else 1.0
    density, likely = LEARNT_DENSITY, odds / (1 + odds)
    for _ in range(ROUNDS):
        told = float(np.clip(likely.sum() * each, *DENSITIES))
        changed, density = abs(told - density), told
        likely = odds * density / LEARNT_DENSITY / (1 + odds * density / LEARNT_DENSITY)
        if changed < END * density:
            break
    return np.asarray(likely)


def least_likely(likely: NDArray[np.float64]) -> float:
    """Return the likelihood from which on places, with likelihoods (N,), are taken: the expected F1 is highest there.

    Taking none has an F1 of 1 where there is none.
    """
    ordered = np.sort(likely)[::-1]
    expected = float(ordered.sum())
    f1 = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + expected)
    if not len(f1) or f1.max() < np.exp(-expected):
        return 1.0
    return float(ordered[int(f1.argmax())])
