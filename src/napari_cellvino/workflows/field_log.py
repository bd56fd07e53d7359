"""What a run enters into the ledger of fields, and what the ledger says of which fields it does.

A ledger that cannot be written stops no run: results on disk are the truth, and say what is done.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from napari_cellvino import __version__
from napari_cellvino.core.errors import CellvinoError, OutputError
from napari_cellvino.core.image import Origin
from napari_cellvino.results.counts_table import UNREADABLE, read_rows
from napari_cellvino.results.plate_place import plate_row
from napari_cellvino.results.schema import Row, field_row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord, FieldState
from napari_cellvino.storage.ledger_file import this_worker
from napari_cellvino.storage.run_control import RunOrders
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask

_logger = logging.getLogger(__name__)

BEAT_S = 60.0
NEW = "new"  # of --only: never run, or not to its end

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """Which fields of its inputs a run does, and how often what may pass is tried again.

    Attributes
    ----------
    only
        ``new`` and states of fields; empty: all. Rejected ones are made again even if nothing else was chosen.
    retries, wait_s
        Further attempts at fields whose cause of failure may be gone, and seconds before the first; then twice as many.
    names
        Of those in ``only``, the fields that the ledger calls so; empty: all.
    """

    only: frozenset[str] = frozenset()
    retries: int = 0
    wait_s: float = 2.0
    names: frozenset[str] = frozenset()


ALL = FieldSelection()


class FieldLog:
    """The ledger of the fields of one run.

    Parameters
    ----------
    store, pipeline
        The folder of results, and what is run.
    selection
        Which fields are run.
    clock
        Returns seconds since 1970.
    """

    def __init__(
        self,
        store: ResultStore,
        pipeline: Pipeline,
        selection: FieldSelection = ALL,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._selection, self._clock = store, selection, clock
        self._ledger, self._worker = FieldLedger(store.root), this_worker()
        self._models = "+".join(step.package.sha256 for step in pipeline.steps)
        self._begun: dict[int, FieldRecord] = {}
        self._before: dict[str, FieldRecord] = {}
        self._passed_over = set[int]()
        self._usable = True
        self.held: list[FieldTask] = []  # which another run has
        self.orders = RunOrders((store.root, store.root.absolute().parent), clock)
        self.halted_at: FieldTask | FieldOutcome | None = None  # the first that was not begun when the run was halted

    @contextmanager
    def open(self) -> Iterator[None]:
        """Keep the leases of this run alive; at the end, give back those of fields that it has not ended."""
        with ExitStack() as held:
            self._try(lambda: held.enter_context(self._ledger.kept_open()), None)
            yield from self._leased()

    def _leased(self) -> Iterator[None]:
        known: list[FieldRecord] = self._try(self._known, [])
        self._before = {record.name: record for record in known}
        over = threading.Event()
        beating = threading.Thread(target=self._beat, args=(over,), name="cellvino-lease", daemon=True)
        beating.start()
        try:
            yield
        finally:
            over.set()
            beating.join()
            if self._begun:
                self._try(lambda: self._ledger.give_back(self._worker, self._stood()), None)

    def _stood(self) -> dict[str, FieldRecord]:
        """Return how fields that were begun and not ended stood before, where their results are those of then."""
        stood = dict[str, FieldRecord]()
        for record in self._begun.values():
            before = self._before.get(record.name) or self._before.get(f"{record.file} {record.position}".strip())
            if before is None or before.state not in (FieldState.DONE, FieldState.FAILED):
                continue
            key = self._store.key(self._store.root / record.name)
            then = before.recipe if before.state == FieldState.DONE else None
            if then == (None if key is None else key.recipe):
                stood[record.name] = before
        return stood

    def chosen(self, tasks: Iterable[FieldTask | FieldOutcome]) -> Iterator[FieldTask | FieldOutcome]:
        """Yield the tasks that are to be run; what failed before and is not chosen stays failed."""
        for task in tasks:
            if isinstance(task, FieldOutcome) or not self._selection.only:
                yield task
                continue
            known = self._before.get(task.folder.name) or self._before.get(unopened_name(task.origin))
            state = known.shown_state.value if known is not None else self._state_on_disk(task)
            if self._is_chosen(state, known.name if known is not None else task.folder.name):
                yield replace(task, again=True) if state == FieldState.REJECTED else task
            elif known is not None and state == FieldState.FAILED:
                self._passed_over.add(task.number)
                row = field_row(task.origin, "", "failed", known.error)
                row = plate_row(row, task.place.columns) if task.place else row
                yield FieldOutcome(task.number, row, stage=known.stage)

    def _is_chosen(self, state: str, name: str) -> bool:
        only, names = self._selection.only, self._selection.names
        return (state in only or (state in _UNDONE and NEW in only)) and (not names or name in names)

    def begin(self, task: FieldTask) -> bool:
        """Return whether a field is this run's to do; where another run does it, it is `held`."""
        record = self._record(task)
        if not self._try(lambda: self._ledger.begin(record, self._clock()), True):
            self.held.append(task)
            return False
        self._begun[task.number] = record
        return True

    def end(self, outcome: FieldOutcome) -> None:
        """Enter what became of a field; of one that was kept, only where nothing is known of it."""
        if outcome.number in self._passed_over:
            return
        begun, now = self._begun.pop(outcome.number, None), self._clock()
        before = self._before.get(str(outcome.row["folder"]))
        if outcome.kept and begun is None and before is not None and before.state == FieldState.DONE:
            return
        fresh = record_of_row(outcome.row)
        known = begun or self._before.get(fresh.name) or self._done_before(outcome)
        record = known or fresh
        if outcome.kept and begun is None and record is known and record.state == FieldState.DONE:
            return
        changes: dict[str, object] = {
            "state": (FieldState.FAILED if outcome.failed else FieldState.DONE).value,
            "stage": outcome.stage if outcome.failed else "",
            "error": str(outcome.row["error"]),
            "cells": outcome.count,
            "seconds": round(outcome.seconds, 3),
            "ended": now,
        }
        if known is None:
            self._try(lambda: self._ledger.enter([fresh]), None)
        changes |= {"review": ""} if not outcome.kept and not outcome.failed else {}
        self._try(lambda: self._ledger.end(record.name, **changes), None)

    def _done_before(self, outcome: FieldOutcome) -> FieldRecord | None:
        """Return the record of a field that failed before it had a folder, from when it was done; None without one."""
        if outcome.row["folder"]:
            return None
        place = _place_of(record_of_row(outcome.row))
        return next((known for known in self._before.values() if _place_of(known) == place), None)

    def _record(self, task: FieldTask) -> FieldRecord:
        o, key = task.origin, task.result_key
        return FieldRecord(
            task.folder.name, o.path, o.position, str(o.frame or ""), o.plate, o.well, o.field,
            host=socket.gethostname(), worker=self._worker, version=__version__, recipe=key.recipe,
            image=f"{key.size}:{key.modified_ns}", model=self._models,
        )  # fmt: skip

    def _state_on_disk(self, task: FieldTask) -> str:
        return NEW if self._store.key(task.folder) is None else FieldState.DONE.value

    def _known(self) -> list[FieldRecord]:
        """Return all records; where there are none, as in a new ledger, or a lost one, tables and results are asked."""
        known = self._ledger.records()
        if not known:
            self._ledger.enter(known_records(self._store))
            known = self._ledger.records()
        return known

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(BEAT_S):
            self._try(lambda: self._ledger.beat(self._worker, self._clock()), None)

    def _try(self, change: Callable[[], _T], otherwise: _T) -> _T:
        """Return what the ledger says; once it cannot be used, it is left alone."""
        if not self._usable:
            return otherwise
        try:
            return change()
        except OutputError as error:
            _logger.warning("the ledger of fields is not kept: %s", error)
            self._usable = False
            return otherwise


