"""The page of the morning: what was run, what failed and why, and the fields that look unlike the others.

``summary.html`` needs no other file; ``jobs.csv`` has the same as a table. Both are made anew from the ledger and the
results whenever jobs have ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_cellvino import __version__
from napari_cellvino.results.pages import page_template
from napari_cellvino.results.schema import SUMMARY_NAME
from napari_cellvino.results.store import ResultStore, write_text
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.ledger import Job, JobState
from napari_cellvino.storage.time_text import local_time
from napari_cellvino.workflows.drift import judge_runs
from napari_cellvino.workflows.field_ranking import rank_fields
from napari_cellvino.workflows.run_page import SHOWN, with_pictures

JOBS_NAME = "jobs.csv"
MOST_SKIPPED = 100  # inputs that were not run, which the page names


def write_summary(root: Path, jobs: Sequence[Job], again: str = "cellvino jobs retry") -> None:
    """Write ``summary.html`` and ``jobs.csv`` into the folder of results; ``again`` is what runs failed jobs again.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    write_jobs(root / JOBS_NAME, jobs)
    write_text(root / SUMMARY_NAME, render_summary(root, jobs, again))


def write_jobs(path: Path, jobs: Sequence[Job]) -> None:
    """Write jobs as a table, with a column for each part that rules read from names; `OutputError` if it cannot be."""
    import pandas as pd

    rows = [{**job.as_dict(), **{f"name_{k}": v for k, v in job.attributes.items()}} for job in jobs]
    for row in rows:
        del row["attributes"]
    write_table(path, pd.DataFrame(rows))


def render_summary(root: Path, jobs: Sequence[Job], again: str = "") -> str:
    """Return the page as HTML."""
    places = sorted({Path(job.results) for job in jobs if job.results})
    ranked = sorted((field for place in places for field in rank_fields(ResultStore(place))), key=lambda f: -f.score)
    spoken = sum(bool(field.reasons) for field in ranked)
    return page_template("summary.html").render(
        root=root.name,
        again=again,
        jobs=jobs,
        counts={state.value: n for state in JobState if (n := sum(job.state is state for job in jobs))},
        fields=sum(max(0, job.fields - job.failed) for job in jobs),
        cells=sum(job.cells for job in jobs),
        failed=[job for job in jobs if job.state is JobState.FAILED or (job.error and job.state is JobState.WAITING)],
        skipped=[job for job in jobs if job.state is JobState.SKIPPED][:MOST_SKIPPED],
        groups=_groups(root, jobs),
        worst=with_pictures(ranked[:SHOWN]),
        more_worst=max(0, spoken - SHOWN),
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
            "page": _page_of(root, Path(results)),
            "rule": ", ".join(sorted({job.rule for job in held})),
            "inputs": len(held),
            "fields": sum(job.fields for job in held),
            "cells": sum(job.cells for job in held),
            "failed": sum(job.failed for job in held),
            "ended": local_time(max(job.ended for job in held)),
        }
        for results, held in sorted(found.items())
    ]


def _page_of(root: Path, results: Path) -> str:
    """Return where the page of a folder of results is, seen from ``root``; empty where it has none of its own."""
    inside = results.is_relative_to(root) and results != root and (results / SUMMARY_NAME).is_file()
    return (results.relative_to(root) / SUMMARY_NAME).as_posix() if inside else ""
