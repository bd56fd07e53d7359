"""``cellvino watch``: run what is written into folders, by rules, until it is stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.cli.planned_inputs import print_plans
from napari_cellvino.cli.progress_report import Reporter, cells
from napari_cellvino.cli.recipe_options import engines_from, recipe_from
from napari_cellvino.cli.stop_signals import stopped_by_signals
from napari_cellvino.service.rules import RuleBook, load_rules
from napari_cellvino.service.watch import Watch
from napari_cellvino.service.watch_events import Idle, JobEnded, JobQueued, WatchPlan
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.storage.ledger import Job, JobState
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress


def run(options: argparse.Namespace) -> int:
    """Watch; 0 when it was stopped or all was done, 1 when with ``--once`` something failed."""
    plan = plan_of(options)
    watch = Watch(plan)
    if options.dry_run:
        return _dry_run(watch, as_json=options.json)
    reporter = Reporter(0, quiet=options.json)
    failed = False
    before = watch.ledger.jobs([JobState.FAILED]) if options.once else []
    with stopped_by_signals() as stop, engines_from(options, plan.base) as engines:
        for event in watch.run(stop, engines, once=options.once):
            if isinstance(event, FieldProgress):
                reporter.progress(event)
            elif isinstance(event, FieldOutcome):
                reporter.field(event)
            else:
                failed |= _tell(event, as_json=options.json)
    if options.once and not options.json:
        _tell_left(watch, before)
    return int(failed and options.once)


def plan_of(options: argparse.Namespace) -> WatchPlan:
    """Return what the options of a watch ask for.

    Raises
    ------
    OptionError
        If a choice or a rule is impossible.
    """
    book = load_rules(options.rules) if options.rules else RuleBook()
    folders = tuple(folder.absolute() for folder in options.folders)
    out = options.out.absolute()
    return WatchPlan(folders, out, book, recipe_from(options), options.settle, options.patience, options.every)


def _tell_left(watch: Watch, before: Sequence[Job]) -> None:
    """Say what a watch that ends leaves: what no rule takes and what failed in an earlier one, or that all is empty."""
    out = watch.plan.root
    left = watch.not_taken()
    if left:
        path, why = next(iter(left.items()))
        print(f"{len(left)} input(s) not taken, as {path.name}: {why}; --dry-run says why of each", file=sys.stderr)
    failed = [job for job in before if job.state == watch.ledger.find([job.source])[0].state]
    if failed:
        print(f"{len(failed)} input(s) failed earlier, and are not tried again by themselves, as "
              f"{Path(failed[0].source).name}: {failed[0].error}; 'cellvino jobs retry {out} --state failed'",
              file=sys.stderr)  # fmt: skip
    if not left and not watch.ledger.jobs():
        print(f"no image lies in {', '.join(map(str, watch.plan.folders))}: nothing was run", file=sys.stderr)


def _tell(event: JobQueued | JobEnded | Idle, *, as_json: bool) -> bool:
    """Print an event, and return whether a job failed for good."""
    content: dict[str, object]
    if isinstance(event, Idle):
        text, content = f"waiting: {event.reason}", {"event": "idle", "reason": event.reason}
    else:
        job = event.job
        kind = "queued" if isinstance(event, JobQueued) else "ended"
        content = {"event": kind, **job.as_dict()}
        how = f"queued by {job.rule or 'the rule'}" if isinstance(event, JobQueued) else _how(event)
        text = f"{Path(job.source).name}: {how}"
    print(
        json_text(content).replace("\n", "") if as_json else text,
        file=sys.stdout if as_json else sys.stderr,
        flush=True,
    )
    return isinstance(event, JobEnded) and event.job.state is JobState.FAILED


def _how(event: JobEnded) -> str:
    job = event.job
    if job.state is JobState.DONE:
        return f"done, {cells(job.cells)} in {job.fields} field{'s' * (job.fields != 1)}"
    if job.state is JobState.WAITING:
        return f"attempt {job.attempts} failed, tried again later: {job.error}"
    return f"{job.state.value}: {job.error}"


def _dry_run(watch: Watch, *, as_json: bool) -> int:
    """Print what each input would get, and why."""
    print_plans(watch.planned(), as_json=as_json)
    for folder, why in watch.folders.unreadable.items():
        print(f"{folder}: {why}", file=sys.stderr)
    return 0