_UNDONE = (NEW, FieldState.WAITING.value, FieldState.RUNNING.value)


def known_records(store: ResultStore) -> list[FieldRecord]:
    """Return what ``counts.csv``, or else the results themselves, say of the fields in a folder."""
    rows: list[Row]
    try:
        rows = [dict(row) for row in read_rows(store.counts_path)]
    except UNREADABLE:
        try:
            rows = store.rows()
        except CellvinoError:
            return []
    return [record_of_row(row) for row in rows]


def unopened_name(origin: Origin) -> str:
    """Return the name of a field that has no folder, as it failed: that of a plate's folder, or of its own file.

    Files that are no plate may know their well; several of one well are several fields.
    """
    label = f"{origin.well}_f{origin.field}"
    if origin.well and origin.position == label:
        return label
    return f"{origin.path} {origin.position}".strip()


def _place_of(record: FieldRecord) -> tuple[str, ...]:
    return record.file, record.position, record.frame, record.well, record.field


def _origin(text: dict[str, str]) -> Origin:
    return Origin(text["file"], text["position"], text["plate"], text["well"], text["field"])


def record_of_row(row: Row) -> FieldRecord:
    """Return the record of a row of ``counts.csv``."""
    text = {name: str(row.get(name, "")) for name in ("file", "position", "frame", "plate", "well", "field")}
    failed = row["status"] == "failed"
    state = FieldState.FAILED if failed else FieldState.DONE
    name = str(row["folder"]) or unopened_name(_origin(text))
    count = str(row.get("count", ""))
    cells = int(count) if count.isdecimal() else 0  # none were sought, or somebody changed the table
    places = text["file"], text["position"], text["frame"], text["plate"], text["well"], text["field"]
    return FieldRecord(name, *places, state=state.value, error=str(row.get("error", "")), cells=cells)
