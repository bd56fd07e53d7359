"""The page of the morning: what was run, what failed and why, and the fields that look unlike the others.

``summary.html`` needs no other file; ``jobs.csv`` has the same as a table. Both are made anew from the ledger and the
results whenever jobs have ended.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino import __version__
from napari_cellvino.results.crop_pictures import as_data_url
from napari_cellvino.results.schema import QC_NAME
from napari_cellvino.results.store import ResultStore, write_text
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.ledger import Job, JobState
from napari_cellvino.storage.time_text import local_time
from napari_cellvino.workflows.drift import judge_runs

if TYPE_CHECKING:
    from jinja2 import Environment

SUMMARY_NAME, JOBS_NAME = "summary.html", "jobs.csv"
SHOWN = 12  # pictures
SIDE = 300  # px of a picture
FEWEST = 5  # fields from which one can be said to be unlike the others
FAR = 3.5  # robust z score; Iglewicz and Hoaglin 1993
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
        return f"{self.count:,} cells; half of the fields of {self.folder.parent.name} have {low:,} to {high:,}"


def write_summary(root: Path, jobs: Sequence[Job], again: str = "cellvino jobs retry") -> None:
    """Write ``summary.html`` and ``jobs.csv`` into the folder of results; ``again`` is what runs failed jobs again.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    import pandas as pd

    rows = [{**job.as_dict(), **{f"name_{k}": v for k, v in job.attributes.items()}} for job in jobs]
    for row in rows:
        del row["attributes"]
    write_table(root / JOBS_NAME, pd.DataFrame(rows))
    write_text(root / SUMMARY_NAME, render_summary(root, jobs, again))


def render_summary(root: Path, jobs: Sequence[Job], again: str = "") -> str:
    """Return the page as HTML."""
    places = sorted({Path(job.results) for job in jobs if job.results})
    odd = sorted((o for place in places for o in odd_fields(ResultStore(place))), key=lambda o: -o.score)
    return _environment().get_template("summary.html").render(
        root=root.name,
        again=again,
        jobs=jobs,
        counts={state.value: n for state in JobState if (n := sum(job.state is state for job in jobs))},
        fields=sum(max(0, job.fields - job.failed) for job in jobs),
        cells=sum(job.cells for job in jobs),
        failed=[job for job in jobs if job.state is JobState.FAILED or (job.error and job.state is JobState.WAITING)],
        groups=_groups(root, jobs),
        odd=[(field, _picture(field.folder / QC_NAME)) for field in odd[:SHOWN]],
        more_odd=max(0, len(odd) - SHOWN),
        drifted=[run for run in judge_runs(places, root.absolute()) if run.sentences],
        version=__version__,
    )  # fmt: skip


def _groups(root: Path, jobs: Iterable[Job]) -> list[dict[str, object]]:
    """Return a row for each folder of results."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        found.setdefault(job.results, []).append(job)
    return [
        {
            "results": Path(results).relative_to(root).as_posix() if Path(results).is_relative_to(root) else results,
            "rule": ", ".join(sorted({job.rule for job in held})),
            "inputs": len(held),
            "fields": sum(job.fields for job in held),
            "cells": sum(job.cells for job in held),
            "failed": sum(job.failed for job in held),
            "ended": local_time(max(job.ended for job in held)),
        }
        for results, held in sorted(found.items())
    ]


def odd_fields(store: ResultStore) -> list[OddField]:
    """Return the fields whose count is far from the median of their folder, by the robust z score of its square root.

    Counts vary as their square root does not (Anscombe 1948), so that one limit holds for few and many cells.
    """
    counts = [(folder, int(s.counts["count"] or 0)) for folder, s in store.summaries() if s.finished and s.counts]
    if len(counts) < FEWEST:
        return []
    roots = [2 * math.sqrt(count + 0.375) for _, count in counts]
    middle = median(roots)
    spread = max(1.0, _MAD * median(abs(value - middle) for value in roots))  # 1: what chance alone makes of counts
    low, high = (int(q) for q in np.percentile([count for _, count in counts], (25, 75)))
    scored = zip(counts, roots, strict=True)
    odd = [OddField(folder, count, (low, high), abs(value - middle) / spread) for (folder, count), value in scored]
    return [field for field in odd if field.score > FAR]


def _picture(path: Path) -> str:
    """Return a small copy of a picture as a data URL, empty where there is none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            small = picture.convert("RGB")
            small.thumbnail((SIDE, SIDE))
            return as_data_url(np.asarray(small))
    except (OSError, UnidentifiedImageError):
        return ""


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("napari_cellvino.service", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"number": lambda value: f"{value:,}", "time": local_time}
    return environment
