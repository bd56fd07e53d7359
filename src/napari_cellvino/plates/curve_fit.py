"""Logistic curves through the responses of one compound, with confidence intervals, or the reason why there is none.

The logarithm of the dose is fitted: there the errors of an EC50 are symmetric. A point that lies far from a curve which
bears outliers is left out and named. A curve that explains no more than a flat line is no curve.

References
----------
Finney 1979, "Bioassay and the practice of statistical inference"; Richards 1959, the five-parameter curve; Motulsky and
Brown 2006, "Detecting outliers when fitting data with nonlinear regression"; Iglewicz and Hoaglin 1993.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

LEVEL = 0.95  # of the intervals
FLAT_P = 0.05  # a curve is believed below that, against a flat line
OUTLYING = 5.0  # modified Z score of a residual
MAD_TO_SD = 1.4826
OUTLIER_SHARE = 0.2  # of the points, at most
WIDE = 3.0  # decades beyond the doses, that an EC50 is looked for in
HILLS = (0.05, 10.0)  # that are looked for
ASYMMETRY = 2.5  # logarithm of the asymmetry, at most
LIMIT = 0.995  # of a limit, from which on a parameter lies at it
MISFIT_P, FOLLOWED = 1e-3, 0.8  # of the test for lack of fit; share of the differences between doses that a curve tells
TOLD = 0.5  # share of all differences, that a curve tells at least to be believed
DRAWN = 120  # points of a curve


@dataclass(frozen=True, slots=True)
class ParameterEstimate:
    """A parameter with the ends of its confidence interval; these are NaN where the data do not bound it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CurveFit:
    """A logistic curve from ``bottom`` (dose 0) to ``top``, with ``ec50`` halfway between, ``hill`` and ``asymmetry``.

    ``asymmetry`` is 1 with four parameters. ``auc`` is the mean of the curve over the logarithm of the doses tested.
    ``outliers`` (N,) are the points that were left out. ``relation`` is ``>`` or ``<`` where the EC50 lies beyond the
    doses tested, else empty. Where there is no curve, ``reason`` says why and all parameters are NaN. ``doubts`` say
    why a curve may not be believed.
    """

    bottom: ParameterEstimate
    top: ParameterEstimate
    ec50: ParameterEstimate
    hill: ParameterEstimate
    asymmetry: ParameterEstimate
    auc: float
    r_squared: float
    p_value: float
    outliers: NDArray[np.bool_]
    relation: str = ""
    reason: str = ""
    doubts: tuple[str, ...] = ()
    points: int = 0
    _parameters: Real = field(default_factory=lambda: np.zeros(0))

    @property
    def fitted(self) -> bool:
        """Whether there is a curve."""
        return not self.reason

    def at(self, dose: Real) -> Real:
        """Return the responses of the curve at doses above 0."""
        return logistic(np.log10(dose), self._parameters)


def logistic(log_dose: Real, parameters: Real) -> Real:
    """Return bottom + (top - bottom) / (1 + (2^(1/s) - 1) 10^(hill (log EC50 - log dose)))^s.

    ``parameters`` are bottom, top, log10 of the EC50, hill, and log of the asymmetry s (four parameters: s is 1). So
    written, the EC50 is the dose of half the effect whatever the asymmetry.
    """
    bottom, top, middle, hill = parameters[:4]
    s = float(np.exp(parameters[4])) if len(parameters) > 4 else 1.0
    power = np.clip(hill * (middle - log_dose), -300, 300)
    return np.asarray(bottom + (top - bottom) / (1 + (2 ** (1 / s) - 1) * 10.0**power) ** s)


