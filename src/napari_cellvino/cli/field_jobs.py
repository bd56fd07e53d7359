"""``cellvino jobs`` on the fields of runs: list, judge and run them again; let runs pause, go on or end."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.cli.progress_report import Reporter, cells
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.checks import list_names
from napari_cellvino.results.schema import SUMMARY_NAME
from napari_cellvino.results.store import ResultStore
from napari_cellvino.service.batch_status import pause_work
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord, FieldState
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.storage.ledger import Ledger
from napari_cellvino.storage.ledger_file import LEDGER_NAME
from napari_cellvino.storage.run_control import RunControl
from napari_cellvino.storage.time_text import local_time
from napari_cellvino.workflows.field_log import known_records
from napari_cellvino.workflows.run_again import run_again
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_page import refresh_run_page, write_run_page

_AGAIN = {"retry": FieldState.FAILED, "rerun": FieldState.REJECTED}
ORDERS = ("pause", "resume", "cancel", "summary")
_REVIEWS = {"accept": FieldState.ACCEPTED, "reject": FieldState.REJECTED}


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder of results with its fields; ``prefix`` stands before their names where there are several folders."""

    root: Path
    records: list[FieldRecord]
    prefix: str = ""

    def named(self, texts: Sequence[str]) -> list[str]:
        """Return the names of those fields that are meant by texts: a name, with the folder or without, or a file."""
        wanted = set(texts)
        return [r.name for r in self.records if not wanted.isdisjoint(self._words(r))]

    def missing(self, texts: Sequence[str]) -> set[str]:
        """Return the texts that mean no field here."""
        return set(texts) - {word for r in self.records for word in self._words(r)}

    def _words(self, record: FieldRecord) -> set[str]:
        return {record.name, f"{self.prefix}{record.name}", record.file, Path(record.file or record.name).name}


def is_of_run(ledger: Ledger) -> bool:
    """Return whether a folder is of a run, or of one over several inputs, and not of a watch: it has no jobs."""
    root = ledger.file.parent
    return not ledger.jobs() and bool(FieldLedger(root).records() or _inside(root))


def _inside(root: Path) -> list[Path]:
    """Return the folders of results in a folder that several inputs were run into."""
    try:
        return sorted(path.parent for path in root.glob(f"*/{LEDGER_NAME}"))
    except OSError:
        return []


def _folders(root: Path) -> list[_Folder]:
    """Return the folders of results that a folder is or holds; a ledger that is lost is made again from results."""
    records = _records(root)
    if records:
        return [_Folder(root, records)]
    return [_Folder(path, held, f"{path.name}/") for path in _inside(root) if (held := _records(path))]


def _records(root: Path) -> list[FieldRecord]:
    ledger = FieldLedger(root)
    records = ledger.records()
    if not records:
        records = known_records(ResultStore(root))
        if records:
            ledger.enter(records)
    return records


def run_on_fields(options: argparse.Namespace) -> int:
    """Do the action on fields, or on the runs that fill a folder.

    Raises
    ------
    OptionError
        If the action is not possible, or a field is not there or not done.
    """
    root = options.results.absolute()
    if options.action in ORDERS:
        return _order(root, options)
    folders = _folders(root)
    if not folders:
        raise OptionError(f"{options.results} holds no results; name the folder that 'cellvino run' wrote (--out)")
    unknown = set.intersection(*(folder.missing(options.input) for folder in folders))
    if unknown:
        raise OptionError(f"{options.results} has no field {min(unknown)}; 'cellvino jobs list' shows all of them")
    if options.action in _AGAIN or options.action in _REVIEWS:
        _check_names(folders, options.input)
    if options.action in _AGAIN:
        return _run_again(folders, options)
    if options.action in _REVIEWS:
        return _review(folders, options)
    states = set(options.state)
    for folder in folders:
        names = set(folder.named(options.input))
        folder.records[:] = [
            r for r in folder.records
            if (not states or r.shown_state.value in states) and (not options.input or r.name in names)
        ]  # fmt: skip
    _tell(folders, options)
    return 0


def _check_names(folders: Sequence[_Folder], texts: Sequence[str]) -> None:
    """Raise OptionError where a name means fields of several folders: what is decided of one is not of the others."""
    for text in texts:
        meant = [f"{folder.prefix}{name}" for folder in folders for name in folder.named([text])]
        if len(meant) > 1:
            raise OptionError(
                f"{len(meant)} fields are called {text}: {list_names(meant)}; name one of them as it is listed"
            )


