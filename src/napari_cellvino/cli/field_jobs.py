"""``cellvino jobs … --fields``: the fields of a run: list them, and accept or reject what was found in them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_cellvino.cli.progress_report import Reporter, cells
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord, FieldState
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.storage.ledger import Ledger
from napari_cellvino.storage.time_text import local_time
from napari_cellvino.workflows.field_log import known_records
from napari_cellvino.workflows.run_again import run_again

_AGAIN = {"retry": FieldState.FAILED, "rerun": FieldState.REJECTED}
_REVIEWS = {"accept": FieldState.ACCEPTED, "reject": FieldState.REJECTED}


def is_of_run(ledger: Ledger) -> bool:
    """Return whether a ledger is of a run and not of a watch: it has fields and no jobs."""
    return ledger.file.is_file() and not ledger.jobs() and bool(FieldLedger(ledger.file.parent).records())


def run_on_fields(options: argparse.Namespace) -> int:
    """Do the action on fields; a ledger that is lost is made again from tables and results.

    Raises
    ------
    OptionError
        If the action is not one for fields, or a field is not there or not done.
    """
    root = options.results.absolute()
    ledger = FieldLedger(root)
    records = ledger.records()
    if not records:
        records = known_records(ResultStore(root))
        if records:
            ledger.enter(records)
    if not records:
        raise OptionError(f"{options.results} holds no results; name the folder that 'cellvino run' wrote (--out)")
    if options.action in _REVIEWS:
        names = options.input or [r.name for r in records if r.shown_state.value in options.state]
        ledger.review(names, _REVIEWS[options.action])
        print(f"{len(names)} field{'s' * (len(names) != 1)}: {_REVIEWS[options.action].value}", file=sys.stderr)
        return 0
    if options.action in _AGAIN:
        return _run_again(root, options)
    if options.action not in ("list", "show"):
        raise OptionError(f"{options.action} is for jobs of a watch")
    states, names = set(options.state), set(options.input)
    chosen = [r for r in records if (not states or r.shown_state.value in states) and (not names or r.name in names)]
    _tell(chosen, options)
    return 0


def _run_again(root: Path, options: argparse.Namespace) -> int:
    """Run what failed, or what was rejected, again; 0 when every field was done, else 1."""
    state = _AGAIN[options.action]
    if options.input or options.state:
        raise OptionError(f"{options.action} takes all fields that are {state.value}; name none")
    if options.action == "rerun" and options.recipe is None:
        raise OptionError("rerun takes another recipe for the rejected fields: --recipe FILE")
    reporter = Reporter(0, quiet=options.json)
    with EngineProvider() as engines:
        recipe = None if options.recipe is None else load_recipe(options.recipe)
        results = finish(run_again(root, state, engines, recipe), reporter.report)
    reporter.end([outcome for result in results for outcome in result.outcomes])
    return int(any(result.failed for result in results))


def _tell(records: list[FieldRecord], options: argparse.Namespace) -> None:
    if options.csv is not None:
        _write_csv(options.csv, records)
    if options.json:
        print(json_text([record.as_dict() for record in records]), end="")
    elif options.csv is None:
        print("\n".join((_whole if options.action == "show" else _line)(record) for record in records))


def _write_csv(path: Path, records: list[FieldRecord]) -> None:
    import pandas as pd

    write_table(path, pd.DataFrame([record.as_dict() for record in records]))


def _line(record: FieldRecord) -> str:
    counted = cells(record.cells) if record.state == FieldState.DONE else ""
    stage = f"({record.stage})" if record.stage else ""
    parts = [f"{record.shown_state.value:9}", local_time(record.ended), record.name, counted, record.error, stage]
    return "  ".join(part for part in parts if part)


def _whole(record: FieldRecord) -> str:
    times = {name: local_time(getattr(record, name)) for name in ("heartbeat", "started", "ended")}
    lines = [f"  {name}: {value}" for name, value in (record.as_dict() | times).items() if value not in ("", 0, 0.0)]
    return "\n".join([record.name, *lines[1:]])
