"""Which fields of a folder of results to look at first, and why: the worst come first.

What speaks against a field: a count that chance does not explain beside those of the others, a model that is unsure of
its cells, many doubtful cells, and notices on what may have made the count wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from napari_cellvino.quality.doubts import LOW_SCORE
from napari_cellvino.results.schema import FieldSummary
from napari_cellvino.results.store import ResultStore

FEWEST = 5  # fields from which one can be said to be unlike the others
FAR = 3.5  # robust z score; Iglewicz and Hoaglin 1993
MANY = 0.3  # share of doubtful cells from which it is a reason
_MAD = 1.4826  # of a normal distribution: standard deviation over median absolute deviation


@dataclass(frozen=True, slots=True)
class OddField:
    """A field whose count is unlike those of the others in its folder."""

    folder: Path
    count: int
    usual: tuple[int, int]
    score: float

    @property
    def reason(self) -> str:
        """What is unlike the others."""
        low, high = self.usual
        return f"{self.count:,} cells; half of the fields beside it have {low:,} to {high:,}"


@dataclass(frozen=True, slots=True)
class RankedField:
    """A field, why it should be looked at (empty: nothing speaks against it), and how much; the worst is the largest.

    ``share`` is that of its doubtful cells.
    """

    folder: Path
    count: int
    reasons: tuple[str, ...]
    score: float
    share: float = 0.0


def rank_fields(store: ResultStore) -> list[RankedField]:
    """Return all finished fields, the worst first."""
    held = [(folder, summary) for folder, summary in store.summaries() if summary.finished]
    beside = {field.folder: field for field in _against_others(held)}
    return sorted((_ranked(f, s, beside.get(f)) for f, s in held), key=lambda field: (-field.score, field.folder.name))


def _against_others(held: Iterable[tuple[Path, FieldSummary]]) -> list[OddField]:
    """Return how far the count of each field is from those of all; nothing where there are too few to say.

    It is the robust z score of the square root: counts vary as their square root does not (Anscombe 1948), so that one
    limit holds for few and many cells.
    """
    counts = [(folder, int(s.counts["count"] or 0)) for folder, s in held if s.finished and s.counts]
    if len(counts) < FEWEST:
        return []
    roots = [2 * math.sqrt(count + 0.375) for _, count in counts]
    middle = median(roots)
    spread = max(1.0, _MAD * median(abs(value - middle) for value in roots))  # 1: what chance alone makes of counts
    low, high = (int(q) for q in np.percentile([count for _, count in counts], (25, 75)))
    scored = zip(counts, roots, strict=True)
    return [OddField(folder, count, (low, high), abs(value - middle) / spread) for (folder, count), value in scored]


def _ranked(folder: Path, summary: FieldSummary, beside: OddField | None) -> RankedField:
    counts = summary.counts or {}
    count, sure = int(counts.get("count") or 0), counts.get("mean_score")
    share = summary.doubtful / summary.cells if summary.cells else 0.0
    reasons, score = [], share
    if beside is not None:
        score += beside.score / FAR
        reasons += [beside.reason] if beside.score > FAR else []
    if sure is not None and sure < LOW_SCORE:
        score += 1 + LOW_SCORE - sure
        reasons.append(f"the model is unsure of its cells (mean score {sure:.2f})")
    if share > MANY:
        score += 1
        reasons.append(f"{share:.0%} of its cells are doubtful")
    if summary.notices:
        score += 1
        reasons.append(summary.notices)
    return RankedField(folder, count, tuple(reasons), score, share)