def _order(root: Path, options: argparse.Namespace) -> int:
    """Let the runs that fill a folder pause, go on or end, or write their page anew."""
    if options.input or options.state:
        raise OptionError(f"{options.action} takes a whole folder of results; name no fields")
    if options.action == "summary":
        folders = _folders(root)
        for folder in folders:
            write_run_page(ResultStore(folder.root), anew=True)
        print(f"{len(folders)} page{'s' * (len(folders) != 1)}: {SUMMARY_NAME}", file=sys.stderr)
        return int(not folders)
    if not ((root / LEDGER_NAME).is_file() or _folders(root)):  # a run that has begun may have no field yet
        raise OptionError(f"{options.results} holds no results; name the folder that 'cellvino run' writes to (--out)")
    if options.action == "cancel":
        RunControl(root).end_runs(time.time())
        print("runs into this folder end; what runs now is finished, and what is done is kept", file=sys.stderr)
        return 0
    paused = options.action == "pause"
    pause_work(root, paused=paused)
    print("paused: what runs goes on, nothing else is begun" if paused else "goes on", file=sys.stderr)
    return 0


def _review(folders: Sequence[_Folder], options: argparse.Namespace) -> int:
    said = _REVIEWS[options.action]
    if not (options.input or options.state):
        raise OptionError(f"name the fields to {options.action}, or their state with --state")
    judged = 0
    for folder in folders:
        by_state = [r.name for r in folder.records if r.shown_state.value in options.state]
        names = folder.named(options.input) if options.input else by_state
        FieldLedger(folder.root).review(names, said)
        judged += len(names)
        if names:
            refresh_run_page(folder.root)  # it names those that are rejected
    print(f"{judged} field{'s' * (judged != 1)}: {said.value}", file=sys.stderr)
    return 0


def _run_again(folders: Sequence[_Folder], options: argparse.Namespace) -> int:
    """Run what failed, or what was rejected, again; 0 when every field was done, else 1."""
    state = _AGAIN[options.action]
    if options.state:
        raise OptionError(f"{options.action} takes fields that are {state.value}; name some of them, or none for all")
    if options.action == "rerun" and options.recipe is None:
        raise OptionError("rerun takes another recipe for the rejected fields: --recipe FILE")
    held = [f for f in folders if f.named(options.input) or not options.input]
    held = [f for f in held if any(r.shown_state is state for r in f.records)] or held[:1]
    reporter, results = Reporter(0, quiet=options.json), list[RunResult]()
    recipe = None if options.recipe is None else load_recipe(options.recipe)
    with EngineProvider() as engines:
        for folder in held:
            again = run_again(folder.root, state, engines, recipe, folder.named(options.input))
            results += finish(again, reporter.report)
    reporter.end([outcome for result in results for outcome in result.outcomes])
    return int(any(result.failed for result in results))


def _tell(folders: Sequence[_Folder], options: argparse.Namespace) -> None:
    rows = [{"results": f.root.name} | r.as_dict() if f.prefix else r.as_dict() for f in folders for r in f.records]
    if options.csv is not None:
        _write_csv(options.csv, rows)
    if options.json:
        print(json_text(rows), end="")
    elif options.csv is None:
        told = _whole if options.action == "show" else _line
        print("\n".join(told(replace(r, name=f.prefix + r.name)) for f in folders for r in f.records))


def _write_csv(path: Path, rows: Sequence[dict[str, object]]) -> None:
    import pandas as pd

    write_table(path, pd.DataFrame(rows))


def _line(record: FieldRecord) -> str:
    counted = cells(record.cells) if record.state == FieldState.DONE else ""
    stage = f"({record.stage})" if record.stage else ""
    parts = [f"{record.shown_state.value:9}", local_time(record.ended), record.name, counted, record.error, stage]
    return "  ".join(part for part in parts if part)


def _whole(record: FieldRecord) -> str:
    times = {name: local_time(getattr(record, name)) for name in ("heartbeat", "started", "ended")}
    lines = [f"  {name}: {value}" for name, value in (record.as_dict() | times).items() if value not in ("", 0, 0.0)]
    return "\n".join([record.name, *lines[1:]])
