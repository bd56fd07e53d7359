"""Drift: a run compared with earlier runs of the same kind, measure by measure, with the likely cause in words.

Each run is one point of a control chart (Shewhart): the median of its fields. It is judged by the runs before it that
were not called drifted themselves: outside their prediction interval, whose width leaves one normal run in a hundred
to any of the measures together, it has drifted. With few earlier runs the interval is wide, and nothing is said.

References
----------
W. A. Shewhart, Economic control of quality of manufactured product, 1931. The interval for one further observation
is that of Student's t; the measures share the error by Bonferroni.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median, stdev

FALSE_ALARMS = 0.01  # of normal runs
NOMINAL = 0.5  # of that, as the interval is made: skewed measures, and runs that are left out, double it (measured)
FEWEST_RUNS = 3  # from which an interval can be said
FEWEST_FIELDS = 3  # of a run that is judged
NEAR_END = 0.005  # of 0 or 1: shares nearer than that are taken for these
TOLD_BLIND = 2.0  # times as much or as little: where a smaller change is not seen, nothing is said


@dataclass(frozen=True, slots=True)
class DriftMeasure:
    """What a chart shows: its name, its unit, and the scale on which runs vary alike.

    ``least`` is the spread below which runs are called equal, on that scale.
    """

    name: str
    unit: str
    scale: Callable[[float], float]
    back: Callable[[float], float]
    least: float = 0.02

    def value(self, fields: Iterable[Mapping[str, float]]) -> float | None:
        """Return the median of the fields that have it; None without one."""
        known = [held[self.name] for held in fields if math.isfinite(held.get(self.name, math.nan))]
        return median(known) if known else None


def _log(value: float) -> float:
    return math.log2(max(value, 1e-9))


def _logit(share: float) -> float:
    held = min(max(share, NEAR_END), 1 - NEAR_END)
    return math.log2(held / (1 - held))


def _share(value: float) -> float:
    share = 1 / (1 + 2**-value)
    return round(share) if min(share, 1 - share) <= NEAR_END + 1e-9 else share


def _power(value: float) -> float:
    return float(2**value)


MEASURES = (
    DriftMeasure("intensity", "grey levels", _log, _power),
    DriftMeasure("background", "grey levels", _log, _power),
    DriftMeasure("noise", "grey levels", _log, _power),
    DriftMeasure("sharpness", "", _log, _power),
    DriftMeasure("size", "px", _log, _power, 0.01),
    DriftMeasure("confidence", "", _logit, _share, 0.05),
    DriftMeasure("count", "cells", lambda value: _log(value + 1), lambda value: 2**value - 1, 0.05),
    DriftMeasure("doubtful", "share", _logit, _share, 0.1),
)
_BY_NAME = {measure.name: measure for measure in MEASURES}


@dataclass(frozen=True, slots=True)
class RunValues:
    """The medians of one run. ``kind`` is what must be equal to be compared: model, channel, pixel size."""

    name: str
    kind: str
    at: float
    fields: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a chart: what a run has, and what is usual; ``low`` to ``high`` is NaN where too few are known."""

    measure: DriftMeasure
    value: float
    usual: float
    low: float
    high: float
    runs: int = 0  # that tell what is usual

    @property
    def least_change(self) -> float:
        """How many times as much, or as little, is seen at the least; NaN of shares, and where nothing is usual yet."""
        if math.isnan(self.low) or self.measure.back is _share:
            return math.nan
        return _power(self.measure.scale(self.high) - self.measure.scale(self.usual))

    @property
    def drifted(self) -> bool:
        """Whether the run lies outside what is usual."""
        if math.isnan(self.low):
            return False
        low, value, high = (self.measure.scale(at) for at in (self.low, self.value, self.high))
        return not low <= value <= high

    @property
    def change(self) -> float:
        """How far it is from what is usual, on the scale of the measure."""
        return self.measure.scale(self.value) - self.measure.scale(self.usual)

    def __str__(self) -> str:
        shown = [f"{v:.3g}" if abs(v) < 1000 else f"{v:,.0f}" for v in (self.value, self.low, self.high)]
        unit = f" {self.measure.unit}" if self.measure.unit else ""
        return f"{self.measure.name} is {shown[0]}{unit}, usual are {shown[1]} to {shown[2]}"