def fit_curve(dose: Real, response: Real, *, parameters: int = 4) -> CurveFit:
    """Return the curve through responses (N,) at doses (N,), of 4 or 5 parameters; doses of 0 only bound the bottom.

    Wells of dose 0 are taken as ten times below the lowest dose.
    """
    known = np.isfinite(dose) & np.isfinite(response) & (dose >= 0)
    if not known.any():
        return _unfitted(len(dose), "no well has a response")
    doses = np.unique(dose[known & (dose > 0)])
    if len(doses) < parameters:
        few = f"{len(doses)} dose{'s' * (len(doses) != 1)} above 0"
        return _unfitted(len(dose), f"{few}, and a curve of {parameters} parameters needs as many")
    if np.ptp(response[known]) == 0:
        return _unfitted(len(dose), "no response: all values are the same")
    x = np.log10(np.where(dose > 0, dose, doses[0] / 10))
    outliers = np.zeros(len(dose), bool)
    outliers[known] = _outliers(x[known], response[known], parameters)
    used = known & ~outliers
    found = _least_squares(x[used], response[used], parameters)
    return _described(found, x[used], response[used], np.log10(doses), outliers)


def _least_squares(x: Real, y: Real, count: int, loss: str = "linear") -> tuple[Real, Real, Real]:
    """Return the best parameters with their Jacobian and residuals, of several beginnings."""
    from scipy.optimize import least_squares

    scale = float(np.ptp(y)) or 1.0
    low = [y.min() - 2 * scale, y.min() - 2 * scale, x.min() - WIDE, HILLS[0], -ASYMMETRY]
    high = [y.max() + 2 * scale, y.max() + 2 * scale, x.max() + WIDE, HILLS[1], ASYMMETRY]
    fits = []
    ends = float(np.median(y[x <= np.quantile(x, 0.25)])), float(np.median(y[x >= np.quantile(x, 0.75)]))
    spread = MAD_TO_SD * float(np.median(np.abs(np.diff(y[np.argsort(x)])))) / np.sqrt(2) or 0.05 * scale
    for middle in np.quantile(x, (0.25, 0.5, 0.75)):
        for hill in (0.7, 1.5):
            start = np.array([*ends, middle, hill, 0.0])[:count]
            fit = least_squares(
                _residual(x, y), start, bounds=(low[:count], high[:count]), x_scale=[scale, scale, 1, 1, 1][:count],
                loss=loss, f_scale=max(2 * spread, 1e-3 * scale), max_nfev=400,
            )  # fmt: skip
            fits.append(fit)
    best = min(fits, key=lambda fit: float(fit.cost))
    return best.x, best.jac, _residual(x, y)(best.x)


def _residual(x: Real, y: Real) -> Callable[[Real], Real]:
    return lambda parameters: logistic(x, parameters) - y


def _outliers(x: Real, y: Real, count: int) -> NDArray[np.bool_]:
    """Return the points far from a curve that bears outliers; none where those are many: then it is no curve."""
    robust = _least_squares(x, y, min(count, 4), loss="soft_l1")
    none = np.zeros(len(x), bool)
    if len(x) < count + 4:
        return none
    residual = robust[2]
    spread = MAD_TO_SD * float(np.median(np.abs(residual))) * np.sqrt(len(x) / max(1, len(x) - count))
    far = np.abs(residual) > OUTLYING * max(spread, 1e-9 * float(np.ptp(y)))
    return far if far.sum() <= OUTLIER_SHARE * len(x) else none


