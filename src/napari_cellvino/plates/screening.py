"""Controls of a plate: how well they part, values relative to them, and which compounds differ from them.

References
----------
Zhang, Chung and Oldenburg 1999 (Z' factor); Zhang 2007, "A pair of new statistical parameters for quality control in
RNA interference high-throughput screening assays" (SSMD); Benjamini and Hochberg 1995 (false discovery rate).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

FALSE_SHARE = 0.05  # of the hits
EFFECT = 3.0  # standard deviations of the negative controls, that a hit differs by
MAD_TO_SD = 1.4826


class Scale(StrEnum):
    """What values are relative to."""

    RAW = "raw"
    PERCENT = "percent"  # negative controls are 0 %, positive ones 100 %
    FOLD = "fold"  # of the median of the negative controls


@dataclass(frozen=True, slots=True)
class ControlQuality:
    """How well controls part: Z' factor and SSMD, NaN where there are too few; numbers of both kinds."""

    positive: int
    negative: int
    z_prime: float
    ssmd: float


def control_quality(positive: Real, negative: Real) -> ControlQuality:
    """Return how well controls part; SSMD is the difference of the means over the spread of both."""
    positive, negative = positive[np.isfinite(positive)], negative[np.isfinite(negative)]
    counts = len(positive), len(negative)
    if min(counts) < 2:
        return ControlQuality(*counts, float("nan"), float("nan"))
    apart = float(positive.mean() - negative.mean())
    spreads = float(positive.std(ddof=1)), float(negative.std(ddof=1))
    z_prime = 1 - 3 * sum(spreads) / abs(apart) if apart else float("nan")
    both = float(np.hypot(*spreads))
    return ControlQuality(*counts, z_prime, apart / both if both else float("nan"))


def scaled(values: Real, positive: Real, negative: Real, scale: Scale) -> Real:
    """Return values relative to the medians of the controls; NaN where these do not allow it."""
    if scale is Scale.RAW:
        return values
    zero = float(np.nanmedian(negative)) if np.isfinite(negative).any() else float("nan")
    if scale is Scale.FOLD:
        return values / zero if zero else np.full(len(values), np.nan)
    full = float(np.nanmedian(positive)) if np.isfinite(positive).any() else float("nan")
    return 100 * (values - zero) / (full - zero) if full != zero else np.full(len(values), np.nan)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Wells of one content beside the negative controls.

    ``effect`` is the difference in standard deviations of the controls, ``p_value`` that of Welch's test, with one well
    that of its distance among the controls; ``q_value`` is corrected for the number of comparisons.
    """

    wells: int
    mean: float
    effect: float
    p_value: float
    q_value: float = float("nan")

    @property
    def hit(self) -> bool:
        """Whether it differs by much, and not by chance."""
        return bool(self.q_value <= FALSE_SHARE and abs(self.effect) >= EFFECT)


def compare(values: Real, negative: Real) -> Comparison:
    """Return how the values of wells differ from negative controls; NaN with fewer than 3 of these."""
    from scipy import stats

    values, negative = values[np.isfinite(values)], negative[np.isfinite(negative)]
    mean = float(values.mean()) if len(values) else float("nan")
    spread = float(negative.std(ddof=1)) if len(negative) > 2 else 0.0
    if not spread or not len(values):
        return Comparison(len(values), mean, float("nan"), float("nan"))
    effect = (mean - float(negative.mean())) / spread
    if len(values) > 1 and values.std() > 0:
        p = float(stats.ttest_ind(values, negative, equal_var=False).pvalue)
    else:
        p = float(2 * stats.t.sf(abs(effect) / np.sqrt(1 / len(values) + 1 / len(negative)), len(negative) - 1))
    return Comparison(len(values), mean, effect, p)


def false_discovery_rates(p_values: Real) -> Real:
    """Return the q values of p values by Benjamini and Hochberg; NaN stays."""
    from scipy import stats

    known = np.isfinite(p_values)
    found = np.full(len(p_values), np.nan)
    if known.any():
        found[known] = stats.false_discovery_control(p_values[known])
    return found
