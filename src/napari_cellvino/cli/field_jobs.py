"""``cellvino jobs … --fields``: the fields of a run: list them, and accept or reject what was found in them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_cellvino.cli.progress_report import cells
from napari_cellvino.core.errors import OptionError
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord, FieldState
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.storage.ledger import Ledger
from napari_cellvino.storage.time_text import local_time
from napari_cellvino.workflows.field_log import known_records

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
    if options.action not in ("list", "show"):
        raise OptionError(f"{options.action} is for jobs of a watch; fields are run again by 'cellvino run --only'")
    states, names = set(options.state), set(options.input)
    chosen = [r for r in records if (not states or r.shown_state.value in states) and (not names or r.name in names)]
    _tell(chosen, options)
    return 0


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