@dataclass(frozen=True, slots=True)
class RunDrift:
    """A run with its points, and the likely cause where one of them has drifted."""

    run: RunValues
    points: tuple[Point, ...] = field(default=())

    @property
    def drifted(self) -> tuple[Point, ...]:
        """The points outside what is usual, the farthest first."""
        return tuple(sorted((p for p in self.points if p.drifted), key=lambda p: -_away(p)))

    @property
    def cause(self) -> str:
        """The likely cause; empty where nothing has drifted."""
        return likely_cause({p.measure.name: p.change for p in self.drifted})

    @property
    def unseen(self) -> str:
        """What this run cannot show, as a sentence; empty where twice as much or half of anything would be seen."""
        if self.run.fields < FEWEST_FIELDS:
            return f"A run is judged from {FEWEST_FIELDS} fields on, and this one has {self.run.fields}."
        before = min((point.runs for point in self.points), default=0)
        if before < FEWEST_RUNS:
            return f"A run is judged by {FEWEST_RUNS} earlier ones of its kind or more, and there are {before}."
        blind = [f"{p.measure.name} {p.least_change:.2g} times" for p in self.points if p.least_change > TOLD_BLIND]
        if not blind:
            return ""
        return (
            f"Smaller changes than these, up or down, cannot be told by {before} earlier runs that vary so much: "
            f"{', '.join(blind)}; more fields a run tell smaller ones."
        )


def run_values(name: str, kind: str, at: float, fields: Sequence[Mapping[str, float]]) -> RunValues:
    """Return the medians of the fields of a run; what no field has is left out."""
    found = {measure.name: measure.value(fields) for measure in MEASURES}
    return RunValues(name, kind, at, len(fields), {n: v for n, v in found.items() if v is not None})


def find_drift(runs: Iterable[RunValues]) -> list[RunDrift]:
    """Return every run, by time, judged by those before it of its kind that had not drifted."""
    usual: dict[str, list[RunValues]] = {}
    found = list[RunDrift]()
    for run in sorted(runs, key=lambda run: run.at):
        before = usual.setdefault(run.kind, [])
        judged = RunDrift(run, tuple(_point(_BY_NAME[name], value, before) for name, value in run.values.items()))
        if run.fields < FEWEST_FIELDS:
            judged = RunDrift(run)
        elif not judged.drifted:
            before.append(run)
        found.append(judged)
    return found


def _point(measure: DriftMeasure, value: float, before: Sequence[RunValues]) -> Point:
    known = [measure.scale(run.values[measure.name]) for run in before if measure.name in run.values]
    if len(known) < FEWEST_RUNS:
        return Point(measure, value, math.nan, math.nan, math.nan, len(known))
    centre = fmean(known)
    spread = max(stdev(known), measure.least) * math.sqrt(1 + 1 / len(known))
    reach = spread * _quantile(len(known) - 1)
    usual, low, high = (measure.back(at) for at in (centre, centre - reach, centre + reach))
    return Point(measure, value, usual, low, high, len(known))


def _quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - NOMINAL * FALSE_ALARMS / len(MEASURES) / 2))


def _away(point: Point) -> float:
    reach = point.measure.scale(point.high) - point.measure.scale(point.usual)
    return abs(point.change) / reach if reach > 0 else math.inf


def likely_cause(changes: Mapping[str, float]) -> str:
    """Return the likely cause of changes, each by measure on its scale, mostly log2; empty for none."""
    return next((cause for fits, cause in _causes(changes) if fits), "") if changes else ""


def _causes(changes: Mapping[str, float]) -> list[tuple[bool, str]]:
    size, count, doubts = (changes.get(name, 0.0) for name in ("size", "count", "doubtful"))
    bright, dark, sharp = (changes.get(name, 0.0) for name in ("intensity", "background", "sharpness"))
    scaled = size * count < 0 and abs(2 * size + count) < 0.7 * abs(2 * size)
    exposed = bright * dark > 0 and abs(bright - dark) < 0.5 * max(abs(bright), abs(dark))
    much = "brighter" if bright > 0 else "weaker"
    return [
        (scaled, "another magnification: cells are " + ("larger and fewer" if size > 0 else "smaller and more")),
        (sharp < 0, "the focus: fine detail is missing"),
        (exposed, f"the exposure or gain: everything is {'brighter' if bright > 0 else 'darker'}"),
        (bright != 0, f"the lamp, the filter or the stain: cells are {much} and the background is not"),
        (dark != 0, "stray light, the medium, or the camera's offset: only the background has changed"),
        (size != 0 or "confidence" in changes or doubts != 0,
         "other cells than before, as a new cell line or treatment: the model sees them otherwise"),
        (count != 0, f"the density: {'more' if count > 0 else 'fewer'} cells of the same kind"),
        ("noise" in changes, "the camera's gain, or a shorter exposure: noise has changed"),
        (True, "the focus or the optics: the picture is sharper than before"),
    ]  # fmt: skip
