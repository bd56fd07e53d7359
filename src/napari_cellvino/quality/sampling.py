"""Estimates from reviewed objects: the number of cells, the precision of the model from a random sample, and its F1.

Cells that the model missed are not among its objects: estimates of a sample are about what it found.

References
----------
Wilson 1927, "Probable inference, the law of succession, and statistical inference" (interval of a share); Cochran 1977,
"Sampling Techniques", chapter 2 (mean of a finite population, Student's t); Korn & Graubard 1998, "Confidence intervals
for proportions with small expected number of positive counts estimated from survey data" (the number of objects drawn
replaced by the effective one, here n (N - 1) / (N - n) for draws without putting back).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import numpy as np
from scipy.special import ndtri, stdtrit

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.objects import ObjectOrigin

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Sample:
    """Ids of objects drawn at random, in the order of review, and the number of all objects."""

    ids: tuple[int, ...]
    population: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Its middle."""
        return (self.low + self.high) / 2

    @property
    def half(self) -> float:
        """Half of its width."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class SampleEstimate:
    """Estimates from the reviewed part of a sample; ``method`` names how they were computed."""

    reviewed: int
    population: int
    count: Interval
    precision: Interval
    method: str

    def __str__(self) -> str:
        right, wide = 100 * self.precision.middle, 100 * self.precision.half
        count = f"true count {self.count.middle:,.0f} ± {math.ceil(round(self.count.half, 6)):,} (95 %)"
        return f"{count}, precision {right:.1f} ± {wide:.1f} %, from {self.reviewed} of {self.population:,} cells"


@dataclass(frozen=True, slots=True)
class F1Estimate:
    """The F1 of a model over the cells that were reviewed, and where that over all cells lies.

    ``reviewed`` of ``cells`` were looked at, those that the model made up or missed among them. The interval holds
    where these are like the others, as a random sample is.
    """

    f1: float
    interval: Interval
    reviewed: int
    cells: int

    def __str__(self) -> str:
        if self.reviewed >= self.cells:
            return f"F1 of the model {self.f1:.2f}, with all {self.cells:,} cells reviewed"
        low, high = self.interval.low, self.interval.high
        return (
            f"F1 of the model {self.f1:.2f}, between {low:.2f} and {high:.2f} from {self.reviewed:,} of {self.cells:,} "
            "cells reviewed (95 %, if these are like the others: doubtful ones are worse, a random sample is fair)"
        )


def draw_sample(annotation: Annotation, size: int, *, seed: int) -> Sample:
    """Return ``size`` objects drawn without putting back; all of them where there are fewer.

    Objects that a person drew, or that gates leave out, are not among them.

    Raises
    ------
    OptionError
        If fewer than two are asked for or there.
    """
    ids = [
        id_
        for id_, record in sorted(annotation.records.items())
        if record.origin is not ObjectOrigin.DRAWN and not record.gated
    ]
    if min(size, len(ids)) < 2:
        raise OptionError(f"a sample of {size} out of {len(ids)} cells is too small; draw two or more")
    return Sample(tuple(Random(seed).sample(ids, min(size, len(ids)))), len(ids))


def reviewed_in_order(sample: Sample, annotation: Annotation) -> int:
    """Return how many of a sample, in the order drawn, were reviewed up to the first that was not.

    The first of a random order are a random sample themselves. Others that happen to be reviewed are not: a person
    went to them for a reason, such as a doubt.
    """
    return next((n for n, id_ in enumerate(sample.ids) if not _is_reviewed(annotation, id_)), len(sample.ids))


def estimate(sample: Sample, annotation: Annotation) -> SampleEstimate:
    """Return estimates for all objects from those of a sample that were reviewed in the order drawn.

    An object that was accepted or edited is a cell; one rejected, excluded or deleted is none; one that was split is
    as many as its parts; of one merged from k, each of the k is a k-th. An object is right if it is one cell or more.

    Raises
    ------
    OptionError
        If fewer than two of the sample were reviewed from its beginning.
    """
    cells = np.array([_cells(annotation, id_) for id_ in sample.ids[: reviewed_in_order(sample, annotation)]])
    if len(cells) < 2:
        raise OptionError(f"{len(cells)} of the sample of {len(sample.ids)} was reviewed; review two or more")
    right = wilson(int((cells >= 1).sum()), len(cells), sample.population)
    shares = bool(np.isin(cells, (0, 1)).all())
    count = Interval(right.low * sample.population, right.high * sample.population)
    method = "Wilson's interval with the effective sample size of a finite population"
    if not shares:
        count = _mean_interval(cells, sample.population, least=right.half)
        method = "mean per object with the finite-population correction and Student's t; precision by Wilson's interval"
    return SampleEstimate(len(cells), sample.population, count, right, method)


def wilson(right: int, drawn: int, population: int) -> Interval:
    """Return the range of a share in a population, of which ``right`` of ``drawn`` have a property."""
    share = right / drawn
    if drawn >= population:
        return Interval(share, share)
    n = drawn * (population - 1) / (population - drawn)
    z = float(ndtri((1 + CONFIDENCE) / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def estimate_f1(right: int, wrong: int, unseen: int) -> F1Estimate | None:
    """Return the F1 of a model from what was reviewed of its cells; None where that is nothing.

    AP = TP / (TP + FP + FN) is a share, of which Wilson's interval is known, and F1 = 2 AP / (1 + AP) rises with it.

    Parameters
    ----------
    right
        Reviewed cells that the model had right (TP).
    wrong
        What it had wrong: cells that it made up, and that it missed (FP + FN).
    unseen
        Cells that nobody looked at.
    """
    drawn = right + wrong
    if not drawn:
        return None
    found = wilson(right, drawn, drawn + unseen)
    return F1Estimate(_f1_of(right / drawn), Interval(_f1_of(found.low), _f1_of(found.high)), drawn, drawn + unseen)


def _f1_of(ap: float) -> float:
    return 2 * ap / (1 + ap)


def _mean_interval(cells: np.ndarray[tuple[int, ...], np.dtype[np.float64]], population: int, least: float) -> Interval:
    """Return the range of the total; per object never narrower than ``least`` on each side."""
    n = len(cells)
    error = float(cells.std(ddof=1)) * math.sqrt((1 - n / population) / n)
    half = population * max(least, float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * error)
    total = population * float(cells.mean())
    return Interval(max(0.0, total - half), total + half)


def _is_reviewed(annotation: Annotation, id_: int) -> bool:
    record = annotation.records.get(id_)
    return record is None or record.reviewed


def _cells(annotation: Annotation, id_: int) -> float:
    """Return how many cells an object of the sample turned out to be."""
    held = (record for record in annotation.records.values() if id_ in record.root_ids and record.counted)
    return sum(1 / len(record.root_ids) for record in held)
