"""``cellvino jobs``: the ledger of a watch: list it, and decide what is done again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.cli.field_jobs import ORDERS, is_of_run, run_on_fields
from napari_cellvino.cli.progress_report import cells
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.service.batch_status import pause_work
from napari_cellvino.service.summary import write_jobs, write_summary
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.storage.ledger import ENDED, Job, JobState, Ledger
from napari_cellvino.storage.time_text import local_time

# What each action does to a job, and the states of jobs that it takes.
_STATES = {
    "retry": (JobState.WAITING, (*ENDED, JobState.WAITING)),
    "rerun": (JobState.WAITING, (*ENDED, JobState.WAITING)),
    "cancel": (JobState.CANCELLED, (JobState.WAITING,)),
    "accept": (JobState.ACCEPTED, (JobState.DONE, JobState.REJECTED)),
    "reject": (JobState.REJECTED, (JobState.DONE, JobState.ACCEPTED)),
}


def run(options: argparse.Namespace) -> int:
    """Do the action; 1 where there is no ledger."""
    ledger = Ledger(options.results.absolute())
    if options.fields or is_of_run(ledger) or (options.action in ORDERS and not ledger.jobs()):
        return run_on_fields(options)
    if not ledger.file.is_file():
        raise OptionError(
            f"{options.results} has no ledger; name the folder that 'cellvino watch' writes to (--out), or add --fields"
        )
    if options.action == "summary":
        write_summary(ledger.file.parent, ledger.jobs())
        return 0
    if options.action in ("pause", "resume"):
        pause_work(ledger.file.parent, paused=options.action == "pause")
        print("paused: what runs goes on, nothing else is begun" if ledger.paused else "goes on", file=sys.stderr)
        return 0
    if options.action in _STATES:
        return _change(ledger, options)
    states = [JobState(state) for state in options.state]
    jobs = _named(ledger, options.input) if options.action == "show" else ledger.jobs(states)
    if options.csv is not None:
        write_jobs(options.csv, jobs)
    if options.json:
        print(json_text([job.as_dict() for job in jobs]), end="")
    elif options.csv is None:
        print("\n".join((_whole if options.action == "show" else _line)(job) for job in jobs))
    return 0


def _change(ledger: Ledger, options: argparse.Namespace) -> int:
    state, allowed = _STATES[options.action]
    jobs = _named(ledger, options.input) if options.input else ledger.jobs([JobState(s) for s in options.state])
    if not (options.input or options.state):
        raise OptionError(f"name the inputs to {options.action}, or their state with --state")
    if options.action == "rerun" and options.recipe is None:
        raise OptionError("rerun takes another recipe: --recipe FILE; 'retry' runs the same one again")
    unfit = [job for job in jobs if job.state not in allowed]
    if unfit:
        raise OptionError(f"{unfit[0].source} is {unfit[0].state.value}, and {options.action} takes only jobs that are "
                          f"{', '.join(s.value for s in allowed)}")  # fmt: skip
    changes: dict[str, object] = {"state": state, "retry_at": 0.0, "error": ""}
    if state is JobState.WAITING:
        changes |= {"attempts": 0}
    if options.action == "rerun":
        load_recipe(options.recipe)
        changes |= {"recipe": str(options.recipe.absolute())}
    ledger.update([job.source for job in jobs], **changes)
    print(f"{len(jobs)} job{'s' * (len(jobs) != 1)}: {state.value}", file=sys.stderr)
    return 0


def _named(ledger: Ledger, inputs: Sequence[str]) -> list[Job]:
    """Return the jobs of inputs, named by path or, where it is the only one, by file name."""
    if not inputs:
        raise OptionError("name the inputs, by path or by name")
    jobs = ledger.jobs()
    found: list[Job] = []
    for text in inputs:
        path = str(Path(text).absolute())
        alike = [job for job in jobs if job.source == path] or [job for job in jobs if Path(job.source).name == text]
        if len(alike) != 1:
            raise OptionError(f"{len(alike)} jobs are called {text!r}; name one by its whole path")
        found += alike
    return found


def _line(job: Job) -> str:
    counted = f"{cells(job.cells)} in {job.fields}" if job.fields else ""
    return "  ".join(
        filter(None, [f"{job.state.value:9}", local_time(job.ended or job.queued), job.source, counted, job.error])
    )


def _whole(job: Job) -> str:
    times = {name: local_time(getattr(job, name)) for name in ("queued", "started", "ended", "retry_at", "heartbeat")}
    lines = [f"  {name}: {value}" for name, value in (job.as_dict() | times).items() if value not in ("", 0, {})]
    return "\n".join([job.source, *lines[1:]])