def _described(found: tuple[Real, Real, Real], x: Real, y: Real, doses: Real, outliers: NDArray[np.bool_]) -> CurveFit:
    from scipy import stats
    from scipy.integrate import trapezoid

    best, jacobian, residual = found
    free, count = len(y) - len(best), len(best)
    left, total = float((residual**2).sum()), float(((y - y.mean()) ** 2).sum())
    if free < 1:
        return _unfitted(len(outliers), f"{len(y)} points, and a curve of {count} parameters needs more", outliers)
    ratio = (total - left) / (count - 1) / max(left / free, 1e-300)
    p = float(stats.f.sf(ratio, count - 1, free))
    if p > FLAT_P:
        flat = _unfitted(len(outliers), f"no response: a flat line fits as well (p = {p:.2g})", outliers)
        return replace(flat, p_value=p)
    error = np.sqrt(np.maximum(np.diag(np.linalg.pinv(jacobian.T @ jacobian)) * left / free, 0))
    reach = float(stats.t.ppf((1 + LEVEL) / 2, free)) * error
    reach[2:] = np.where(reach[2:] < [WIDE, *HILLS[1:], ASYMMETRY][: count - 2], reach[2:], np.nan)
    plain = [ParameterEstimate(float(v), float(v - r), float(v + r)) for v, r in zip(best, reach, strict=True)]
    relation = ">" if best[2] > doses[-1] else "<" if best[2] < doses[0] else ""
    steep = bool(best[3] >= LIMIT * HILLS[1])
    ec50, hill = plain[2], plain[3]
    if steep:  # between two doses the curve can be anywhere
        between = doses[doses <= best[2]].max(initial=-np.inf), doses[doses >= best[2]].min(initial=np.inf)
        ec50 = ParameterEstimate(ec50.value, min(ec50.low, between[0]), max(ec50.high, between[1]))
        hill = ParameterEstimate(hill.value, float("nan"), float("nan"))
    s = plain[4] if count > 4 else ParameterEstimate(0.0, 0.0, 0.0)
    grid = np.linspace(doses[0], doses[-1], DRAWN)
    auc = float(trapezoid(logistic(grid, best), grid) / (doses[-1] - doses[0]))
    r_squared = 1 - left / total
    doubts = [*_misfit(x, y, residual, count), *_unknown(plain, doses, steep=steep)]
    if r_squared < TOLD:
        doubts.append(f"the curve explains {100 * r_squared:.0f} % of the differences between wells")
    return CurveFit(
        plain[0], plain[1], _powers(ec50, 10.0), hill, _powers(s, float(np.e)), auc, r_squared, p, outliers, relation,
        "", tuple(doubts), len(y), best,
    )  # fmt: skip


def _powers(estimate: ParameterEstimate, base: float) -> ParameterEstimate:
    return ParameterEstimate(base**estimate.value, base**estimate.low, base**estimate.high)


def _unknown(plain: list[ParameterEstimate], doses: Real, *, steep: bool) -> list[str]:
    """Return which parameters the doses do not tell."""
    middle, said = plain[2], list[str]()
    if steep:
        said.append(f"steeper than the doses tell: the EC50 lies between two, the Hill slope is {HILLS[1]:g} or more")
    elif not middle.high - middle.low < np.ptp(doses):
        said.append("the doses do not bound the EC50")
    if len(plain) > 4 and abs(plain[4].value) >= LIMIT * ASYMMETRY:
        said.append("the asymmetry lies at its limit; a curve of four parameters says as much")
    return said


def _misfit(x: Real, y: Real, residual: Real, count: int) -> list[str]:
    """Return that the means of the doses lie beside the curve by far more than their wells differ, where they do."""
    from scipy import stats

    levels, number = np.unique(x, return_inverse=True)
    free, spare = len(y) - len(levels), len(levels) - count
    if free < 1 or spare < 1:
        return []
    mean = np.bincount(number, y) / np.bincount(number)
    own = float(((y - mean[number]) ** 2).sum())
    beside = max(float((residual**2).sum()) - own, 0.0)
    between = float(((mean[number] - y.mean()) ** 2).sum())
    p = float(stats.f.sf(beside / spare / max(own / free, 1e-300), spare, free))
    followed = 1 - beside / max(between, 1e-300)
    if p >= MISFIT_P or followed >= FOLLOWED:
        return []
    return [f"responses do not follow the curve: it tells {100 * followed:.0f} % of the differences between doses"]


def _unfitted(count: int, reason: str, outliers: NDArray[np.bool_] | None = None) -> CurveFit:
    nothing = ParameterEstimate(float("nan"), float("nan"), float("nan"))
    marked = np.zeros(count, bool) if outliers is None else outliers
    nan = float("nan")
    return CurveFit(nothing, nothing, nothing, nothing, nothing, nan, nan, nan, marked, "", reason, points=count)
